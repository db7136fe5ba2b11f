#include "discreet/text/subword/subword_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/code_points.h"
#include "discreet/text/subword/internal/pipeline.h"
#include "discreet/text/unicode.h"

namespace discreet::text {

using namespace subword;

namespace {

constexpr std::size_t kLongestText = std::size_t{1} << 30;
// A piece longer than this is not kept; beyond so many tokens or bytes the cache starts anew.
constexpr std::size_t kLongestCached = 96;
constexpr std::size_t kMostCachedTokens = 1 << 18;
constexpr std::size_t kMostCachedBytes = 4 << 20;

// Lends a scratch space for a call.
class Lease {
 public:
  explicit Lease(ScratchPool& pool) : pool_(pool), scratch_(pool.take()) {}
  ~Lease() { pool_.give_back(std::move(scratch_)); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Scratch& operator*() { return *scratch_; }

 private:
  ScratchPool& pool_;
  std::unique_ptr<Scratch> scratch_;
};

// Byte places to code point places: `places[i]` is how many code points begin before byte i. Empty for
// ASCII, where they are the same.
std::vector<std::uint32_t> code_point_places(std::string_view text) {
  std::vector<std::uint32_t> places;
  if (ascii_prefix(text) == text.size()) return places;
  places.reserve(text.size() + 1);
  std::uint32_t count = 0;
  for (const char c : text) {
    places.push_back(count);
    count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }
  places.push_back(count);
  return places;
}

// What Hugging Face takes for white space at the ends of byte-level tokens.
std::pair<std::uint32_t, std::uint32_t> outer_spaces(std::string_view token) {
  const std::uint16_t* classes = class_table();
  const auto space = [&](char32_t c) { return c == 0x120 || is(classes[c], kSpace); };
  std::uint32_t leading = 0, trailing = 0;
  for (std::size_t at = 0; at < token.size() && space(read_code_point(token, at));) ++leading;
  for (std::size_t end = token.size(); end > 0 && space(read_code_point_before(token, end));) ++trailing;
  return {leading, trailing};
}

void trim_offsets(Sequence& s, bool prefix_space) {
  for (std::size_t i = 0; i < s.offsets.size(); ++i) {
    auto [leading, trailing] = outer_spaces(s.tokens[i]);
    Span& o = s.offsets[i];
    if (leading > 0) {
      const bool first = i == 0 || o.begin == 0;
      if (first && prefix_space && leading == 1) leading = 0;
      o.begin = std::min(o.begin + leading, o.end);
    }
    if (trailing > 0 && o.end >= trailing) o.end = std::max(o.end - trailing, o.begin);
  }
}

}  // namespace

namespace subword {

void Sequence::clear() {
  ids.clear();
  words.clear();
  offsets.clear();
  tokens.clear();
}

std::unique_ptr<Scratch> ScratchPool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      auto scratch = std::move(free_.back());
      free_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<Scratch>();
}

void ScratchPool::give_back(std::unique_ptr<Scratch> scratch) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(scratch));
}

}  // namespace subword

struct SubwordTokenizer::Pipeline {
  Parts parts;
  AddedTokens added;
  mutable ScratchPool pool;
  std::string kind;
  std::int32_t size = 0;

  explicit Pipeline(Parts given) : parts(std::move(given)), added(std::move(parts.added), parts.normalizer.get()) {
    kind = parts.model->kind();
    size = parts.model->vocabulary().largest_id() + 1;
    for (const AddedToken& token : added.all()) size = std::max(size, token.id + 1);
  }

  const std::string* spelling(std::int32_t id) const {
    if (const AddedToken* token = added.by_id(id)) return &token->spelling;
    return parts.model->vocabulary().token_of(id);
  }

  // Added tokens, normaliser and pre-tokeniser.
  void cut(std::string_view text, bool tracked, Scratch& s) const {
    Splits& splits = s.splits;
    splits.text.clear(tracked, 0);
    splits.parts.clear();
    splits.byte_level = false;
    s.plain_parts.clear();
    added.find(text, false, s.plain_parts);
    for (const TextPart& part : s.plain_parts) {
      s.part.assign(text, part.begin, part.end, tracked);
      s.normal_parts.clear();
      if (part.added >= 0) {
        s.normal_parts.push_back({0, part.end - part.begin, part.added});
      } else {
        if (parts.normalizer) parts.normalizer->apply(s.part, s.other_part);
        added.find(s.part.text(), true, s.normal_parts);
      }
      const auto shift = static_cast<std::uint32_t>(splits.text.size());
      splits.text.append(s.part, 0, s.part.size());
      for (const TextPart& normal : s.normal_parts) {
        splits.parts.push_back({normal.begin + shift, normal.end + shift, normal.added});
      }
    }
    if (parts.pre_tokenizer) parts.pre_tokenizer->apply(splits);
  }

