#pragma once

#include <span>
#include <vector>

namespace discreet::stats {

/// The ranks of `values`, from 1; equal values share the mean of theirs, a multiple of one half.
std::vector<double> midranks(std::span<const double> values);

}  // namespace discreet::stats
