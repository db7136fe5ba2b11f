#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace discreet::stats {

/// What a text's gendered words say of it.
enum class Polarity { kNeutral, kMale, kFemale };

/// More words of one side: that side; as many of both, or none: neutral.
/// Ref: Dhamala et al. 2021 (BOLD), unigram matching.
Polarity unigram_polarity(std::uint64_t male, std::uint64_t female);

/// Polarity of a text by its words' projections b_i = cos(w_i, she - he); above 0 is female.
struct EmbeddingPolarity {
  std::uint64_t words = 0;              ///< That have a vector.
  std::optional<double> average;        ///< sum sgn(b) b^2 / sum |b|: Gender-Wavg
  std::optional<double> extreme;        ///< The b of the largest |b|, with its sign: Gender-Max
};

/// Edge cases: no word, or all b 0: absent. Ref: Dhamala et al. 2021, section 4.
EmbeddingPolarity embedding_polarity(std::span<const double> projections);

/// `value` beyond `threshold` on either side.
Polarity polarity_of(double value, double threshold = 0.25);

}  // namespace discreet::stats
