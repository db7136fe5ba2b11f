#include "discreet/stats/ceat.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/stats/bootstrap.h"

namespace discreet::stats {
namespace {

constexpr std::size_t kCacheLine = 64;

/// The four sets with unit vectors, in one list of words: X, Y, A, B.
struct UnitSets {
  std::size_t dimension = 0;
  std::vector<std::vector<float>> words;      // [contexts * d]
  std::array<std::size_t, 5> begins{};        // of the sets in `words`

  std::size_t contexts(std::size_t word) const { return words[word].size() / dimension; }
  const float* row(std::size_t word, std::size_t context) const { return words[word].data() + context * dimension; }
};

UnitSets unit_sets(const std::array<const ContextualSet*, 4>& sets) {
  UnitSets units;
  for (std::size_t s = 0; s < 4; ++s) {
    if (sets[s]->empty()) throw internal_error("a set of words is empty");
    for (const WordSet& word : *sets[s]) {
      if (units.dimension == 0) units.dimension = word.dimension;
      if (word.size() == 0 || word.dimension != units.dimension) throw internal_error("words need contexts of one dimension");
      std::vector<float> values = word.values;
      for (std::size_t c = 0; c < word.size(); ++c) {
        double square = 0;
        for (std::size_t i = 0; i < units.dimension; ++i) {
          square += static_cast<double>(values[c * units.dimension + i]) * values[c * units.dimension + i];
        }
        if (square == 0) throw bad_data("a word's vector is zero", "It has no direction to compare.");
        const double inverse = 1 / std::sqrt(square);
        for (std::size_t i = 0; i < units.dimension; ++i) {
          values[c * units.dimension + i] = static_cast<float>(values[c * units.dimension + i] * inverse);
        }
      }
      units.words.push_back(std::move(values));
    }
    units.begins[s + 1] = units.words.size();
  }
  return units;
}

/// Which words stand for the sets, and which contexts each may use; a word may stand several times.
struct Drawn {
  std::vector<std::size_t> words;                  // of `UnitSets`
  std::array<std::size_t, 5> begins{};             // of the sets in `words`
  std::vector<std::vector<std::uint32_t>> pools;   // [words] contexts
};

/// In lanes of their own, so that one sum does not wait for the other.
double product_of(const double* direction, const float* row, std::size_t d) {
  constexpr std::size_t kLanes = 16;
  double lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= d; i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) lanes[k] += direction[i + k] * static_cast<double>(row[i + k]);
  }
  double product = 0;
  for (const double lane : lanes) product += lane;
  for (; i < d; ++i) product += direction[i] * static_cast<double>(row[i]);
  return product;
}

/// Effect size and variance of one choice of contexts; false where all associations are equal.
bool effect_of(const UnitSets& units, const Drawn& drawn, std::span<const std::uint32_t> contexts,
               std::vector<double>& direction, std::vector<double>& s, double& effect, double& variance) {
  const std::size_t d = units.dimension;
  // mean over A less mean over B of unit vectors: s(w) is then one product for each target.
  std::fill(direction.begin(), direction.end(), 0.0);
  for (std::size_t set = 2; set < 4; ++set) {
    const double weight = (set == 2 ? 1.0 : -1.0) / static_cast<double>(drawn.begins[set + 1] - drawn.begins[set]);
    for (std::size_t w = drawn.begins[set]; w < drawn.begins[set + 1]; ++w) {
      const float* row = units.row(drawn.words[w], contexts[w]);
      for (std::size_t i = 0; i < d; ++i) direction[i] += weight * row[i];
    }
  }
  double sums[2] = {0, 0};
  for (std::size_t set = 0; set < 2; ++set) {
    for (std::size_t w = drawn.begins[set]; w < drawn.begins[set + 1]; ++w) {
      const float* row = units.row(drawn.words[w], contexts[w]);
      const double product = product_of(direction.data(), row, d);
      s[w] = product;
      sums[set] += product;
    }
  }
  const std::size_t n = drawn.begins[2];
  const double n_x = static_cast<double>(drawn.begins[1]), n_y = static_cast<double>(n - drawn.begins[1]);
  const double mean = (sums[0] + sums[1]) / (n_x + n_y);
  double square = 0;
  for (std::size_t w = 0; w < n; ++w) square += (s[w] - mean) * (s[w] - mean);
  variance = n > 1 ? square / static_cast<double>(n - 1) : 0;
  if (variance <= 1e-24) return false;
  effect = (sums[0] / n_x - sums[1] / n_y) / std::sqrt(variance);
  return true;
}

struct Effects {
  std::vector<double> values, variances;
  std::uint64_t undefined = 0;
};

