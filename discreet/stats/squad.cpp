#include "discreet/stats/squad.h"

#include <algorithm>
#include <map>
#include <vector>

#include "discreet/stats/internal/words.h"

namespace discreet::stats {
namespace {

bool is_ascii_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

/// Each a, an, the that stands between what are no word characters becomes a space.
std::string without_articles(const std::string& text) {
  std::string out;
  bool in_word = false;  // the code point before is a word character
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 0;
    if (!in_word) {
      for (const std::string_view article : {"a", "an", "the"}) {
        if (text.compare(i, article.size(), article) != 0) continue;
        std::size_t end = i + article.size();
        const bool ends =
            end == text.size() || !internal::is_word(internal::next_code_point(text, end));
        if (ends) length = article.size();
      }
    }
    if (length > 0) {
      out += ' ';
      i += length;
      in_word = true;  // its last letter: nothing right behind it begins a word
      continue;
    }
    const std::size_t begin = i;
    in_word = internal::is_word(internal::next_code_point(text, i));
    out.append(text, begin, i - begin);
  }
  return out;
}

std::vector<std::string> answer_words(std::string_view answer) {
  std::string text = internal::lowercase(answer);
  std::erase_if(text, is_ascii_punctuation);
  return internal::split(without_articles(text));
}

double words_f1(const std::vector<std::string>& prediction, const std::vector<std::string>& gold) {
  if (prediction.empty() || gold.empty()) return prediction.empty() && gold.empty() ? 1 : 0;
  std::map<std::string, std::int64_t> left;
  for (const std::string& word : gold) ++left[word];
  std::int64_t same = 0;
  for (const std::string& word : prediction) {
    const auto found = left.find(word);
    if (found == left.end() || found->second == 0) continue;
    --found->second;
    ++same;
  }
  return 2.0 * static_cast<double>(same) / static_cast<double>(prediction.size() + gold.size());
}

}  // namespace

std::string normalized_answer(std::string_view answer) {
  std::string joined;
  for (const std::string& word : answer_words(answer)) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  return joined;
}

bool answer_exact_match(std::string_view prediction, std::string_view gold) {
  return answer_words(prediction) == answer_words(gold);
}

double answer_f1(std::string_view prediction, std::string_view gold) {
  return words_f1(answer_words(prediction), answer_words(gold));
}

AnswerScore answer_score(std::string_view prediction, std::span<const std::string> golds) {
  const std::vector<std::string> words = answer_words(prediction);
  AnswerScore best;
  bool answerable = false;
  for (const std::string& gold : golds) {
    const std::vector<std::string> gold_words = answer_words(gold);
    if (gold_words.empty()) continue;
    answerable = true;
    best.exact = std::max(best.exact, words == gold_words ? 1.0 : 0.0);
    best.f1 = std::max(best.f1, words_f1(words, gold_words));
  }
  if (!answerable && words.empty()) best = {1, 1};
  return best;
}

void AnswerScorer::add(std::string_view prediction, std::span<const std::string> golds) {
  const AnswerScore score = answer_score(prediction, golds);
  ++n;
  exact_sum += score.exact;
  f1_sum += score.f1;
}

AnswerScorer& AnswerScorer::operator+=(const AnswerScorer& other) {
  n += other.n;
  exact_sum += other.exact_sum;
  f1_sum += other.f1_sum;
  return *this;
}

std::optional<double> AnswerScorer::exact_match() const {
  if (n == 0) return std::nullopt;
  return exact_sum / static_cast<double>(n);
}

std::optional<double> AnswerScorer::f1() const {
  if (n == 0) return std::nullopt;
  return f1_sum / static_cast<double>(n);
}

}  // namespace discreet::stats
