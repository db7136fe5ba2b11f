#pragma once

#include "discreet/stats/attack.h"

namespace discreet::stats::internal {

/// The mean of the lowest share `share` of `values` (at least one); NaN of nothing.
double mean_of_least(std::vector<double> values, double share);

/// The option "share" of min-k and min-k++.
core::FieldSpec least_share_spec();

}  // namespace discreet::stats::internal
