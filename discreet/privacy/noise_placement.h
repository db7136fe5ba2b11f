#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace discreet::privacy {

/// How the noise of a multiplier sigma spreads over layers with clip norms C_l; C^2 = sum C_l^2.
enum class NoisePlacement {
  kGlobal,     ///< sigma C in every layer.
  kPerLayer,   ///< sigma C_l in layer l: counts as sqrt(L) times less noise.
  kPerWorker,  ///< Each of W workers brings its own sigma C_l, so sqrt(W) sigma C_l in the sum.
};

/// "global", "per-layer", "per-worker".
std::string name(NoisePlacement placement);
/// The reverse. Throws: kUsage naming the known ones.
NoisePlacement noise_placement_of(const std::string& name);

/// Standard deviation of the noise in each layer of a sum over `workers` clipped gradients.
std::vector<double> placed_noise(NoisePlacement placement, std::span<const double> clip_norms,
                                 double sigma, std::int64_t workers);

/// The multiplier that an accountant must count where one unit moves layer l by at most
/// unit_sensitivity * C_l: [sum_l (k C_l / nu_l)^2]^(-1/2). With k = 2 (a slot's mean): sigma / 2 global,
/// sigma / (2 sqrt(L)) per layer, sqrt(W) sigma / (2 sqrt(L)) per worker, whatever the C_l are.
double counted_multiplier(NoisePlacement placement, std::span<const double> clip_norms, double sigma,
                          std::int64_t workers, double unit_sensitivity);

}  // namespace discreet::privacy
