#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace discreet::stats {

/// An answer as the SQuAD script compares it: lower case, ASCII punctuation dropped, the words a, an
/// and the dropped, white space joined to single spaces.
/// Ref: Rajpurkar et al. 2016; evaluate-v2.0.py.
std::string normalized_answer(std::string_view answer);

/// Whether the two are the same after normalisation.
bool answer_exact_match(std::string_view prediction, std::string_view gold);

/// F1 of the two answers' words as multisets, after normalisation. If one side has no words it is 1
/// when neither has, else 0 (the rule of version 2.0; version 1.1 of the script says 0 for both empty).
double answer_f1(std::string_view prediction, std::string_view gold);

/// Exact match and F1 of one question: each the largest over the gold answers that have words. A
/// question with no such answer is unanswerable: the right prediction is the empty one.
struct AnswerScore {
  double exact = 0;
  double f1 = 0;
};
AnswerScore answer_score(std::string_view prediction, std::span<const std::string> golds);

/// Mergeable sums over questions.
struct AnswerScorer {
  std::uint64_t n = 0;
  double exact_sum = 0;
  double f1_sum = 0;
  void add(std::string_view prediction, std::span<const std::string> golds);
  AnswerScorer& operator+=(const AnswerScorer& other);
  /// Means in [0, 1], where the script prints percentages; absent without questions.
  std::optional<double> exact_match() const;
  std::optional<double> f1() const;
};

}  // namespace discreet::stats
