#include "discreet/stats/gender_polarity.h"

#include <cmath>

namespace discreet::stats {

Polarity unigram_polarity(std::uint64_t male, std::uint64_t female) {
  if (male == female) return Polarity::kNeutral;
  return male > female ? Polarity::kMale : Polarity::kFemale;
}

EmbeddingPolarity embedding_polarity(std::span<const double> projections) {
  EmbeddingPolarity polarity;
  polarity.words = projections.size();
  double squares = 0, sizes = 0, extreme = 0;
  for (const double b : projections) {
    squares += b * std::abs(b);
    sizes += std::abs(b);
    if (std::abs(b) > std::abs(extreme)) extreme = b;
  }
  if (sizes == 0) return polarity;
  polarity.average = squares / sizes;
  polarity.extreme = extreme;
  return polarity;
}

Polarity polarity_of(double value, double threshold) {
  if (value >= threshold) return Polarity::kFemale;
  return value <= -threshold ? Polarity::kMale : Polarity::kNeutral;
}

}  // namespace discreet::stats
