#include "discreet/text/subword/internal/sentence_piece_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <queue>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/aligned.h"
#include "discreet/text/subword/internal/byte_trie.h"

namespace discreet::text::subword {
namespace {

constexpr float kUnknownCost = 10;

TokenIds ids_of_file(const SentencePieceFile& file, const std::string& origin) {
  TokenIds ids;
  for (std::size_t i = 0; i < file.pieces.size(); ++i) {
    if (ids.id_of(file.pieces[i].text) >= 0) {
      throw bad_data(fmt::format("{}: piece '{}' stands twice", origin, file.pieces[i].text.substr(0, 80)));
    }
    ids.add(file.pieces[i].text, static_cast<std::int32_t>(i));
  }
  return ids;
}

bool may_match(PieceKind kind) {
  return kind == PieceKind::kNormal || kind == PieceKind::kUserDefined || kind == PieceKind::kUnused;
}

ByteTrie trie_of(const SentencePieceFile& file, bool user_defined_only) {
  std::vector<std::pair<std::string_view, std::int32_t>> keys;
  for (std::size_t i = 0; i < file.pieces.size(); ++i) {
    const auto& piece = file.pieces[i];
    if (user_defined_only ? piece.kind == PieceKind::kUserDefined : may_match(piece.kind)) {
      keys.emplace_back(piece.text, static_cast<std::int32_t>(i));
    }
  }
  return ByteTrie(std::move(keys));
}

class SentencePieceModel : public Model {
 public:
  SentencePieceModel(const SentencePieceFile& file, const std::string& origin)
      : Model(ids_of_file(file, origin)), unknown_(file.unknown_id), byte_fallback_(file.byte_fallback) {
    for (const auto& piece : file.pieces) {
      scores_.push_back(piece.score);
      kinds_.push_back(piece.kind);
    }
    for (std::size_t b = 0; b < 256; ++b) {
      bytes_[b] = vocabulary_.id_of(fmt::format("<0x{:02X}>", b));
      if (byte_fallback_ && (bytes_[b] < 0 || kinds_[static_cast<std::size_t>(bytes_[b])] != PieceKind::kByte)) {
        throw bad_data(fmt::format("{}: byte fallback without a piece for byte {:02X}", origin, b));
      }
    }
  }

  std::int32_t unknown() const override { return unknown_; }
  std::int32_t spelled_as_text() const override { return unknown_; }

 protected:
  PieceKind kind_of(std::int32_t id) const { return kinds_[static_cast<std::size_t>(id)]; }
  float score_of(std::int32_t id) const { return scores_[static_cast<std::size_t>(id)]; }

  void append(std::string_view text, const ModelToken& token, std::vector<ModelToken>& out, bool& unknown_before) const {
    const bool unknown = token.id == unknown_;
    if (unknown && byte_fallback_) {
      for (std::uint32_t i = token.begin; i < token.end; ++i) {
        out.push_back({bytes_[static_cast<unsigned char>(text[i])], token.begin, token.end});
      }
    } else if (unknown && unknown_before) {
      out.back().end = token.end;
    } else {
      out.push_back(token);
    }
    unknown_before = unknown;
  }

  std::int32_t unknown_;
  bool byte_fallback_;
  std::vector<float> scores_;
  std::vector<PieceKind> kinds_;
  std::array<std::int32_t, 256> bytes_;
};

class SentencePieceUnigram final : public SentencePieceModel {
 public:
  SentencePieceUnigram(const SentencePieceFile& file, const std::string& origin)
      : SentencePieceModel(file, origin), trie_(trie_of(file, false)) {
    lowest_ = std::numeric_limits<float>::max();
    for (const auto& piece : file.pieces) {
      if (piece.kind != PieceKind::kNormal) continue;
      lowest_ = std::min(lowest_, piece.score);
    }
  }
  const char* kind() const override { return "Unigram"; }

  void encode(std::string_view piece, bool, std::vector<ModelToken>& out) const override {
    if (piece.empty()) return;
    struct Step {
      std::int32_t id = -1;
      float score = 0;
      std::size_t begin = SIZE_MAX;
    };
    std::vector<Step> best(piece.size() + 1);
    const float unknown_score = lowest_ - kUnknownCost;
    for (std::size_t begin = 0; begin < piece.size();) {
      const float here = best[begin].score;
      const std::size_t character = code_point_bytes(static_cast<unsigned char>(piece[begin]));
      bool single = false;
      trie_.prefixes(piece.substr(begin), [&](std::size_t bytes, std::int32_t id) {
        if (kind_of(id) == PieceKind::kUnused) return;
        Step& target = best[begin + bytes];
        // More than log-probabilities give, so that a user-defined piece is nearly always taken.
        const float score = kind_of(id) == PieceKind::kUserDefined ? 0.1f * static_cast<float>(bytes) - 0.1f
                                                                   : score_of(id);
        const float candidate = score + here;
        if (target.begin == SIZE_MAX || candidate > target.score) target = {id, candidate, begin};
        single = single || bytes == character;
      });
      if (!single) {
        Step& target = best[begin + character];
        const float candidate = unknown_score + here;
        if (target.begin == SIZE_MAX || candidate > target.score) target = {unknown_, candidate, begin};
      }
      begin += character;
    }
    std::vector<ModelToken> path;
    for (std::size_t end = piece.size(); end > 0; end = best[end].begin) {
      path.push_back({best[end].id, static_cast<std::uint32_t>(best[end].begin), static_cast<std::uint32_t>(end)});
    }
    bool unknown_before = false;
    for (std::size_t i = path.size(); i-- > 0;) append(piece, path[i], out, unknown_before);
  }

