#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/aligned.h"
#include "discreet/text/subword/internal/byte_level.h"
#include "discreet/text/subword/internal/model.h"

namespace discreet::text::subword {
namespace {

class WordPiece final : public Model {
 public:
  WordPiece(TokenIds vocabulary, const WordPieceOptions& options)
      : Model(std::move(vocabulary)), options_(options), unknown_(vocabulary_.id_of(options.unknown)) {}

  const char* kind() const override { return "WordPiece"; }
  std::int32_t unknown() const override { return unknown_; }

  void encode(std::string_view piece, bool byte_level, std::vector<ModelToken>& out) const override {
    if (byte_level) {
      throw internal_error("WordPiece was given raw bytes");
    }
    const std::size_t before = out.size();
    if (!cut(piece, out)) {
      out.resize(before);
      if (unknown_ < 0) {
        throw bad_data("a word has no tokens in the vocabulary, and there is no unknown token '" +
                           options_.unknown + "' either");
      }
      out.push_back({unknown_, 0, static_cast<std::uint32_t>(piece.size())});
    }
  }

 private:
  bool cut(std::string_view piece, std::vector<ModelToken>& out) const {
    if (piece.size() > options_.longest_word && count_code_points(piece) > options_.longest_word) return false;
    std::string key = options_.prefix;
    for (std::size_t begin = 0; begin < piece.size();) {
      std::size_t end = std::min(piece.size(), begin + vocabulary_.longest_token());
      std::int32_t id = -1;
      if (begin > 0) key.resize(options_.prefix.size());
      if (begin > 0) key.append(piece, begin, end - begin);
      while (end > begin) {
        // The end may have been cut inside a character.
        if (end == piece.size() || (static_cast<unsigned char>(piece[end]) & 0xC0) != 0x80) {
          id = begin == 0 ? vocabulary_.id_of(piece.substr(0, end))
                          : vocabulary_.id_of(std::string_view(key).substr(0, options_.prefix.size() + end - begin));
          if (id >= 0) break;
        }
        --end;
      }
      if (id < 0) return false;
      out.push_back({id, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
      begin = end;
    }
    return true;
  }

  WordPieceOptions options_;
  std::int32_t unknown_;
};

class WordLevel final : public Model {
 public:
  WordLevel(TokenIds vocabulary, const std::string& unknown)
      : Model(std::move(vocabulary)), unknown_(vocabulary_.id_of(unknown)) {}
  const char* kind() const override { return "WordLevel"; }
  std::int32_t unknown() const override { return unknown_; }
  void encode(std::string_view piece, bool byte_level, std::vector<ModelToken>& out) const override {
    const std::string spelled = byte_level ? spelled_bytes(piece) : std::string();
    std::int32_t id = vocabulary_.id_of(byte_level ? std::string_view(spelled) : piece);
    if (id < 0) id = unknown_;
    if (id < 0) throw bad_data("a word is not in the vocabulary, and there is no unknown token");
    out.push_back({id, 0, static_cast<std::uint32_t>(piece.size())});
  }

 private:
  std::int32_t unknown_;
};

}  // namespace

ModelPtr make_word_piece(TokenIds vocabulary, const WordPieceOptions& options) {
  return std::make_unique<WordPiece>(std::move(vocabulary), options);
}

ModelPtr make_word_level(TokenIds vocabulary, const std::string& unknown) {
  return std::make_unique<WordLevel>(std::move(vocabulary), unknown);
}

}  // namespace discreet::text::subword
