#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/core/document.h"

namespace discreet::report::internal {

/// A run as an entry of a report's `results`; the files that were read go to `inputs`.
Json read_run(const std::filesystem::path& run, std::vector<core::InputFile>& inputs);

/// The names of the metrics that say most, at most four, best known first; never the loss, and not
/// the micro F1 of one-label tasks, which is the accuracy again.
std::vector<std::string> headline_metrics(const Json& metrics);

/// The result with the largest AUC of the attacks that see the model, over all audits of an entry; nullptr if none has one.
const Json* strongest_attack(const Json& audits);

/// The largest accuracy difference over an entry's comparisons of groups, else the largest equalised odds difference, and
/// the columns that made its groups. One without a value stands only where no other has one; nullptr if there is none.
struct Gap {
  const Json* result = nullptr;
  std::string columns;
};
Gap widest_gap(const Json& comparisons);

/// Sentences that sum up an entry, for people: what, how private, how leaky, how fair.
Json summary_of(const Json& entry);

}  // namespace discreet::report::internal
