#include "discreet/stats/bleu.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "discreet/core/error.h"
#include "discreet/stats/internal/words.h"

namespace discreet::stats {
namespace {

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_stop(char c) { return c == '.' || c == ','; }

/// ASCII punctuation but the apostrophe, the comma, the dash and the full stop; and the space.
bool stands_apart(char c) {
  return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
         (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
}

std::string trimmed_right(std::string_view text) {
  // White space is found from the front, code point by code point.
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = i;
    internal::next_code_point(text, i);
    if (!internal::split(text.substr(begin, i - begin)).empty()) end = i;
  }
  return std::string(text.substr(0, end));
}

// Each of the next four is one substitution of mteval-v13a: from left to right, what was taken into a
// match is not looked at again. Bytes will do: what decides is ASCII.
std::string punctuation_apart(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (stands_apart(c)) {
      out += ' ';
      out += c;
      out += ' ';
    } else {
      out += c;
    }
  }
  return out;
}

std::string stops_not_behind_digits(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (is_digit(text[i]) || i + 1 == text.size() || !is_stop(text[i + 1])) continue;
    out += ' ';
    out += text[++i];
    out += ' ';
  }
  return out;
}

std::string stops_not_before_digits(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool match = is_stop(text[i]) && i + 1 < text.size() && !is_digit(text[i + 1]);
    if (match) out += ' ';
    out += text[i];
    if (!match) continue;
    out += ' ';
    out += text[++i];
  }
  return out;
}

std::string dashes_behind_digits(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (!is_digit(text[i]) || i + 1 == text.size() || text[i + 1] != '-') continue;
    out += " - ";
    ++i;
  }
  return out;
}

using Grams = std::map<std::vector<std::string>, std::uint64_t>;

Grams grams_up_to(const std::vector<std::string>& tokens, std::size_t order) {
  Grams grams;
  for (std::size_t n = 1; n <= order; ++n) {
    for (std::size_t i = 0; i + n <= tokens.size(); ++i) {
      ++grams[{tokens.begin() + static_cast<std::ptrdiff_t>(i),
               tokens.begin() + static_cast<std::ptrdiff_t>(i + n)}];
    }
  }
  return grams;
}

std::size_t distance(std::size_t a, std::size_t b) { return a > b ? a - b : b - a; }

}  // namespace

std::vector<std::string> bleu_tokens(std::string_view text) {
  std::string line = trimmed_right(text);
  replace_all(line, "<skipped>", "");
  replace_all(line, "-\n", "");
  replace_all(line, "\n", " ");
  replace_all(line, "&quot;", "\"");
  replace_all(line, "&amp;", "&");
  replace_all(line, "&lt;", "<");
  replace_all(line, "&gt;", ">");
  line = punctuation_apart(" " + line + " ");
  line = stops_not_before_digits(stops_not_behind_digits(line));
  return internal::split(dashes_behind_digits(line));
}

void BleuScorer::add(std::string_view prediction, std::span<const std::string> references) {
  if (references.empty()) throw internal_error("BLEU of a prediction without references");
  const std::vector<std::string> tokens = bleu_tokens(prediction);
  Grams allowed;
  std::size_t closest = 0;
  for (std::size_t r = 0; r < references.size(); ++r) {
    const std::vector<std::string> wanted = bleu_tokens(references[r]);
    for (const auto& [gram, count] : grams_up_to(wanted, kOrder)) {
      auto& most = allowed[gram];
      most = std::max(most, count);
    }
    const std::size_t now = distance(tokens.size(), wanted.size());
    const std::size_t best = distance(tokens.size(), closest);
    if (r == 0 || now < best || (now == best && wanted.size() < closest)) closest = wanted.size();
  }
  for (const auto& [gram, count] : grams_up_to(tokens, kOrder)) {
    total_[gram.size() - 1] += count;
    if (const auto found = allowed.find(gram); found != allowed.end()) {
      correct_[gram.size() - 1] += std::min(count, found->second);
    }
  }
  prediction_tokens_ += tokens.size();
  reference_tokens_ += closest;
}

BleuScorer& BleuScorer::operator+=(const BleuScorer& other) {
  for (std::size_t n = 0; n < kOrder; ++n) {
    correct_[n] += other.correct_[n];
    total_[n] += other.total_[n];
  }
  prediction_tokens_ += other.prediction_tokens_;
  reference_tokens_ += other.reference_tokens_;
  return *this;
}

double BleuScorer::brevity_penalty() const {
  if (prediction_tokens_ >= reference_tokens_) return 1;
  if (prediction_tokens_ == 0) return 0;
  return std::exp(1 - static_cast<double>(reference_tokens_) /
                          static_cast<double>(prediction_tokens_));
}

double BleuScorer::score() const {
  if (correct_[0] == 0) return 0;
  double log_sum = 0, smoothing = 1;
  for (std::size_t n = 0; n < kOrder; ++n) {
    if (total_[n] == 0) return 0;
    double matches = static_cast<double>(correct_[n]);
    if (correct_[n] == 0) {
      smoothing *= 2;
      matches = 1 / smoothing;
    }
    log_sum += std::log(100 * matches / static_cast<double>(total_[n]));
  }
  return brevity_penalty() * std::exp(log_sum / kOrder);
}

}  // namespace discreet::stats
