#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace discreet::privacy::internal {

/// Smallest even number >= n with no prime factor above 5: lengths at which the transform is quick.
std::size_t fast_length(std::size_t n);

/// A probability mass function on a grid, and how often it is added to itself.
struct Summand {
  std::vector<double> mass;
  std::int64_t times = 1;
};

/// Distribution of the sum of independent variables on one circular grid: cell `zero` of every
/// summand, and of the result, stands for 0. All masses have one length, a fast one. Mass beyond
/// the ends of the grid wraps around, so the caller bounds it. Cost: one transform per summand and
/// one back.
std::vector<double> convolve_powers(const std::vector<Summand>& summands, std::size_t zero);

/// The same for `count` summands on `size` cells of which only one is held at a time: fill(i, mass)
/// writes that of number i into `mass`, which is all zeros, and returns how often it is added.
std::vector<double> convolve_powers(std::size_t count, std::size_t size, std::size_t zero,
                                    const std::function<std::int64_t(std::size_t, std::vector<double>&)>& fill);

}  // namespace discreet::privacy::internal
