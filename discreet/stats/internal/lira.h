#pragma once

#include <optional>
#include <string>

#include "discreet/stats/attack.h"

namespace discreet::stats::internal {

enum class LiraVariance { kAuto, kFixed, kPerExample };

/// The normal distribution of each example's signal under one side of the shadow models.
struct LiraFit {
  std::vector<double> center;     ///< [N] median; NaN without models.
  std::vector<double> deviation;  ///< [N] NaN where it cannot be said.
  std::optional<double> pooled;   ///< The common deviation, if that is what `deviation` holds.
};

/// Fits the models of side `in` (or the others). A fixed deviation is pooled within examples: the mean,
/// over examples with at least two models, of the variance around the example's own mean (divisor:
/// models - 1), so that the spread between examples does not enter. `kAuto` takes each example's own
/// deviation where every audited example has at least 32 models on this side, else the fixed one.
/// Throws: kBadData if no example has two models that differ.
LiraFit fit_lira(const AttackData& data, bool in, LiraVariance variance);

/// The option "variance" of both forms.
core::FieldSpec lira_variance_spec();

}  // namespace discreet::stats::internal
