#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace discreet::stats {

/// How text is cut for ROUGE.
struct RougeOptions {
  bool stem = false;  ///< Words of more than three letters are stemmed (stats/porter.h).
};

/// Lower case, then runs of the ASCII letters and digits; all else separates (and is dropped). The
/// tokenisation of the package rouge_score, which follows Lin's script.
std::vector<std::string> rouge_tokens(std::string_view text, RougeOptions options = {});

/// Precision, recall and their F with beta 1; all 0 where nothing is shared.
struct RougeScore {
  double precision = 0;
  double recall = 0;
  double f1 = 0;
};
/// F with any beta: (1 + b^2) P R / (R + b^2 P); 0 where both are 0. Beta 1.2 is what COCO's captions
/// script takes for ROUGE-L.
double rouge_f(const RougeScore& score, double beta);

/// Overlap of n-grams as multisets. Text shorter than n tokens has none: the score is 0.
/// Ref: Lin 2004, section 2.
RougeScore rouge_n(std::span<const std::string> prediction, std::span<const std::string> reference,
                   std::size_t n);
/// Longest common subsequence of the whole texts (rougeL, not the sentence-wise rougeLsum).
/// Cost: O(P R) time, O(R) memory. Ref: Lin 2004, section 3.1.
RougeScore rouge_l(std::span<const std::string> prediction, std::span<const std::string> reference);

/// Means over predictions; with several references the one of the largest F1 counts, for each of the
/// three by itself (score_multi of rouge_score). Mergeable sums.
struct RougeScorer {
  RougeOptions options{};
  std::uint64_t n = 0;
  double rouge_1_sum = 0;
  double rouge_2_sum = 0;
  double rouge_l_sum = 0;
  double rouge_l_beta12_sum = 0;
  /// Throws: kInternal without references.
  void add(std::string_view prediction, std::span<const std::string> references);
  RougeScorer& operator+=(const RougeScorer& other);
  /// F1 in [0, 1]; absent without predictions.
  std::optional<double> rouge_1() const { return mean(rouge_1_sum); }
  std::optional<double> rouge_2() const { return mean(rouge_2_sum); }
  std::optional<double> rouge_l() const { return mean(rouge_l_sum); }
  /// ROUGE-L with beta 1.2, the largest over references.
  std::optional<double> rouge_l_beta12() const { return mean(rouge_l_beta12_sum); }

 private:
  std::optional<double> mean(double sum) const;
};

}  // namespace discreet::stats
