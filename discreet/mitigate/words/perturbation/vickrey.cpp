#include <fmt/format.h>

#include <utility>

#include "discreet/core/registry.h"
#include "discreet/mitigate/words/noisy_vector.h"

namespace discreet {
namespace mitigate {
namespace {

struct VickreyOptions {
  double second = 0.5;
};

const core::Fields<VickreyOptions>& vickrey_fields() {
  static const auto fields =
      core::Fields<VickreyOptions>("vickrey")
          .add("second", &VickreyOptions::second,
               {.min = 0,
                .max = 1,
                .doc = "How much the second nearest word counts: it is taken with probability second d1 / (second d1 + (1 - "
                       "second) d2), d1 and d2 the noisy vector's distances to the two."});
  return fields;
}

std::size_t first_or_second(double weight, std::span<const float> distances, core::SecureRng& rng) {
  std::size_t first = distances[1] < distances[0] ? 1 : 0, second = 1 - first;
  float least = distances[first], next = distances[second];
  for (std::size_t i = 2; i < distances.size(); ++i) {
    const float distance = distances[i];
    if (!(distance < next)) continue;  // nearly always
    if (distance < least) {
      next = std::exchange(least, distance);
      second = std::exchange(first, i);
    } else {
      next = distance;
      second = i;
    }
  }
  const double a = weight * distances[first], b = (1 - weight) * distances[second];
  return a + b > 0 && rng.uniform() * (a + b) < a ? second : first;
}

}  // namespace
}  // namespace mitigate

void register_perturbation_vickrey(core::Registry& registry) {
  registry.add({.kind = "perturbation",
                .name = "vickrey",
                .summary = "Noise on the vector; then the nearest or the second nearest word, chosen without the input word",
                .reference = "Xu et al. 2021; the choice here looks at the noisy vector alone",
                .fields = mitigate::vickrey_fields().info(),
                .make = mitigate::MakePerturbation([](const mitigate::WordSpace& space, double epsilon,
                                                      const core::Config& config) -> std::unique_ptr<mitigate::Perturbation> {
                  const double second = mitigate::vickrey_fields().parse(config).second;
                  return std::make_unique<mitigate::NoisyVector>(
                      space,
                      [epsilon](std::span<float> vector, core::SecureRng& rng) {
                        mitigate::add_calibrated_noise(epsilon, vector, rng);
                      },
                      [second](std::span<const float> distances, core::SecureRng& rng) {
                        return mitigate::first_or_second(second, distances, rng);
                      },
                      fmt::format("its noisy vector, and so its replacement, is {} d-private (metric differential privacy) in "
                                  "the Euclidean distance d of the vectors",
                                  epsilon));
                })});
}

}  // namespace discreet
