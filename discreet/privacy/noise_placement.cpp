#include "discreet/privacy/noise_placement.h"

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/privacy/event.h"

namespace discreet::privacy {

std::string name(NoisePlacement placement) {
  switch (placement) {
    case NoisePlacement::kGlobal:
      return "global";
    case NoisePlacement::kPerLayer:
      return "per-layer";
    case NoisePlacement::kPerWorker:
      return "per-worker";
  }
  throw internal_error("noise placement without a name");
}

NoisePlacement noise_placement_of(const std::string& text) {
  for (const auto placement :
       {NoisePlacement::kGlobal, NoisePlacement::kPerLayer, NoisePlacement::kPerWorker}) {
    if (name(placement) == text) return placement;
  }
  throw usage_error("noise placement '" + text + "': expected global, per-layer or per-worker");
}

std::vector<double> placed_noise(NoisePlacement placement, std::span<const double> clip_norms,
                                 double sigma, std::int64_t workers) {
  std::vector<double> deviations(clip_norms.begin(), clip_norms.end());
  double squares = 0;
  for (const double norm : clip_norms) squares += norm * norm;
  // One layer: without the rounding of the way through the square.
  const double whole = clip_norms.size() == 1 ? clip_norms[0] : std::sqrt(squares);
  for (double& deviation : deviations) {
    switch (placement) {
      case NoisePlacement::kGlobal:
        deviation = sigma * whole;
        break;
      case NoisePlacement::kPerLayer:
        deviation *= sigma;
        break;
      case NoisePlacement::kPerWorker:
        deviation *= sigma * std::sqrt(static_cast<double>(workers));
        break;
    }
  }
  return deviations;
}

double counted_multiplier(NoisePlacement placement, std::span<const double> clip_norms, double sigma,
                          std::int64_t workers, double unit_sensitivity) {
  // sigma C / (k C), without the rounding of the long way.
  if (placement == NoisePlacement::kGlobal) return sigma / unit_sensitivity;
  std::vector<double> sensitivities(clip_norms.begin(), clip_norms.end());
  for (double& sensitivity : sensitivities) sensitivity *= unit_sensitivity;
  return effective_multiplier(sensitivities, placed_noise(placement, clip_norms, sigma, workers));
}

}  // namespace discreet::privacy
