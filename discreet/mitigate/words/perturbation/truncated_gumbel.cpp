#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include <boost/math/special_functions/lambert_w.hpp>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/mitigate/words/perturbation.h"

namespace discreet {
namespace mitigate {
namespace {

/// Scale of the noise from the nominal epsilon. Exists only for a Dmin > 1, a = (epsilon - 2(1 + ln V)/Dmin)/3.
double gumbel_scale(double epsilon, double words, WordSpace::Range range) {
  const double needed = (2 * (1 + std::log(words)) + 3) / range.least;
  if (!(epsilon > needed)) {
    throw privacy_refused(
        fmt::format("truncated-gumbel has no noise scale for epsilon {}: with {} words at distances {:.4g} to {:.4g} it needs "
                    "more than {:.6g}",
                    epsilon, words, range.least, range.most, needed),
        "Take a larger epsilon, fewer words, or truncated-exponential, which exists for every epsilon.");
  }
  const double a = (epsilon - 2 * (1 + std::log(words)) / range.least) / 3;
  return 2 * range.most / std::min(boost::math::lambert_w0(2 * a * range.most), std::log(a * range.least));
}

class TruncatedGumbel final : public Perturbation {
 public:
  TruncatedGumbel(const WordSpace& space, double epsilon)
      : space_(space), epsilon_(epsilon), range_(space.range()),
        scale_(gumbel_scale(epsilon, static_cast<double>(space.size()), range_)) {}

  std::vector<std::size_t> replace(std::span<const std::size_t> words, core::SecureRng& rng) override {
    std::vector<std::size_t> drawn(words.size());
    each_distinct_word(space_, words, [&](std::span<const float> distances, std::span<const std::size_t> places) {
      std::vector<std::size_t> counts;
      for (std::size_t i = 0; i < places.size(); ++i) counts.push_back(neighbours(rng));
      const std::vector<std::size_t> near = nearest(distances, *std::max_element(counts.begin(), counts.end()));
      for (std::size_t i = 0; i < places.size(); ++i) drawn[places[i]] = chosen(std::span(near).first(counts[i]), distances, rng);
    });
    return drawn;
  }

  std::optional<std::vector<double>> distribution(std::size_t) override { return std::nullopt; }
  bool proven() const override { return false; }
  std::string statement() const override {
    return fmt::format("no guarantee is proven for this mechanism; epsilon {} is a parameter of its noise (scale {:.4g}) and no "
                       "bound: the number of neighbours among which it chooses, not the noise, decides how far two words' "
                       "outputs differ",
                       epsilon_, scale_);
  }

 private:
  /// Of the words `near`, the nearest by noisy distance.
  std::size_t chosen(std::span<const std::size_t> near, std::span<const float> distances, core::SecureRng& rng) const {
    std::size_t best = near.front();
    double least = std::numeric_limits<double>::infinity();
    for (const std::size_t word : near) {
      const double noisy = distances[word] + gumbel(rng);
      if (!(noisy < least)) continue;
      least = noisy;
      best = word;
    }
    return best;
  }

  /// The k nearest words, nearest first; of equal distances the earlier word.
  static std::vector<std::size_t> nearest(std::span<const float> distances, std::size_t k) {
    std::vector<std::size_t> order(distances.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(k);
    std::partial_sort(order.begin(), end, order.end(),
                      [&](std::size_t a, std::size_t b) { return distances[a] != distances[b] ? distances[a] < distances[b] : a < b; });
    order.erase(end, order.end());
    return order;
  }

  /// Poisson(ln(V - 1)) within 1..V.
  std::size_t neighbours(core::SecureRng& rng) const {
    const double mean = std::log(static_cast<double>(space_.size()) - 1), limit = std::exp(-mean);
    while (true) {
      std::size_t k = 0;
      for (double product = secure_open_uniform(rng); product > limit; product *= secure_open_uniform(rng)) ++k;
      if (k >= 1 && k <= space_.size()) return k;
    }
  }
  /// Gumbel(0, scale) within the largest distance of two words.
  double gumbel(core::SecureRng& rng) const {
    while (true) {
      const double value = -scale_ * std::log(-std::log(secure_open_uniform(rng)));
      if (std::abs(value) <= range_.most) return value;
    }
  }

  const WordSpace& space_;
  double epsilon_;
  WordSpace::Range range_;
  double scale_;
};

}  // namespace
}  // namespace mitigate

void register_perturbation_truncated_gumbel(core::Registry& registry) {
  registry.add({.kind = "perturbation",
                .name = "truncated-gumbel",
                .summary = "Density-aware: Gumbel noise on the distances of a random number of neighbours; no guarantee proven",
                .reference = "Xu et al. 2021 (FLAIRS), as it is implemented by others",
                .fields = {},
                .make = mitigate::MakePerturbation([](const mitigate::WordSpace& space, double epsilon,
                                                      const core::Config&) -> std::unique_ptr<mitigate::Perturbation> {
                  return std::make_unique<mitigate::TruncatedGumbel>(space, epsilon);
                })});
}

}  // namespace discreet
