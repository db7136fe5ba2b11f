#pragma once

#include "discreet/cli/program.h"

namespace discreet::cli {

/// Prints a document of discreet.train/1 and returns the exit code.
int finish_training(const Program& program, const Json& document);

/// "metric  value" lines of an object of numbers.
void print_metrics(const Json& metrics);

}  // namespace discreet::cli