  // Tokens of a piece into s.tokens, or from the cache: a view that holds until the next call.
  std::span<const ModelToken> tokens_of(std::string_view piece, Scratch& s) const {
    if (piece.size() > kLongestCached) {
      s.tokens.clear();
      parts.model->encode(piece, s.splits.byte_level, s.tokens);
      return s.tokens;
    }
    const std::uint64_t hash = hash_bytes(piece);
    std::int32_t known = s.cache.find(piece, hash);
    if (known < 0) {
      if (s.cached_tokens.size() > kMostCachedTokens || s.cache.bytes() > kMostCachedBytes) {
        s.cache.clear();
        s.cached_ranges.clear();
        s.cached_tokens.clear();
      }
      const auto begin = static_cast<std::uint32_t>(s.cached_tokens.size());
      try {
        parts.model->encode(piece, s.splits.byte_level, s.cached_tokens);
      } catch (...) {
        s.cached_tokens.resize(begin);
        throw;
      }
      known = static_cast<std::int32_t>(s.cached_ranges.size());
      s.cached_ranges.emplace_back(begin, static_cast<std::uint32_t>(s.cached_tokens.size()));
      s.cache.set(piece, known, hash);
    }
    const auto& [begin, end] = s.cached_ranges[static_cast<std::size_t>(known)];
    return std::span<const ModelToken>(s.cached_tokens).subspan(begin, end - begin);
  }

  // Appends the tokens of `text` to `out`; `word` >= 0 is the given word that it is.
  void encode(std::string_view text, std::int32_t word, const EncodeOptions& options, Scratch& s, Sequence& out) const {
    if (text.size() > kLongestText) throw bad_data(fmt::format("a text of {} bytes: at most {} are taken", text.size(), kLongestText));
    require_utf8(text, "text to tokenise");
    const bool wants_offsets = options.offsets != OffsetUnit::kNone;
    const bool wants_tokens = options.tokens || (wants_offsets && !parts.post_processor.trims.empty());
    cut(text, wants_offsets || parts.needs_origins, s);
    std::vector<std::uint32_t> places;
    if (options.offsets == OffsetUnit::kCodePoints) places = code_point_places(text);
    const auto place = [&](std::uint32_t byte) { return places.empty() ? byte : places[std::min<std::size_t>(byte, places.size() - 1)]; };
    const Splits& splits = s.splits;
    const std::int32_t spelled = parts.model->spelled_as_text();
    for (std::size_t i = 0; i < splits.parts.size(); ++i) {
      const TextPart& part = splits.parts[i];
      const std::string_view piece = std::string_view(splits.text.text()).substr(part.begin, part.end - part.begin);
      const ModelToken whole{part.added, 0, static_cast<std::uint32_t>(piece.size())};
      const std::span<const ModelToken> tokens = part.added >= 0 ? std::span(&whole, 1) : tokens_of(piece, s);
      for (const ModelToken& token : tokens) {
        out.ids.push_back(token.id);
        out.words.push_back(word >= 0 ? word : static_cast<std::int32_t>(i));
        if (wants_offsets) {
          const Span o = splits.text.origin(part.begin + token.begin, part.begin + token.end);
          out.offsets.push_back({place(o.begin), place(o.end)});
        }
        if (!wants_tokens) continue;
        if (part.added >= 0 || token.id == spelled) {
          out.tokens.emplace_back(piece.substr(token.begin, token.end - token.begin));
        } else {
          const std::string* text_of = parts.model->vocabulary().token_of(token.id);
          out.tokens.push_back(text_of == nullptr ? std::string() : *text_of);
        }
      }
    }
  }

  void encode_all(std::span<const std::string> words, const EncodeOptions& options, Scratch& s, Sequence& out) const {
    out.clear();
    for (std::size_t i = 0; i < words.size(); ++i) encode(words[i], static_cast<std::int32_t>(i), options, s, out);
  }

  SubwordEncoding finish(Sequence& first, Sequence* second, const EncodeOptions& options) const {
    const PostProcessor& post = parts.post_processor;
    if (options.offsets != OffsetUnit::kNone) {
      for (const bool prefix_space : post.trims) {
        trim_offsets(first, prefix_space);
        if (second != nullptr) trim_offsets(*second, prefix_space);
      }
    }
    SubwordEncoding e;
    const std::size_t most = first.ids.size() + (second != nullptr ? second->ids.size() : 0) + post.pair.size();
    e.ids.reserve(most);
    e.words.reserve(most);
    e.type_ids.reserve(most);
    e.special.reserve(most);
    for (const TemplateItem& item : second == nullptr ? post.single : post.pair) {
      if (item.sequence < 0) {
        if (!options.special_tokens) continue;
        e.ids.push_back(item.id);
        e.words.push_back(-1);
        e.type_ids.push_back(item.type_id);
        e.special.push_back(1);
        if (options.tokens) e.tokens.push_back(item.token);
        if (options.offsets != OffsetUnit::kNone) e.offsets.emplace_back(0, 0);
        continue;
      }
      Sequence& from = item.sequence == 0 ? first : *second;
      const std::size_t n = from.ids.size();
      e.ids.insert(e.ids.end(), from.ids.begin(), from.ids.end());
      e.words.insert(e.words.end(), from.words.begin(), from.words.end());
      e.type_ids.insert(e.type_ids.end(), n, item.keeps_type_ids ? item.sequence : item.type_id);
      e.special.insert(e.special.end(), n, 0);
      if (options.tokens) std::move(from.tokens.begin(), from.tokens.end(), std::back_inserter(e.tokens));
      for (const Span& o : from.offsets) e.offsets.emplace_back(o.begin, o.end);
    }
    return e;
  }
};