Effects effects_of(const UnitSets& units, Drawn& drawn, std::uint64_t draws, bool without_replacement,
                   core::ReproducibleRng& rng) {
  Effects effects;
  std::vector<double> direction(units.dimension), s(drawn.words.size());
  // Rows lie anywhere in memory: those of the next draw are sent for while this one is reckoned.
  std::vector<std::uint32_t> contexts(drawn.words.size()), next(drawn.words.size());
  for (auto& pool : drawn.pools) {
    if (without_replacement && pool.size() >= draws) core::shuffle(std::span<std::uint32_t>(pool), rng);
  }
  const auto draw_into = [&](std::uint64_t i, std::vector<std::uint32_t>& into) {
    for (std::size_t w = 0; w < into.size(); ++w) {
      const auto& pool = drawn.pools[w];
      into[w] = without_replacement && pool.size() >= draws ? pool[i] : pool[rng.below(pool.size())];
      const char* row = reinterpret_cast<const char*>(units.row(drawn.words[w], into[w]));
      for (std::size_t byte = 0; byte < units.dimension * sizeof(float); byte += kCacheLine) __builtin_prefetch(row + byte);
    }
  };
  draw_into(0, next);
  for (std::uint64_t i = 0; i < draws; ++i) {
    contexts.swap(next);
    if (i + 1 < draws) draw_into(i + 1, next);
    double effect = 0, variance = 0;
    if (!effect_of(units, drawn, contexts, direction, s, effect, variance)) {
      ++effects.undefined;
      continue;
    }
    effects.values.push_back(effect);
    effects.variances.push_back(variance);
  }
  return effects;
}

Drawn all_words(const UnitSets& units) {
  Drawn drawn;
  drawn.begins = units.begins;
  for (std::size_t w = 0; w < units.words.size(); ++w) {
    drawn.words.push_back(w);
    drawn.pools.emplace_back(units.contexts(w));
    std::iota(drawn.pools.back().begin(), drawn.pools.back().end(), 0U);
  }
  return drawn;
}

Drawn resampled(const UnitSets& units, core::ReproducibleRng& rng) {
  Drawn drawn;
  drawn.begins = units.begins;
  for (std::size_t set = 0; set < 4; ++set) {
    const std::size_t n = units.begins[set + 1] - units.begins[set];
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t word = units.begins[set] + rng.below(n);
      drawn.words.push_back(word);
      drawn.pools.emplace_back();
      const std::size_t contexts = units.contexts(word);
      for (std::size_t c = 0; c < contexts; ++c) drawn.pools.back().push_back(static_cast<std::uint32_t>(rng.below(contexts)));
    }
  }
  return drawn;
}

}  // namespace

CeatResult ceat(const ContextualSet& x, const ContextualSet& y, const ContextualSet& a, const ContextualSet& b,
                const CeatOptions& options) {
  if (options.draws == 0) throw internal_error("CEAT needs at least one draw");
  const UnitSets units = unit_sets({&x, &y, &a, &b});
  CeatResult result;
  result.draws = options.draws;
  core::ReproducibleRng rng(options.seed, "ceat");
  Drawn all = all_words(units);
  const Effects effects = effects_of(units, all, options.draws, options.without_replacement, rng);
  result.undefined = effects.undefined;
  if (effects.values.empty()) {
    result.combined.reason = result.ci_reason = "all associations are equal in every draw";
    return result;
  }
  result.combined = combine_effects(effects.values, effects.variances);
  const auto n = static_cast<double>(effects.values.size());
  result.mean_effect = std::accumulate(effects.values.begin(), effects.values.end(), 0.0) / n;
  double square = 0;
  for (const double value : effects.values) square += (value - result.mean_effect) * (value - result.mean_effect);
  result.effect_deviation = n > 1 ? std::sqrt(square / (n - 1)) : 0;
  if (options.resamples == 0) {
    result.ci_reason = "no bootstrap was asked for";
    return result;
  }
  core::ReproducibleRng bootstrap_rng(options.seed, "ceat bootstrap");
  std::vector<double> values;
  for (std::uint64_t r = 0; r < options.resamples; ++r) {
    Drawn drawn = resampled(units, bootstrap_rng);
    const Effects again = effects_of(units, drawn, std::min(options.draws, options.resample_draws), false, bootstrap_rng);
    if (again.values.empty()) continue;
    const CombinedEffect combined = combine_effects(again.values, again.variances);
    if (combined.effect) values.push_back(*combined.effect);
  }
  if (values.size() < 20) {
    result.ci_reason = "too few resamples have a value";
    return result;
  }
  std::sort(values.begin(), values.end());
  const double tail = (1 - options.confidence) / 2;
  result.ci = Interval{sorted_quantile(values, tail), sorted_quantile(values, 1 - tail)};
  return result;
}

}  // namespace discreet::stats
