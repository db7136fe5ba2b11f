#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/aligned.h"
#include "discreet/text/subword/internal/byte_level.h"
#include "discreet/text/subword/internal/byte_trie.h"
#include "discreet/text/subword/internal/model.h"

namespace discreet::text::subword {
namespace {

// An unknown character costs so much more than the rarest piece (SentencePiece).
constexpr double kUnknownPenalty = 10;

TokenIds ids_of_pieces(const std::vector<std::pair<std::string, double>>& pieces) {
  TokenIds ids;
  for (std::size_t i = 0; i < pieces.size(); ++i) ids.add(pieces[i].first, static_cast<std::int32_t>(i));
  return ids;
}

ByteTrie trie_of_pieces(const std::vector<std::pair<std::string, double>>& pieces) {
  std::vector<std::pair<std::string_view, std::int32_t>> keys;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!pieces[i].first.empty()) keys.emplace_back(pieces[i].first, static_cast<std::int32_t>(i));
  }
  return ByteTrie(std::move(keys));
}

class Unigram final : public Model {
 public:
  Unigram(const std::vector<std::pair<std::string, double>>& pieces, const UnigramOptions& options)
      : Model(ids_of_pieces(pieces)), trie_(trie_of_pieces(pieces)), options_(options) {
    double lowest = std::numeric_limits<double>::infinity();
    for (const auto& [piece, score] : pieces) {
      scores_.push_back(score);
      lowest = std::min(lowest, score);
    }
    unknown_score_ = lowest - kUnknownPenalty;
    for (std::size_t b = 0; b < 256; ++b) {
      bytes_[b] = options.byte_fallback ? vocabulary_.id_of(fmt::format("<0x{:02X}>", b)) : -1;
    }
  }

  const char* kind() const override { return "Unigram"; }
  std::int32_t unknown() const override { return options_.unknown; }
  std::int32_t spelled_as_text() const override { return options_.unknown; }

  void encode(std::string_view piece, bool byte_level, std::vector<ModelToken>& out) const override {
    if (byte_level) throw internal_error("Unigram was given raw bytes");
    if (piece.empty()) return;
    const std::vector<Step> best = best_path(piece);
    // Steps backwards; neighbouring unknown characters are one token.
    std::vector<ModelToken> path;
    for (std::size_t end = piece.size(); end > 0;) {
      const Step& step = best[end];
      const auto begin = static_cast<std::uint32_t>(step.begin);
      if (step.id == options_.unknown && options_.unknown >= 0 && !path.empty() && path.back().id == step.id) {
        path.back().begin = begin;
      } else {
        path.push_back({step.id, begin, static_cast<std::uint32_t>(end)});
      }
      end = step.begin;
    }
    for (std::size_t i = path.size(); i-- > 0;) append(piece, path[i], out);
  }

 private:
  struct Step {
    double score = 0;
    std::size_t begin = SIZE_MAX;
    std::int32_t id = -1;
  };

  std::vector<Step> best_path(std::string_view piece) const {
    std::vector<Step> best(piece.size() + 1);
    for (std::size_t begin = 0; begin < piece.size();) {
      const std::size_t character = code_point_bytes(static_cast<unsigned char>(piece[begin]));
      const double here = best[begin].score;
      bool single = false;
      const auto offer = [&](std::size_t bytes, double score, std::int32_t id) {
        Step& target = best[begin + bytes];
        if (target.begin == SIZE_MAX || here + score > target.score) target = {here + score, begin, id};
      };
      trie_.prefixes(piece.substr(begin), [&](std::size_t bytes, std::int32_t id) {
        offer(bytes, scores_[static_cast<std::size_t>(id)], id);
        single = single || bytes == character;
      });
      if (!single) {
        if (options_.unknown < 0) throw bad_data("a character has no piece, and the model has no unknown one");
        offer(character, unknown_score_, options_.unknown);
      }
      begin += character;
    }
    return best;
  }

  void append(std::string_view piece, const ModelToken& token, std::vector<ModelToken>& out) const {
    const std::string_view text = piece.substr(token.begin, token.end - token.begin);
    // Several unknown characters may spell a piece together.
    std::int32_t id = token.id == options_.unknown ? vocabulary_.id_of(text) : token.id;
    if (id >= 0) {
      out.push_back({id, token.begin, token.end});
      return;
    }
    const bool all = std::all_of(text.begin(), text.end(), [&](char c) { return bytes_[static_cast<unsigned char>(c)] >= 0; });
    if (!all) {
      out.push_back(token);
      return;
    }
    for (const char c : text) out.push_back({bytes_[static_cast<unsigned char>(c)], token.begin, token.end});
  }

  ByteTrie trie_;
  UnigramOptions options_;
  std::vector<double> scores_;
  double unknown_score_ = 0;
  std::array<std::int32_t, 256> bytes_;
};

}  // namespace

ModelPtr make_unigram(const std::vector<std::pair<std::string, double>>& pieces, const UnigramOptions& options,
                      const std::string& where) {
  if (options.unknown >= static_cast<std::int32_t>(pieces.size())) {
    throw bad_data(fmt::format("{}: unk_id = {}: expected one of the {} pieces", where, options.unknown, pieces.size()));
  }
  return std::make_unique<Unigram>(pieces, options);
}

}  // namespace discreet::text::subword
