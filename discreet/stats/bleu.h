#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace discreet::stats {

/// Tokens by the rules of mteval-v13a: the entities &quot; &amp; &lt; &gt; are resolved, ASCII
/// punctuation stands apart, full stops and commas unless between digits, a dash behind a digit. Case
/// is kept. Ref: Post 2018, sacreBLEU's "13a".
std::vector<std::string> bleu_tokens(std::string_view text);

/// Corpus BLEU as sacreBLEU reports it by default: 13a tokens, n-grams up to 4, clipped by the largest
/// count of any reference, the closest reference length (the shorter of two as close), smoothing "exp"
/// (the k-th order without a match counts as 1/2^k of one), no effective order. Sums are mergeable.
/// Ref: Papineni et al. 2002; Post 2018; Chen and Cherry 2014, smoothing 3.
class BleuScorer {
 public:
  static constexpr std::size_t kOrder = 4;

  /// Throws: kInternal without references.
  void add(std::string_view prediction, std::span<const std::string> references);
  BleuScorer& operator+=(const BleuScorer& other);

  /// In [0, 100]; 0 where nothing matches, and where no prediction has four tokens.
  double score() const;
  double brevity_penalty() const;
  const std::array<std::uint64_t, kOrder>& correct() const { return correct_; }
  const std::array<std::uint64_t, kOrder>& total() const { return total_; }
  std::uint64_t prediction_tokens() const { return prediction_tokens_; }
  std::uint64_t reference_tokens() const { return reference_tokens_; }

 private:
  std::array<std::uint64_t, kOrder> correct_{};
  std::array<std::uint64_t, kOrder> total_{};
  std::uint64_t prediction_tokens_ = 0;
  std::uint64_t reference_tokens_ = 0;
};

}  // namespace discreet::stats
