#pragma once

#include <span>
#include <vector>

namespace discreet::stats {

/// p-values adjusted for that several tests were made, in the order given; compare each with the level
/// of the whole family. Throws: kInternal if one is outside [0, 1] or NaN.
///
/// Holm: the chance of any false rejection stays below the level, whatever depends on what.
/// Ref: Holm 1979.
std::vector<double> holm(std::span<const double> p_values);
/// Benjamini and Hochberg: the expected share of false rejections stays below the level, for tests
/// that are independent or positively dependent. Ref: Benjamini and Hochberg 1995.
std::vector<double> benjamini_hochberg(std::span<const double> p_values);

}  // namespace discreet::stats