SubwordTokenizer::SubwordTokenizer(std::unique_ptr<Pipeline> pipeline) : pipeline_(std::move(pipeline)) {}
SubwordTokenizer::~SubwordTokenizer() = default;
SubwordTokenizer::SubwordTokenizer(SubwordTokenizer&&) noexcept = default;
SubwordTokenizer& SubwordTokenizer::operator=(SubwordTokenizer&&) noexcept = default;

SubwordTokenizer SubwordTokenizer::load(const std::filesystem::path& path) {
  return SubwordTokenizer(std::make_unique<Pipeline>(load_parts(path)));
}

SubwordTokenizer SubwordTokenizer::from_json(const std::string& text, const std::string& origin) {
  return SubwordTokenizer(std::make_unique<Pipeline>(parts_from_json(text, origin)));
}

SubwordEncoding SubwordTokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  Lease lease(pipeline_->pool);
  Scratch& s = *lease;
  s.first.clear();
  pipeline_->encode(text, -1, options, s, s.first);
  return pipeline_->finish(s.first, nullptr, options);
}

SubwordEncoding SubwordTokenizer::encode_pair(std::string_view text, std::string_view pair, const EncodeOptions& options) const {
  Lease lease(pipeline_->pool);
  Scratch& s = *lease;
  s.first.clear();
  s.second.clear();
  pipeline_->encode(text, -1, options, s, s.first);
  pipeline_->encode(pair, -1, options, s, s.second);
  return pipeline_->finish(s.first, &s.second, options);
}

SubwordEncoding SubwordTokenizer::encode_words(std::span<const std::string> words, const EncodeOptions& options) const {
  Lease lease(pipeline_->pool);
  Scratch& s = *lease;
  pipeline_->encode_all(words, options, s, s.first);
  return pipeline_->finish(s.first, nullptr, options);
}

SubwordEncoding SubwordTokenizer::encode_words_pair(std::span<const std::string> words, std::span<const std::string> pair,
                                             const EncodeOptions& options) const {
  Lease lease(pipeline_->pool);
  Scratch& s = *lease;
  pipeline_->encode_all(words, options, s, s.first);
  pipeline_->encode_all(pair, options, s, s.second);
  return pipeline_->finish(s.first, &s.second, options);
}

std::vector<std::int32_t> SubwordTokenizer::ids(std::string_view text, bool special_tokens) const {
  Lease lease(pipeline_->pool);
  Scratch& s = *lease;
  s.first.clear();
  pipeline_->encode(text, -1, {}, s, s.first);
  std::vector<std::int32_t> out;
  out.reserve(s.first.ids.size() + pipeline_->parts.post_processor.single.size());
  for (const TemplateItem& item : pipeline_->parts.post_processor.single) {
    if (item.sequence == 0) {
      out.insert(out.end(), s.first.ids.begin(), s.first.ids.end());
    } else if (special_tokens) {
      out.push_back(item.id);
    }
  }
  return out;
}

std::string SubwordTokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const std::int32_t id : ids) {
    const std::string* token = pipeline_->spelling(id);
    if (token == nullptr || (skip_special && pipeline_->added.is_special(*token))) continue;
    tokens.push_back(*token);
  }
  const Decoder* decoder = pipeline_->parts.decoder.get();
  if (decoder != nullptr) decoder->apply(tokens);
  std::string text;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (decoder == nullptr && i > 0) text += ' ';
    text += tokens[i];
  }
  return text;
}

std::optional<std::int32_t> SubwordTokenizer::id_of(std::string_view token) const {
  if (const AddedToken* added = pipeline_->added.by_content(token)) return added->id;
  const std::int32_t id = pipeline_->parts.model->vocabulary().id_of(token);
  return id < 0 ? std::nullopt : std::optional(id);
}

std::optional<std::string> SubwordTokenizer::token_of(std::int32_t id) const {
  const std::string* token = pipeline_->spelling(id);
  return token == nullptr ? std::nullopt : std::optional(*token);
}

std::int32_t SubwordTokenizer::size() const { return pipeline_->size; }

bool SubwordTokenizer::is_special(std::int32_t id) const {
  const std::string* token = pipeline_->spelling(id);
  return token != nullptr && pipeline_->added.is_special(*token);
}

const SpecialTokens& SubwordTokenizer::special_tokens() const { return pipeline_->parts.special; }
const std::string& SubwordTokenizer::model_kind() const { return pipeline_->kind; }

std::size_t SubwordTokenizer::added_tokens(bool pair) const {
  const PostProcessor& post = pipeline_->parts.post_processor;
  const auto& items = pair ? post.pair : post.single;
  return static_cast<std::size_t>(
      std::count_if(items.begin(), items.end(), [](const TemplateItem& item) { return item.sequence < 0; }));
}

}  // namespace discreet::text
