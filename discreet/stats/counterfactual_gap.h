#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "discreet/stats/bootstrap.h"

namespace discreet::stats {

/// Scores of examples and of their counterfactual copies; set[i] says which belong together.
struct CounterfactualScores {
  std::span<const double> score;
  std::span<const std::uint32_t> set;
  std::span<const std::uint8_t> original;  ///< 1: the example itself; one in each set.
};

/// Counterfactual token fairness: how far a score moves when tokens of a group are exchanged.
struct CounterfactualGap {
  BootstrapEstimate mean_of_means;  ///< Mean over originals of the mean |f(x) - f(x')| over their copies.
  BootstrapEstimate pooled;         ///< Mean over all copies.
  BootstrapEstimate flip_rate;      ///< Share of copies on the other side of the threshold.
  std::uint64_t originals = 0, copies = 0, flips = 0;
  std::uint64_t without_copy = 0, without_original = 0;  ///< Sets that cannot enter.
};

/// Bootstrap over originals with their copies; a prediction is score >= threshold.
/// Throws: kInternal for lists of unequal length; kBadData if a set has two originals.
/// Ref: Garg et al. 2019.
CounterfactualGap counterfactual_gap(const CounterfactualScores& data, double threshold,
                                     const BootstrapOptions& options = {});

}  // namespace discreet::stats
