#pragma once

#include <functional>
#include <string>
#include <vector>

namespace discreet::privacy {

/// Nanoseconds per value on one core, with values in the first cache.
struct NoiseSpeed {
  std::string instructions;  ///< "avx512", "avx2", "portable".
  std::string cipher;        ///< "aes128", "chacha20".
  double plain_ns;           ///< NoiseProtection::kNone.
  double grid_ns;            ///< NoiseProtection::kGrid.
  double words_ns;           ///< The random bits of one grid draw alone.
};

/// The least of `repeats` runs of 8192 values for every kernel that this processor has, the one that
/// noise takes here first.
std::vector<NoiseSpeed> noise_speeds(int repeats);

/// Least nanoseconds that work(0) … work(repeats - 1) took, divided by `values`.
double least_ns(int repeats, double values, const std::function<void(int)>& work);

}  // namespace discreet::privacy
