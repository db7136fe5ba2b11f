#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace discreet::text {

/// Units of offsets.
enum class OffsetUnit { kNone, kBytes, kCodePoints };

struct EncodeOptions {
  /// Special tokens as the post-processor adds them. Off: those of the text alone.
  bool special_tokens = true;
  /// kNone is fastest: SubwordEncoding::offsets stays empty.
  OffsetUnit offsets = OffsetUnit::kNone;
  /// Fills SubwordEncoding::tokens.
  bool tokens = false;
};

/// A text (or a pair of texts) as ids; one entry per token in each list that is filled.
struct SubwordEncoding {
  std::vector<std::int32_t> ids;
  /// Spelling of each token, as the vocabulary has it; a Unigram model's unknown token bears the text
  /// that it stands for.
  std::vector<std::string> tokens;
  /// [begin, end) in its text; [0, 0] for tokens that the post-processor added. Of given words:
  /// within the word.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> offsets;
  /// Which piece of its text a token is part of: of raw text the piece that the pre-tokeniser cut, of
  /// given words the word. -1 for tokens that the post-processor added.
  std::vector<std::int32_t> words;
  std::vector<std::int32_t> type_ids;
  /// 1 for tokens that the post-processor added.
  std::vector<std::uint8_t> special;

  std::size_t size() const { return ids.size(); }
};

/// Ids of the tokens with a role, where the model's files name them.
struct SpecialTokens {
  std::optional<std::int32_t> bos, eos, pad, unk, cls, sep, mask;
};

/// Text to ids and back, equal to Hugging Face `tokenizers`: added tokens, normaliser,
/// pre-tokeniser, model (WordPiece, BPE, Unigram, WordLevel), post-processor, decoder.
///
/// All members are const and may be called by several threads at once.
class SubwordTokenizer {
 public:
  /// Of a model folder or a file: tokenizer.json; else vocab.txt; else vocab.json and merges.txt;
  /// else tokenizer.model or spiece.model (SentencePiece); else tokenizer.bin (llama2.c); beside them tokenizer_config.json and
  /// special_tokens_map.json. A file's truncation and padding are not applied.
  /// Throws: kBadData naming file, place, what was found and what expected: damaged files, unknown
  /// components and options; kRuntime if nothing is there or it cannot be read.
  static SubwordTokenizer load(const std::filesystem::path& path);
  /// The text of a tokenizer.json; `origin` stands in errors.
  static SubwordTokenizer from_json(const std::string& text, const std::string& origin);

  ~SubwordTokenizer();
  SubwordTokenizer(SubwordTokenizer&&) noexcept;
  SubwordTokenizer& operator=(SubwordTokenizer&&) noexcept;

  /// Throws: kBadData if `text` is not UTF-8 or is larger than 1 GiB, and for a character that the
  /// vocabulary lacks when the model has no unknown token.
  SubwordEncoding encode(std::string_view text, const EncodeOptions& options = {}) const;
  SubwordEncoding encode_pair(std::string_view text, std::string_view pair,
                       const EncodeOptions& options = {}) const;
  /// Given words, each encoded for itself (`is_split_into_words`); SubwordEncoding::words tells which. Words
  /// that the tokeniser drops (empty, only control characters) have no token.
  SubwordEncoding encode_words(std::span<const std::string> words, const EncodeOptions& options = {}) const;
  SubwordEncoding encode_words_pair(std::span<const std::string> words, std::span<const std::string> pair,
                             const EncodeOptions& options = {}) const;
  /// The ids alone.
  std::vector<std::int32_t> ids(std::string_view text, bool special_tokens = true) const;

  /// Ids that no token has are passed over, as there.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special = true) const;

  std::optional<std::int32_t> id_of(std::string_view token) const;
  /// Empty if no token has this id.
  std::optional<std::string> token_of(std::int32_t id) const;
  /// One past the largest id.
  std::int32_t size() const;
  bool is_special(std::int32_t id) const;
  const SpecialTokens& special_tokens() const;
  /// "WordPiece", "BPE", "Unigram" or "WordLevel".
  const std::string& model_kind() const;
  /// How many tokens the post-processor adds to one text, or to a pair.
  std::size_t added_tokens(bool pair = false) const;

 private:
  struct Pipeline;
  explicit SubwordTokenizer(std::unique_ptr<Pipeline> pipeline);
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace discreet::text
