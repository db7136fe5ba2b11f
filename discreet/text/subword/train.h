#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace discreet::text {

enum class SubwordKind { kWordPiece, kByteLevelBpe };

struct SubwordTrainingOptions {
  SubwordKind kind = SubwordKind::kWordPiece;
  std::size_t size = 30000;        ///< At most so many tokens, special ones and characters among them.
  std::uint64_t min_frequency = 2; ///< Pairs seen less often are not merged.
  bool lowercase = true;           ///< WordPiece: lower case without accents, as BERT's uncased models.
  std::size_t limit_alphabet = 1000;  ///< WordPiece: characters kept, the most frequent ones; 0: all.
  bool prefix_space = false;       ///< BPE: texts begin with a space.
  std::vector<std::string> special_tokens;  ///< Empty: [PAD] [UNK] [CLS] [SEP] [MASK], or <|endoftext|>.
};

/// A vocabulary by byte-pair merges (Sennrich et al. 2016): what Hugging Face's WordPiece and BPE trainers
/// learn from the same text, in one thread.
///
/// Ids: special tokens, characters by code point, for WordPiece then "##" characters by code point, then the
/// merges. Of pairs equally frequent the one with the smaller left id is merged first, then the one with the
/// smaller right id; of characters equally rare under `limit_alphabet` the larger code point goes. For BPE
/// the merges and ids are those of `tokenizers`; for WordPiece its "##" characters have ids in no order, so
/// that its choice between equally frequent pairs differs from run to run and from ours.
///
/// Nothing here is private: a vocabulary tells about its text.
class VocabularyTrainer {
 public:
  explicit VocabularyTrainer(const SubwordTrainingOptions& options);
  ~VocabularyTrainer();
  /// Counts the words of a text. Throws: kBadData if it is not UTF-8.
  void add(std::string_view text);
  /// Lines of a plain text file, each with its end, as `tokenizers` reads files. Throws: kRuntime; kBadData
  /// naming file and line.
  void add_file(const std::filesystem::path& file);

  struct Result {
    std::vector<std::string> tokens;  ///< by id
    std::vector<std::pair<std::string, std::string>> merges;
    std::uint64_t words = 0, distinct_words = 0;
  };
  /// Throws: kUsage if `size` does not hold special tokens and characters.
  Result train() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// tokenizer.json, tokenizer_config.json, and vocab.txt or vocab.json with merges.txt: what `transformers`
/// and SubwordTokenizer::load read. The folder is written whole or not at all.
void write_tokenizer_folder(const std::filesystem::path& folder, const SubwordTrainingOptions& options,
                            const VocabularyTrainer::Result& vocabulary);

}  // namespace discreet::text
