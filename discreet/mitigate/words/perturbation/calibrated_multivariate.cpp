#include <fmt/format.h>

#include "discreet/core/registry.h"
#include "discreet/mitigate/words/noisy_vector.h"

namespace discreet {

void register_perturbation_calibrated_multivariate(core::Registry& registry) {
  registry.add({.kind = "perturbation",
                .name = "calibrated-multivariate",
                .summary = "Noise on the vector, its length drawn from a Gamma distribution; then the nearest word",
                .reference = "Feyisetan et al. 2020",
                .fields = {},
                .make = mitigate::MakePerturbation([](const mitigate::WordSpace& space, double epsilon,
                                                      const core::Config&) -> std::unique_ptr<mitigate::Perturbation> {
                  return std::make_unique<mitigate::NoisyVector>(
                      space,
                      [epsilon](std::span<float> vector, core::SecureRng& rng) {
                        mitigate::add_calibrated_noise(epsilon, vector, rng);
                      },
                      [](std::span<const float> distances, core::SecureRng&) { return mitigate::nearest_word(distances); },
                      fmt::format("its noisy vector, and so its replacement, is {} d-private (metric differential privacy) in "
                                  "the Euclidean distance d of the vectors",
                                  epsilon));
                })});
}

}  // namespace discreet
