#pragma once

#include <filesystem>

#include "discreet/core/json.h"
#include "discreet/core/operation.h"

namespace discreet::app {

/// What the study of fairness metrics begins from: "bert_tiny_mlm" where that model is among the data, else
/// "built-in", a transformer of the built-in biographies alone.
const char* metrics_base();

/// A masked model trained on biographies with a planted skew, and a classifier of professions from it for each
/// downstream skew, with every metric of both.
///
/// Request: base (metrics_base), upstream (a skew), downstream (skews), upstream_lines, upstream_epochs, lines, epochs,
/// test, seed. Returns {"intrinsic": {metric: value}, "tasks": [{"skew", "accuracy", metric: value}]}; the tasks hold
/// the intrinsic metrics after fine-tuning under NAME + ", after". What a base cannot tell is left out: benchmarks that
/// were not fetched; with "built-in" words that its texts never name, and what needs the head of the language
/// model put back on the classifier's layers.
Json measure_metrics_models(const Json& request, const std::filesystem::path& scratch, core::OperationContext& context);

}  // namespace discreet::app
