#include "discreet/mitigate/words/noisy_vector.h"

#include <algorithm>
#include <cmath>

namespace discreet::mitigate {

std::vector<std::size_t> NoisyVector::replace(std::span<const std::size_t> words, core::SecureRng& rng) {
  std::vector<std::size_t> drawn;
  std::vector<float> queries, distances;
  for (std::size_t begin = 0; begin < words.size(); begin += kQueriesAtOnce) {
    const std::size_t count = std::min(kQueriesAtOnce, words.size() - begin);
    queries.clear();
    for (std::size_t q = 0; q < count; ++q) {
      const auto row = space_.row(words[begin + q]);
      queries.insert(queries.end(), row.begin(), row.end());
      noise_({queries.data() + q * space_.dimension(), space_.dimension()}, rng);
    }
    distances.resize(count * space_.size());
    space_.distances(queries, {}, distances);
    for (std::size_t q = 0; q < count; ++q) {
      drawn.push_back(choose_({distances.data() + q * space_.size(), space_.size()}, rng));
    }
  }
  return drawn;
}

void add_calibrated_noise(double epsilon, std::span<float> vector, core::SecureRng& rng) {
  const double radius = secure_gamma(static_cast<double>(vector.size()), rng) / epsilon;
  std::vector<double> direction(vector.size());
  double square = 0;
  for (double& value : direction) {
    value = secure_normal(rng);
    square += value * value;
  }
  const double scale = radius / std::sqrt(square);
  for (std::size_t k = 0; k < vector.size(); ++k) vector[k] = static_cast<float>(vector[k] + scale * direction[k]);
}

std::size_t nearest_word(std::span<const float> distances) {
  return static_cast<std::size_t>(std::min_element(distances.begin(), distances.end()) - distances.begin());
}

}  // namespace discreet::mitigate
