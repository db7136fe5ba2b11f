#include "discreet/stats/rouge.h"

#include <algorithm>
#include <map>

#include "discreet/core/error.h"
#include "discreet/stats/internal/words.h"
#include "discreet/stats/porter.h"

namespace discreet::stats {
namespace {

RougeScore overlap_score(std::size_t same, std::size_t predicted, std::size_t wanted) {
  RougeScore score;
  // A text without n-grams counts as one of one that is never met, so that no share is 0/0.
  score.precision = static_cast<double>(same) / static_cast<double>(std::max<std::size_t>(predicted, 1));
  score.recall = static_cast<double>(same) / static_cast<double>(std::max<std::size_t>(wanted, 1));
  score.f1 = rouge_f(score, 1);
  return score;
}

using Grams = std::map<std::vector<std::string>, std::size_t>;

Grams grams_of(std::span<const std::string> tokens, std::size_t n) {
  Grams grams;
  for (std::size_t i = 0; i + n <= tokens.size(); ++i) {
    ++grams[{tokens.begin() + static_cast<std::ptrdiff_t>(i),
             tokens.begin() + static_cast<std::ptrdiff_t>(i + n)}];
  }
  return grams;
}

std::size_t count_of(std::span<const std::string> tokens, std::size_t n) {
  return tokens.size() < n ? 0 : tokens.size() - n + 1;
}

}  // namespace

std::vector<std::string> rouge_tokens(std::string_view text, RougeOptions options) {
  std::vector<std::string> tokens;
  std::string token;
  const auto close = [&] {
    if (token.empty()) return;
    tokens.push_back(options.stem && token.size() > 3 ? porter_stem(token) : token);
    token.clear();
  };
  for (const char c : internal::lowercase(text)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      token += c;
    } else {
      close();
    }
  }
  close();
  return tokens;
}

double rouge_f(const RougeScore& score, double beta) {
  const double square = beta * beta;
  if (score.precision + score.recall == 0) return 0;
  return (1 + square) * score.precision * score.recall / (score.recall + square * score.precision);
}

RougeScore rouge_n(std::span<const std::string> prediction, std::span<const std::string> reference,
                   std::size_t n) {
  const Grams predicted = grams_of(prediction, n), wanted = grams_of(reference, n);
  std::size_t same = 0;
  for (const auto& [gram, count] : predicted) {
    if (const auto found = wanted.find(gram); found != wanted.end()) {
      same += std::min(count, found->second);
    }
  }
  return overlap_score(same, count_of(prediction, n), count_of(reference, n));
}

RougeScore rouge_l(std::span<const std::string> prediction, std::span<const std::string> reference) {
  std::vector<std::size_t> row(reference.size() + 1, 0);
  for (const std::string& token : prediction) {
    std::size_t diagonal = 0;
    for (std::size_t j = 0; j < reference.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = token == reference[j] ? diagonal + 1 : std::max(above, row[j]);
      diagonal = above;
    }
  }
  return overlap_score(row.back(), prediction.size(), reference.size());
}

void RougeScorer::add(std::string_view prediction, std::span<const std::string> references) {
  if (references.empty()) throw internal_error("ROUGE of a prediction without references");
  const std::vector<std::string> tokens = rouge_tokens(prediction, options);
  double best_1 = 0, best_2 = 0, best_l = 0, best_beta12 = 0;
  for (const std::string& reference : references) {
    const std::vector<std::string> wanted = rouge_tokens(reference, options);
    best_1 = std::max(best_1, rouge_n(tokens, wanted, 1).f1);
    best_2 = std::max(best_2, rouge_n(tokens, wanted, 2).f1);
    const RougeScore longest = stats::rouge_l(tokens, wanted);
    best_l = std::max(best_l, longest.f1);
    best_beta12 = std::max(best_beta12, rouge_f(longest, 1.2));
  }
  ++n;
  rouge_1_sum += best_1;
  rouge_2_sum += best_2;
  rouge_l_sum += best_l;
  rouge_l_beta12_sum += best_beta12;
}

RougeScorer& RougeScorer::operator+=(const RougeScorer& other) {
  n += other.n;
  rouge_1_sum += other.rouge_1_sum;
  rouge_2_sum += other.rouge_2_sum;
  rouge_l_sum += other.rouge_l_sum;
  rouge_l_beta12_sum += other.rouge_l_beta12_sum;
  return *this;
}

std::optional<double> RougeScorer::mean(double sum) const {
  if (n == 0) return std::nullopt;
  return sum / static_cast<double>(n);
}

}  // namespace discreet::stats
