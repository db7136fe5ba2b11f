#include "discreet/app/subwords.h"

#include <map>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/text/subword/subword_tokenizer.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

/// What a tokenizer may be made of.
constexpr const char* kTokenizerFiles[] = {"tokenizer.json",     "tokenizer_config.json",
                                           "special_tokens_map.json", "added_tokens.json",
                                           "vocab.txt",          "vocab.json",
                                           "merges.txt",         "tokenizer.model",
                                           "spiece.model"};

/// The special tokens around the runs of a text's own tokens.
Frame frame_from(const text::SubwordEncoding& encoding) {
  Frame frame;
  std::size_t first = encoding.size(), last = 0;  // of the texts' own tokens
  for (std::size_t i = 0; i < encoding.size(); ++i) {
    if (encoding.special[i] != 0) continue;
    first = std::min(first, i);
    last = i;
  }
  for (std::size_t i = 0; i < encoding.size(); ++i) {
    if (encoding.special[i] == 0) continue;
    const bool before = i < first, after = i > last;
    (before ? frame.before : after ? frame.after : frame.between).push_back(encoding.ids[i]);
    (before ? frame.before_types : after ? frame.after_types : frame.between_types)
        .push_back(encoding.type_ids[i]);
  }
  if (first < encoding.size()) {
    frame.first_type = encoding.type_ids[first];
    frame.second_type = encoding.type_ids[last];
  }
  return frame;
}

class FileSubwords final : public Subwords {
 public:
  explicit FileSubwords(const fs::path& path) : tokenizer_(text::SubwordTokenizer::load(path)) {
    const fs::path folder = fs::is_directory(path) ? path : path.parent_path();
    for (const char* name : kTokenizerFiles) {
      // Kept, so that a run's folder is whole even if these change before it ends.
      if (fs::exists(folder / name)) files_[name] = core::read_file(folder / name);
    }
    if (!fs::is_directory(path)) files_[path.filename().string()] = core::read_file(path);
    single_ = frame_from(tokenizer_.encode("a"));
    pair_ = frame_from(tokenizer_.encode_pair("a", "a"));
    for (std::int64_t id = 0; id < tokenizer_.size(); ++id) {
      const auto token = tokenizer_.token_of(static_cast<std::int32_t>(id));
      continues_.push_back(token && goes_on(*token) ? 1 : 0);
    }
  }

  std::vector<Piece> pieces(std::string_view text) const override {
    return pieces_from(tokenizer_.encode(text, kPlain));
  }
  std::vector<Piece> pieces_of_words(const std::vector<std::string>& words) const override {
    return pieces_from(tokenizer_.encode_words(words, kPlain));
  }
  const Frame& single() const override { return single_; }
  const Frame& pair() const override { return pair_; }
  std::int64_t size() const override { return tokenizer_.size(); }
  std::int64_t mask() const override { return tokenizer_.special_tokens().mask.value_or(-1); }
  std::int64_t unknown() const override { return tokenizer_.special_tokens().unk.value_or(-1); }
  std::int64_t end() const override {
    const text::SpecialTokens& tokens = tokenizer_.special_tokens();
    if (tokens.eos) return *tokens.eos;
    // GPT-2's files of words and merges alone name no roles.
    if (const auto end = tokenizer_.id_of("<|endoftext|>")) return *end;
    return tokens.sep ? *tokens.sep : tokens.bos.value_or(-1);
  }
  bool is_special(std::int64_t id) const override {
    return tokenizer_.is_special(static_cast<std::int32_t>(id));
  }
  bool continues(std::int64_t id) const override {
    return static_cast<std::size_t>(id) < continues_.size() && continues_[id] != 0;
  }
  std::string decode(const std::vector<std::int64_t>& ids) const override {
    const std::vector<std::int32_t> narrow(ids.begin(), ids.end());
    return tokenizer_.decode(narrow);
  }
  void save(const fs::path& folder) const override {
    for (const auto& [name, bytes] : files_) core::write_file_atomically(folder / name, bytes);
  }

 private:
  static constexpr text::EncodeOptions kPlain{.special_tokens = false, .offsets = text::OffsetUnit::kBytes};

  static std::vector<Piece> pieces_from(const text::SubwordEncoding& encoding) {
    std::vector<Piece> pieces;
    pieces.reserve(encoding.size());
    for (std::size_t i = 0; i < encoding.size(); ++i) {
      const bool begins = i == 0 || encoding.words[i] != encoding.words[i - 1];
      const auto [begin, end] = encoding.offsets[i];
      pieces.push_back({encoding.ids[i], {begin, end}, begins, encoding.words[i]});
    }
    return pieces;
  }

  /// By the marks of the models: "##" before what goes on, or a blank's sign before what begins.
  bool goes_on(const std::string& token) const {
    if (tokenizer_.model_kind() == "WordPiece") return token.starts_with("##");
    if (tokenizer_.model_kind() == "WordLevel") return false;
    return !token.starts_with("\u0120") && !token.starts_with("\u2581") && !token.starts_with("\u010A");
  }

  text::SubwordTokenizer tokenizer_;
  std::map<std::string, std::string> files_;
  Frame single_, pair_;
  std::vector<std::uint8_t> continues_;
};

}  // namespace

std::shared_ptr<const Subwords> Subwords::load(const fs::path& folder) {
  return std::make_shared<FileSubwords>(folder);
}

}  // namespace discreet::app
