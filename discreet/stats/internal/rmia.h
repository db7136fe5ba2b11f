#pragma once

#include "discreet/stats/attack.h"

namespace discreet::stats::internal {

/// log p(x) - log P(x) of every example and of the population; NaN where P(x) cannot be said.
/// Online: P = (mean over models with x + mean over models without) / 2. Offline: P = (1 + alpha)/2 times
/// the mean over models without x, plus (1 - alpha)/2. Model `left_out_model` is not looked at.
std::vector<double> rmia_ratios(const AttackData& data, const std::vector<double>& log_prob, bool online, double alpha,
                                std::size_t left_out_model);
constexpr std::size_t kNoModel = static_cast<std::size_t>(-1);

/// For each audited example the share of z with ratio(x) - ratio(z) > log gamma. z: the population where it
/// has ratios (online: where shadow models of both sides exist for it), else all other audited examples.
std::vector<double> rmia_scores(const AttackData& data, const std::vector<double>& ratios, double gamma);

}  // namespace discreet::stats::internal
