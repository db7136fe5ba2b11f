#include "discreet/mitigate/words/perturbation.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace discreet::mitigate {

void each_distinct_word(const WordSpace& space, std::span<const std::size_t> words,
                        const std::function<void(std::span<const float>, std::span<const std::size_t>)>& act) {
  std::map<std::size_t, std::vector<std::size_t>> places;
  for (std::size_t i = 0; i < words.size(); ++i) places[words[i]].push_back(i);
  std::vector<std::size_t> distinct;
  for (const auto& [word, where] : places) distinct.push_back(word);
  std::vector<float> queries, distances;
  for (std::size_t begin = 0; begin < distinct.size(); begin += kQueriesAtOnce) {
    const std::size_t count = std::min(kQueriesAtOnce, distinct.size() - begin);
    const std::span<const std::size_t> own(distinct.data() + begin, count);
    queries.clear();
    for (const std::size_t word : own) queries.insert(queries.end(), space.row(word).begin(), space.row(word).end());
    distances.resize(count * space.size());
    space.distances(queries, own, distances);
    for (std::size_t q = 0; q < count; ++q) act({distances.data() + q * space.size(), space.size()}, places[own[q]]);
  }
}

double secure_open_uniform(core::SecureRng& rng) {
  while (true) {
    const double u = rng.uniform();
    if (u > 0) return u;
  }
}

double secure_normal(core::SecureRng& rng) {
  const double radius = std::sqrt(-2 * std::log(secure_open_uniform(rng)));
  return radius * std::cos(2 * std::acos(-1.0) * rng.uniform());
}

double secure_gamma(double shape, core::SecureRng& rng) {
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = secure_normal(rng), v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(secure_open_uniform(rng)) < x * x / 2 + d - d * v + d * std::log(v)) return d * v;
  }
}

}  // namespace discreet::mitigate
