#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/mitigate/words/perturbation.h"

namespace discreet {
namespace mitigate {
namespace {

struct TruncatedExponentialOptions {
  double beta = 0.001;
};

const core::Fields<TruncatedExponentialOptions>& truncated_exponential_fields() {
  static const auto fields =
      core::Fields<TruncatedExponentialOptions>("truncated-exponential")
          .add("beta", &TruncatedExponentialOptions::beta,
               {.min = 0,
                .max = 0.5,
                .above_min = true,
                .doc = "Words farther than gamma = 2/epsilon ln((1 - beta)|V|/beta) are drawn as if at gamma: all of them "
                       "together then have at most about this probability."});
  return fields;
}

class TruncatedExponential final : public Perturbation {
 public:
  TruncatedExponential(const WordSpace& space, double epsilon, double beta) : space_(space), epsilon_(epsilon) {
    gamma_ = 2 / epsilon * std::log((1 - beta) * static_cast<double>(space.size()) / beta);
  }

  std::vector<std::size_t> replace(std::span<const std::size_t> words, core::SecureRng& rng) override {
    std::vector<std::size_t> drawn(words.size());
    each_distinct_word(space_, words, [&](std::span<const float> distances, std::span<const std::size_t> places) {
      const std::vector<double> sums = cumulated(distances);
      for (const std::size_t place : places) {
        const double at = rng.uniform() * sums.back();
        drawn[place] = static_cast<std::size_t>(std::upper_bound(sums.begin(), sums.end() - 1, at) - sums.begin());
      }
    });
    return drawn;
  }

  std::optional<std::vector<double>> distribution(std::size_t word) override {
    std::vector<float> distances(space_.size());
    space_.distances(space_.row(word), std::span(&word, 1), distances);
    std::vector<double> sums = cumulated(distances);
    const double total = sums.back();
    for (std::size_t i = sums.size(); i-- > 0;) sums[i] = (sums[i] - (i > 0 ? sums[i - 1] : 0)) / total;
    return sums;
  }

  bool proven() const override { return true; }
  std::string statement() const override {
    return fmt::format("its replacement is {} d-private (metric differential privacy) in the Euclidean distance d of the "
                       "vectors: whatever comes out is at most exp({} d(w, w')) times as likely for one word as for another",
                       epsilon_, epsilon_);
  }

 private:
  /// Sums of exp(-epsilon/2 min(d, gamma)): the exponential mechanism with a score of sensitivity d(w, w').
  std::vector<double> cumulated(std::span<const float> distances) const {
    std::vector<double> sums(distances.size());
    const double far = std::exp(-epsilon_ / 2 * gamma_);  // most words' score
    double sum = 0;
    for (std::size_t i = 0; i < distances.size(); ++i) {
      sum += distances[i] < gamma_ ? std::exp(-epsilon_ / 2 * distances[i]) : far;
      sums[i] = sum;
    }
    return sums;
  }

  const WordSpace& space_;
  double epsilon_, gamma_ = 0;
};

}  // namespace
}  // namespace mitigate

void register_perturbation_truncated_exponential(core::Registry& registry) {
  registry.add({.kind = "perturbation",
                .name = "truncated-exponential",
                .summary = "Exponential mechanism on distances, cut off far away (the default)",
                .reference = "Carvalho et al. 2023 (TEM), with the score of far words that the proof needs",
                .fields = mitigate::truncated_exponential_fields().info(),
                .make = mitigate::MakePerturbation([](const mitigate::WordSpace& space, double epsilon,
                                                      const core::Config& config) -> std::unique_ptr<mitigate::Perturbation> {
                  const auto options = mitigate::truncated_exponential_fields().parse(config);
                  return std::make_unique<mitigate::TruncatedExponential>(space, epsilon, options.beta);
                })});
}

}  // namespace discreet
