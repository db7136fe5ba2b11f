#include <fmt/format.h>

#include <array>
#include <queue>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/aligned.h"
#include "discreet/text/subword/internal/byte_level.h"
#include "discreet/text/subword/internal/model.h"

namespace discreet::text::subword {
namespace {

// Up to so many symbols the lowest rank is looked for by going over them.
constexpr std::size_t kShortPiece = 40;

struct Symbol {
  std::int32_t id;
  std::uint32_t bytes;
};

class Bpe final : public Model {
 public:
  Bpe(TokenIds vocabulary, const Merges& merges, const BpeOptions& options, const std::string& where)
      : Model(std::move(vocabulary)), options_(options) {
    unknown_ = options.unknown.empty() ? -1 : vocabulary_.id_of(options.unknown);
    if (!options.unknown.empty() && unknown_ < 0) {
      throw bad_data(fmt::format("{}: the unknown token '{}' is not in the vocabulary", where, options.unknown));
    }
    add_merges(merges, where);
    const auto& characters = byte_characters();
    for (std::size_t b = 0; b < 256; ++b) {
      bytes_[b] = vocabulary_.id_of(to_utf8(characters[b]));
      fallback_[b] = options.byte_fallback ? vocabulary_.id_of(fmt::format("<0x{:02X}>", b)) : -1;
    }
    plain_ = options.prefix.empty() && options.suffix.empty();
    for (char32_t c = 0; c < 128; ++c) ascii_[c] = plain_ ? vocabulary_.id_of(to_utf8(c)) : -1;
    if (options.ignore_merges) {
      for (const auto& [id, token] : vocabulary_.all()) {
        std::string raw;
        if (unspell_bytes(token, raw)) raw_tokens_.set(raw, id);
      }
    }
  }

  const char* kind() const override { return "BPE"; }
  std::int32_t unknown() const override { return unknown_; }

  void encode(std::string_view piece, bool byte_level, std::vector<ModelToken>& out) const override {
    if (piece.empty()) return;
    if (options_.ignore_merges) {
      const std::int32_t id = byte_level ? raw_tokens_.find(piece) : vocabulary_.id_of(piece);
      if (id >= 0) {
        out.push_back({id, 0, static_cast<std::uint32_t>(piece.size())});
        return;
      }
    }
    std::vector<Symbol> symbols;
    symbols.reserve(piece.size());
    if (byte_level && plain_ && unknown_ < 0 && !options_.byte_fallback) {
      for (const char c : piece) {
        const std::int32_t id = bytes_[static_cast<unsigned char>(c)];
        if (id >= 0) symbols.push_back({id, 1});
      }
    } else if (byte_level) {
      spelled_symbols(piece, symbols);
    } else {
      start(piece, symbols);
    }
    if (symbols.size() <= kShortPiece) {
      merge_short(symbols);
    } else {
      merge_long(symbols);
    }
    std::uint32_t at = 0;
    for (const Symbol& s : symbols) {
      out.push_back({s.id, at, at + s.bytes});
      at += s.bytes;
    }
  }

 private:
  void add_merges(const Merges& merges, const std::string& where) {
    merges_.reserve(merges.size());
    for (std::size_t i = 0; i < merges.size(); ++i) {
      const auto& [left, right] = merges[i];
      const auto fail = [&](const std::string& token) {
        throw bad_data(fmt::format("{}: merges[{}]: '{}' is not in the vocabulary", where, i, token.substr(0, 80)));
      };
      const std::int32_t l = vocabulary_.id_of(left), r = vocabulary_.id_of(right);
      if (l < 0) fail(left);
      if (r < 0) fail(right);
      if (right.size() < options_.prefix.size()) fail(right);
      const std::string whole = left + right.substr(options_.prefix.size());
      const std::int32_t id = vocabulary_.id_of(whole);
      if (id < 0) fail(whole);
      merges_.set(l, r, {static_cast<std::int32_t>(i), id});
    }
  }

  // Raw bytes as the characters that they stand for; sizes stay those of the raw bytes.
  void spelled_symbols(std::string_view piece, std::vector<Symbol>& symbols) const {
    const std::string spelled = spelled_bytes(piece);
    start(spelled, symbols);
    // A symbol's size counts UTF-8 bytes of characters: one raw byte for each character.
    std::size_t at = 0;
    for (Symbol& s : symbols) {
      const std::size_t end = std::min(spelled.size(), at + s.bytes);
      s.bytes = static_cast<std::uint32_t>(count_code_points(std::string_view(spelled).substr(at, end - at)));
      at = end;
    }
  }

