#pragma once

#include <cstdint>
#include <filesystem>

#include "discreet/core/json.h"
#include "discreet/core/operation.h"

namespace discreet::app {

/// On the built-in corpus: trains one model without and one with privacy (recipes assistant and
/// assistant-dp), attacks both, compares their accuracy over groups of speakers; reads planted codes back from two
/// small language models; debiases a third; simulates a federation; and writes one report.
///
/// `lines` of training text, a third as many for the test; 0: as many as the recipes say. The private
/// recipe's batches shrink with them, so that its sampling rate, its noise and epsilon stay: fewer lines
/// make a quicker demonstration of worse models.
///
/// Returns discreet.demo/1: one entry per model with accuracy, slot F1, epsilon, the attack's AUC and
/// the largest gap between groups, and the report's path. An earlier demo in `folder` is replaced.
Json run_demo(const std::filesystem::path& folder, std::int64_t lines,
              core::OperationContext& context);

}  // namespace discreet::app