 private:
  ByteTrie trie_;
  float lowest_;
};

class SentencePieceBpe final : public SentencePieceModel {
 public:
  SentencePieceBpe(const SentencePieceFile& file, const std::string& origin)
      : SentencePieceModel(file, origin), user_defined_(trie_of(file, true)) {
    for (const auto& piece : file.pieces) {
      if (may_match(piece.kind)) pieces_.set(piece.text, vocabulary_.id_of(piece.text));
      has_unused_ = has_unused_ || piece.kind == PieceKind::kUnused;
    }
  }
  const char* kind() const override { return "BPE"; }

  void encode(std::string_view piece, bool, std::vector<ModelToken>& out) const override {
    struct Symbol {
      std::uint32_t begin, end;
      std::int32_t previous, next;
      bool frozen;
    };
    struct Candidate {
      float score;
      std::int32_t left, right;
      std::uint32_t bytes;
      bool operator<(const Candidate& o) const { return score != o.score ? score < o.score : left > o.left; }
    };
    std::vector<Symbol> symbols;
    for (std::size_t at = 0; at < piece.size();) {
      std::size_t bytes = 0;
      user_defined_.prefixes(piece.substr(at), [&](std::size_t n, std::int32_t) { bytes = n; });
      const bool frozen = bytes > 0;
      if (!frozen) bytes = code_point_bytes(static_cast<unsigned char>(piece[at]));
      const auto i = static_cast<std::int32_t>(symbols.size());
      symbols.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + bytes), i - 1, i + 1, frozen});
      at += bytes;
    }
    if (symbols.empty()) return;
    symbols.back().next = -1;
    std::priority_queue<Candidate> queue;
    std::map<std::string_view, std::pair<std::string_view, std::string_view>> halves;  // of unused pieces
    const auto text_of = [&](const Symbol& s) { return piece.substr(s.begin, s.end - s.begin); };
    const auto propose = [&](std::int32_t left, std::int32_t right) {
      if (left < 0 || right < 0) return;
      const Symbol &l = symbols[static_cast<std::size_t>(left)], &r = symbols[static_cast<std::size_t>(right)];
      if (l.frozen || r.frozen) return;
      const std::string_view whole = piece.substr(l.begin, r.end - l.begin);
      const std::int32_t id = pieces_.find(whole);
      if (id < 0) return;
      queue.push({score_of(id), left, right, static_cast<std::uint32_t>(whole.size())});
      if (has_unused_ && kind_of(id) == PieceKind::kUnused) halves[whole] = {text_of(l), text_of(r)};
    };
    for (std::size_t i = 1; i < symbols.size(); ++i) propose(static_cast<std::int32_t>(i) - 1, static_cast<std::int32_t>(i));
    while (!queue.empty()) {
      const Candidate c = queue.top();
      queue.pop();
      Symbol &l = symbols[static_cast<std::size_t>(c.left)], &r = symbols[static_cast<std::size_t>(c.right)];
      if (l.begin == l.end || r.begin == r.end || l.end - l.begin + r.end - r.begin != c.bytes) continue;
      l.end = r.end;
      r.begin = r.end;
      l.next = r.next;
      if (r.next >= 0) symbols[static_cast<std::size_t>(r.next)].previous = c.left;
      propose(l.previous, c.left);
      propose(c.left, l.next);
    }
    bool unknown_before = false;
    // An unused piece is cut again into what it was put together from.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> todo;
    for (std::int32_t i = 0; i >= 0; i = symbols[static_cast<std::size_t>(i)].next) {
      todo.emplace_back(symbols[static_cast<std::size_t>(i)].begin, symbols[static_cast<std::size_t>(i)].end);
      while (!todo.empty()) {
        const auto [begin, end] = todo.back();
        todo.pop_back();
        const std::string_view text = piece.substr(begin, end - begin);
        const std::int32_t found = vocabulary_.id_of(text);
        if (has_unused_ && found >= 0 && kind_of(found) == PieceKind::kUnused) {
          if (const auto half = halves.find(text); half != halves.end()) {
            const auto middle = begin + static_cast<std::uint32_t>(half->second.first.size());
            todo.emplace_back(middle, end);
            todo.emplace_back(begin, middle);
            continue;
          }
        }
        append(piece, {found < 0 ? unknown_ : found, begin, end}, out, unknown_before);
      }
    }
  }

 private:
  ByteTrie user_defined_;
  StringMap pieces_;
  bool has_unused_ = false;
};

}  // namespace

ModelPtr make_sentence_piece_model(const SentencePieceFile& file, const std::string& origin) {
  if (file.model_type == 1) return std::make_unique<SentencePieceUnigram>(file, origin);
  return std::make_unique<SentencePieceBpe>(file, origin);
}

}  // namespace discreet::text::subword
