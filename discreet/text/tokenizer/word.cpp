#include <array>

#include "discreet/core/registry.h"
#include "discreet/text/internal/normal_form.h"
#include "discreet/text/unicode.h"

namespace discreet::text {
namespace {

// A grapheme cluster with what the rules ask about its first code point.
struct Cluster {
  std::size_t begin, end;
  char32_t first;
  bool space, word, digit, ideograph;
};

std::vector<Cluster> clusters_of(std::string_view text) {
  std::vector<Cluster> clusters;
  std::size_t begin = 0;
  for (const std::size_t end : grapheme_ends(text)) {
    std::size_t at = begin;
    const char32_t c = next_code_point(text, at);
    clusters.push_back({begin, end, c, is_space(c), is_word(c), is_digit(c), is_ideograph(c)});
    begin = end;
  }
  return clusters;
}

bool is_apostrophe(char32_t c) { return c == U'\'' || c == U'\u2019'; }

// The Penn treebank's conventions, restated for any script:
// - white space separates; letters, digits and marks join; an ideograph stands alone;
// - inside a word stay: hyphens and apostrophes between letters, '.' ',' ':' between digits, '.'
// '@'
//   '&' between letters or digits (example.com, a.m, r&b), '#' and '@' before a word;
// - a word of single letters with dots keeps its last dot (a.m., u.s.);
// - the clitics 's 're 've 'll 'd 'm and n't part from their word;
// - a run of the same sign is one token (..., --, !!), any other sign stands alone.
class WordTokenizer final : public Tokenizer {
 public:
  explicit WordTokenizer(const TokenizerOptions& options) : options_(options) {}

  std::vector<Token> tokenize(std::string_view text) const override {
    require_utf8(text, "text to tokenise");
    const std::vector<Cluster> clusters = clusters_of(text);
    std::vector<Token> tokens;
    for (std::size_t i = 0; i < clusters.size();) {
      if (clusters[i].space) {
        ++i;
        continue;
      }
      const std::size_t end = token_end(clusters, i);
      add(text, clusters[i].begin, clusters[end - 1].end, tokens);
      i = end;
    }
    return tokens;
  }

  std::string normalize(std::string_view word) const override {
    return internal::normal_form(word, options_);
  }

  Json config() const override { return internal::tokenizer_config("word", options_); }

 private:
  static bool joins(const Cluster& left, const Cluster& sign, const Cluster& right) {
    if (!left.word || !right.word || left.ideograph || right.ideograph) return false;
    if (sign.first == U'-' || is_apostrophe(sign.first)) return true;
    if (sign.first == U'.' || sign.first == U'@' || sign.first == U'&') return true;
    return (sign.first == U',' || sign.first == U':') && left.digit && right.digit;
  }

  // One past the last cluster of the token that begins at `i`.
  static std::size_t token_end(const std::vector<Cluster>& c, std::size_t i) {
    const auto word_at = [&](std::size_t k) { return k < c.size() && c[k].word; };
    std::size_t k = i;
    if ((c[i].first == U'#' || c[i].first == U'@') && word_at(i + 1) && !c[i + 1].ideograph) ++k;
    if (!word_at(k)) {
      while (++k < c.size() && c[k].first == c[i].first &&
             c[k].end - c[k].begin == c[i].end - c[i].begin) {
      }
      return k;
    }
    if (c[k].ideograph) return k + 1;
    bool single_letters = true;
    std::size_t run = 0;  // letters since the last dot
    for (;;) {
      while (word_at(k) && !c[k].ideograph) {
        ++k;
        ++run;
      }
      single_letters = single_letters && run == 1;
      if (k + 1 < c.size() && joins(c[k - 1], c[k], c[k + 1])) {
        single_letters = single_letters && c[k].first == U'.';
        run = 0;
        ++k;
        continue;
      }
      const bool dotted = k >= i + 3 && single_letters;
      return dotted && k < c.size() && c[k].first == U'.' ? k + 1 : k;
    }
  }

  // Adds [begin, end), parted from its clitic if it has one.
  void add(std::string_view text, std::size_t begin, std::size_t end,
           std::vector<Token>& tokens) const {
    static constexpr std::array<std::string_view, 7> kClitics = {"'s", "'re", "'ve", "'ll",
                                                                 "'d", "'m",  "n't"};
    // ASCII apostrophe for comparison: U+2019 is three bytes.
    std::string plain;
    std::vector<std::size_t> places;  // of each byte of `plain`
    for (std::size_t i = begin; i < end;) {
      const std::size_t start = i;
      const char32_t c = next_code_point(text, i);
      const std::string piece = is_apostrophe(c) ? "'" : lowercase(text.substr(start, i - start));
      plain += piece;
      places.insert(places.end(), piece.size(), start);
    }
    for (const std::string_view clitic : kClitics) {
      if (plain.size() <= clitic.size() || !plain.ends_with(clitic)) continue;
      const std::size_t cut = places[plain.size() - clitic.size()];
      tokens.push_back({normalize(text.substr(begin, cut - begin)), begin, cut});
      tokens.push_back({normalize(text.substr(cut, end - cut)), cut, end});
      return;
    }
    tokens.push_back({normalize(text.substr(begin, end - begin)), begin, end});
  }

  TokenizerOptions options_;
};

}  // namespace
}  // namespace discreet::text

namespace discreet {

void register_tokenizer_word(core::Registry& registry) {
  registry.add({.kind = "tokenizer",
                .name = "word",
                .summary = "Words, numbers and signs of raw text, clitics apart",
                .reference = "Penn treebank conventions; UAX 29",
                .fields = text::internal::tokenizer_fields().info(),
                .make = text::MakeTokenizer([](const text::TokenizerOptions& options) {
                  return std::unique_ptr<text::Tokenizer>(new text::WordTokenizer(options));
                })});
}

}  // namespace discreet
