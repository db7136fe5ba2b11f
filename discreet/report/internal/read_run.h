#pragma once

#include <filesystem>
#include <vector>

#include "discreet/core/document.h"

namespace discreet::report::internal {

/// A run as an entry of a report's `results`; the files that were read go to `inputs`.
Json read_run(const std::filesystem::path& run, std::vector<core::InputFile>& inputs);

/// Sentences that sum up an entry, for people: what, how private, how leaky, how fair.
Json summary_of(const Json& entry);

}  // namespace discreet::report::internal