  // One symbol for each character; unknown ones as the options say.
  void start(std::string_view piece, std::vector<Symbol>& symbols) const {
    std::string key;
    std::uint32_t pending = 0;  // bytes of an unknown token that is not written yet
    bool unknown_pending = false;
    for (std::size_t at = 0; at < piece.size();) {
      const std::size_t begin = at;
      const auto first = static_cast<unsigned char>(piece[at]);
      at += code_point_bytes(first);
      const auto bytes = static_cast<std::uint32_t>(at - begin);
      std::string_view character = piece.substr(begin, bytes);
      std::int32_t id;
      if (plain_) {
        id = first < 128 ? ascii_[first] : vocabulary_.id_of(character);
      } else {
        key = begin == 0 ? "" : options_.prefix;
        key += character;
        if (at == piece.size()) key += options_.suffix;
        character = key;
        id = vocabulary_.id_of(key);
      }
      if (id >= 0) {
        if (unknown_pending) symbols.push_back({unknown_, pending});
        unknown_pending = false;
        symbols.push_back({id, bytes});
        continue;
      }
      if (options_.byte_fallback && fall_back(character, symbols)) continue;
      if (unknown_ < 0) continue;
      if (unknown_pending && options_.fuse_unknown) {
        pending += bytes;
        continue;
      }
      if (unknown_pending) symbols.push_back({unknown_, pending});
      unknown_pending = true;
      pending = bytes;
    }
    if (unknown_pending) symbols.push_back({unknown_, pending});
  }

  bool fall_back(std::string_view character, std::vector<Symbol>& symbols) const {
    for (const char c : character) {
      if (fallback_[static_cast<unsigned char>(c)] < 0) return false;
    }
    for (const char c : character) symbols.push_back({fallback_[static_cast<unsigned char>(c)], 1});
    return true;
  }

  void merge_short(std::vector<Symbol>& symbols) const {
    std::size_t count = symbols.size();
    if (count < 2) return;
    std::array<PairMap::Value, kShortPiece> next;
    for (std::size_t i = 0; i + 1 < count; ++i) next[i] = merges_.find(symbols[i].id, symbols[i + 1].id);
    while (count > 1) {
      std::size_t best = SIZE_MAX;
      std::uint32_t rank = UINT32_MAX;  // -1, no merge, is the largest
      for (std::size_t i = 0; i + 1 < count; ++i) {
        if (static_cast<std::uint32_t>(next[i].rank) < rank) {
          rank = static_cast<std::uint32_t>(next[i].rank);
          best = i;
        }
      }
      if (best == SIZE_MAX) break;
      symbols[best] = {next[best].id, symbols[best].bytes + symbols[best + 1].bytes};
      for (std::size_t i = best + 1; i + 1 < count; ++i) {
        symbols[i] = symbols[i + 1];
        next[i] = next[i + 1];
      }
      --count;
      if (best > 0) next[best - 1] = merges_.find(symbols[best - 1].id, symbols[best].id);
      if (best + 1 < count) next[best] = merges_.find(symbols[best].id, symbols[best + 1].id);
    }
    symbols.resize(count);
  }

  // The same with a queue: the lowest rank first, of equal ones the leftmost.
  void merge_long(std::vector<Symbol>& symbols) const {
    struct Candidate {
      std::int32_t rank;
      std::uint32_t left;
      std::int32_t id;
      bool operator>(const Candidate& o) const { return rank != o.rank ? rank > o.rank : left > o.left; }
    };
    const auto count = static_cast<std::uint32_t>(symbols.size());
    constexpr std::uint32_t kEnd = UINT32_MAX;
    std::vector<std::uint32_t> previous(count), following(count);
    std::vector<bool> gone(count);
    std::vector<Candidate> heap;
    heap.reserve(count);
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue(std::greater<>(), std::move(heap));
    const auto propose = [&](std::uint32_t left, std::uint32_t right) {
      const PairMap::Value merge = merges_.find(symbols[left].id, symbols[right].id);
      if (merge.rank >= 0) queue.push({merge.rank, left, merge.id});
    };
    for (std::uint32_t i = 0; i < count; ++i) {
      previous[i] = i == 0 ? kEnd : i - 1;
      following[i] = i + 1 == count ? kEnd : i + 1;
      if (i + 1 < count) propose(i, i + 1);
    }
    while (!queue.empty()) {
      const Candidate c = queue.top();
      queue.pop();
      const std::uint32_t right = following[c.left];
      if (gone[c.left] || right == kEnd) continue;
      if (merges_.find(symbols[c.left].id, symbols[right].id).id != c.id) continue;  // overtaken
      symbols[c.left] = {c.id, symbols[c.left].bytes + symbols[right].bytes};
      gone[right] = true;
      following[c.left] = following[right];
      if (following[right] != kEnd) {
        previous[following[right]] = c.left;
        propose(c.left, following[right]);
      }
      if (previous[c.left] != kEnd) propose(previous[c.left], c.left);
    }
    std::size_t kept = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!gone[i]) symbols[kept++] = symbols[i];
    }
    symbols.resize(kept);
  }

  BpeOptions options_;
  PairMap merges_;
  StringMap raw_tokens_;
  std::array<std::int32_t, 256> bytes_, fallback_;
  std::array<std::int32_t, 128> ascii_;
  std::int32_t unknown_ = -1;
  bool plain_ = true;
};

}  // namespace

ModelPtr make_bpe(TokenIds vocabulary, const Merges& merges, const BpeOptions& options, const std::string& where) {
  return std::make_unique<Bpe>(std::move(vocabulary), merges, options, where);
}

}  // namespace discreet::text::subword
