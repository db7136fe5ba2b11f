#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "discreet/text/subword/subword_tokenizer.h"

namespace discreet::fairness {

/// A text, or a pair of texts, as a language model reads it.
///
/// Shapes: n tokens. `places` are bytes [begin, end) of the token's own text, [-1, -1) for tokens that
/// stand around it; `texts` says of which of a pair the token is (0 or 1), -1 for the tokens around.
struct CodedText {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> types;
  std::vector<std::pair<std::int64_t, std::int64_t>> places;
  std::vector<std::int32_t> texts;

  std::size_t size() const { return ids.size(); }
  bool special(std::size_t i) const { return texts[i] < 0; }
  /// [first, last) of the tokens that have a byte of [begin, end) of text `text`; empty ones where none.
  std::pair<std::size_t, std::size_t> tokens_of(std::int64_t begin, std::int64_t end,
                                                std::int32_t text = 0) const;
};

/// How texts become a model's tokens. Implementations are const and may be shared by threads.
class TextCoder {
 public:
  virtual ~TextCoder() = default;
  /// As the model was trained to read a text, special tokens included.
  virtual CodedText code(std::string_view text) const = 0;
  /// Throws: kUsage for a model that reads no pairs.
  virtual CodedText code_pair(std::string_view first, std::string_view second) const = 0;
  /// What stands under a hidden token; -1: the model has no mask.
  virtual std::int64_t mask() const = 0;
  /// What stands before a text that a causal model begins; -1: nothing does.
  virtual std::int64_t start() const = 0;
  virtual std::int64_t unknown() const = 0;
};

/// A tokenizer of the Hugging Face layout. `framed`: with the special tokens of its post-processor.
class SubwordCoder final : public TextCoder {
 public:
  explicit SubwordCoder(text::SubwordTokenizer tokenizer, bool framed = true,
                        std::int64_t start = -1);
  /// Throws: as SubwordTokenizer::load.
  static SubwordCoder load(const std::filesystem::path& folder);

  CodedText code(std::string_view text) const override;
  CodedText code_pair(std::string_view first, std::string_view second) const override;
  std::int64_t mask() const override { return tokenizer_.special_tokens().mask.value_or(-1); }
  std::int64_t start() const override { return start_; }
  std::int64_t unknown() const override { return tokenizer_.special_tokens().unk.value_or(-1); }
  const text::SubwordTokenizer& tokenizer() const { return tokenizer_; }

 private:
  CodedText coded(const text::SubwordEncoding& encoding, std::size_t first_tokens) const;

  text::SubwordTokenizer tokenizer_;
  bool framed_;
  std::int64_t start_;
};

}  // namespace discreet::fairness
