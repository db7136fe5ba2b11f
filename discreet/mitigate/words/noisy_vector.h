#pragma once

#include <functional>

#include "discreet/mitigate/words/perturbation.h"

namespace discreet::mitigate {

/// Adds noise to a word's vector and takes a word near the result: what comes after the noise looks at the noisy
/// vector alone, so it costs no privacy.
class NoisyVector : public Perturbation {
 public:
  /// Adds the noise to `vector` in place.
  using AddNoise = std::function<void(std::span<float> vector, core::SecureRng& rng)>;
  /// The replacement, from the distances of the noisy vector to all words.
  using Choose = std::function<std::size_t(std::span<const float> distances, core::SecureRng& rng)>;

  NoisyVector(const WordSpace& space, AddNoise noise, Choose choose, std::string statement)
      : space_(space), noise_(std::move(noise)), choose_(std::move(choose)), statement_(std::move(statement)) {}

  std::vector<std::size_t> replace(std::span<const std::size_t> words, core::SecureRng& rng) override;
  std::optional<std::vector<double>> distribution(std::size_t) override { return std::nullopt; }
  bool proven() const override { return true; }
  std::string statement() const override { return statement_; }

 private:
  const WordSpace& space_;
  AddNoise noise_;
  Choose choose_;
  std::string statement_;
};

/// Noise with density proportional to exp(-epsilon |x|) in all directions: radius Gamma(dimension, 1/epsilon).
/// Ref: Feyisetan et al. 2020.
void add_calibrated_noise(double epsilon, std::span<float> vector, core::SecureRng& rng);

std::size_t nearest_word(std::span<const float> distances);

}  // namespace discreet::mitigate
