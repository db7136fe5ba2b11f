#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace discreet::stats {

/// Vectors of a set of words, row after row: [n, d] float32, none of them zero.
struct WordSet {
  std::size_t dimension = 0;
  std::vector<float> values;
  std::size_t size() const { return dimension == 0 ? 0 : values.size() / dimension; }
  std::span<const float> row(std::size_t i) const {
    return {values.data() + i * dimension, dimension};
  }
};

/// s(w) = mean cosine to A minus mean cosine to B, for each w of `targets`, in double precision.
/// Throws: kInternal for an empty attribute set or unequal dimensions; kBadData for a zero vector.
std::vector<double> association(const WordSet& targets, const WordSet& a, const WordSet& b);

struct PermutationOptions {
  std::uint64_t limit = 100000;   ///< Partitions up to which all of them are counted.
  std::uint64_t samples = 99999;  ///< Else so many random ones.
  std::uint64_t seed = 0;
};

/// How often a relabelling of the targets is as extreme as the labels at hand.
struct PermutationTest {
  std::uint64_t partitions = 0;  ///< That were looked at; all of them if `exact`.
  bool exact = false;
  std::uint64_t above = 0;       ///< Statistic > the observed one.
  std::uint64_t at_least = 0;    ///< >= ; where all are counted, the labels at hand are among them.
  std::uint64_t two_sided = 0;   ///< |statistic| >= |observed|.
  double p_value = 1;            ///< One-sided, >=; sampled: (1 + hits) / (1 + samples), never 0.
  double p_strict = 1;           ///< One-sided, >, the original's form; sampled as above.
  double p_two_sided = 1;
};

/// The word embedding association test from s(x) and s(y).
struct WeatResult {
  double sum = 0;                 ///< sum_X s - sum_Y s, the original's statistic.
  double difference = 0;          ///< mean_X s - mean_Y s, which sets of unequal size need.
  std::optional<double> effect_size;        ///< difference / standard deviation (n - 1) over X and Y.
  std::optional<double> effect_size_ddof0;  ///< The same with divisor n.
  std::string reason;             ///< Why there is no effect size.
  double variance = 0;            ///< Of s over X and Y, divisor n - 1; what CEAT weighs by.
  PermutationTest test;
};

/// Relabels the targets with |X| kept; with unequal sizes the statistic is the difference of means.
/// Sums are compared with a tolerance of 1e-12 of the spread, so that ties do not hang on the order
/// of additions. Cost: O(partitions) after sorting; 12,870 partitions take about .05 ms.
///
/// Edge cases: all s equal: no effect size, every partition ties. Throws: kInternal if a set is empty.
/// Ref: Caliskan, Bryson and Narayanan 2017; ties as in May et al. 2019.
WeatResult weat(std::span<const double> s_x, std::span<const double> s_y,
                const PermutationOptions& options = {});

/// The effect size of one word against A and B (WEFAT): s(w) over the standard deviation (n - 1) of the
/// word's cosines to A and B; absent where they are all equal.
std::optional<double> wefat(std::span<const float> word, const WordSet& a, const WordSet& b);

}  // namespace discreet::stats
