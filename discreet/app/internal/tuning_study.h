#pragma once

#include <filesystem>
#include <vector>

#include "discreet/app/study.h"

namespace discreet::app {

/// What choosing hyper-parameters buys on the built-in corpus at one stated epsilon, and what the usual way of
/// choosing (every candidate trained at the full epsilon, the best one released) spends in truth. A part of the
/// study edp-sgd: cells "tuning-<rule>-<seed>" whose requests have {"kind": "tuning"}.
std::vector<StudyCell> tuning_cells(int seeds);
Json measure_tuning(const Json& request, const std::filesystem::path& scratch, core::OperationContext& context);
/// Test accuracy, the epsilon that is stated and the one that was spent, for each rule.
Json analyse_tuning(int seeds, const StudyResults& finished, Json& results);

}  // namespace discreet::app
