#include "discreet/text/subword/internal/sentence_piece.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/text/subword/internal/json_fields.h"
#include "discreet/text/subword/internal/sentence_piece_file.h"
#include "discreet/text/subword/internal/sentence_piece_models.h"
#include "discreet/text/subword/internal/special_tokens.h"
#include "discreet/text/unicode.h"

namespace discreet::text::subword {
namespace {

constexpr std::string_view kMark = "\xE2\x96\x81";  // U+2581, a space that is seen

/// SentencePiece's own normaliser: the character map's longest entries, runs of spaces as one, the mark
/// for spaces, and one before the text.
class SentencePieceNormalizer final : public Normalizer {
 public:
  SentencePieceNormalizer(const SentencePieceFile& file, bool prefix_every_part, NormalizerPtr before,
                          const std::string& origin)
      : map_(file.character_map, origin + ": normalizer_spec.precompiled_charsmap"),
        before_(std::move(before)),
        dummy_prefix_(file.add_dummy_prefix),
        remove_extra_(file.remove_extra_whitespace),
        suffix_(file.whitespace_as_suffix),
        prefix_every_part_(prefix_every_part),
        space_(file.escape_whitespace ? kMark : std::string_view(" ")) {
    std::vector<std::pair<std::string_view, std::int32_t>> keys;
    for (const auto& piece : file.pieces) {
      if (piece.kind == PieceKind::kUserDefined) texts_.push_back(piece.text);
    }
    for (const std::string& text : texts_) keys.emplace_back(text, 0);
    if (!keys.empty()) user_defined_.emplace(std::move(keys));
  }

  void apply(Aligned& text, Aligned& scratch) const override {
    if (before_) before_->apply(text, scratch);
    const std::string& from = text.text();
    scratch.clear(text.tracked(), text.base());
    std::size_t at = 0;
    if (remove_extra_) {
      while (at < from.size()) {
        const Part part = part_at(from, at);
        if (part.text != " ") break;
        at += part.bytes;
      }
    }
    if (at == from.size()) {
      text.swap(scratch);
      return;
    }
    const bool wants_space = dummy_prefix_ && (prefix_every_part_ || text.base() == 0);
    if (wants_space && !suffix_) scratch.append_added(space_, text, at);
    bool space_before = remove_extra_;
    while (at < from.size()) {
      const Part part = part_at(from, at);
      std::string_view rest = part.text;
      while (space_before && rest.starts_with(' ')) rest.remove_prefix(1);
      if (!rest.empty()) {
        if (part.same && rest.size() == part.bytes && rest.find(' ') == std::string_view::npos) {
          scratch.append(text, at, at + part.bytes);
        } else {
          for (const char c : rest) scratch.append(c == ' ' ? space_ : std::string_view(&c, 1), text, at);
        }
        space_before = rest.ends_with(' ');
      }
      at += part.bytes;
      if (!remove_extra_) space_before = false;
    }
    std::size_t end = scratch.size();
    while (remove_extra_ && std::string_view(scratch.text()).substr(0, end).ends_with(space_)) end -= space_.size();
    if (end < scratch.size()) {
      text.clear(scratch.tracked(), scratch.base());
      text.append(scratch, 0, end);
      text.swap(scratch);
    }
    if (wants_space && suffix_) {
      Aligned ended = scratch;
      scratch.append_added(space_, ended, ended.size());
    }
    text.swap(scratch);
  }

 private:
  struct Part {
    std::string_view text;
    std::size_t bytes;
    bool same;
  };

  Part part_at(std::string_view from, std::size_t at) const {
    const std::string_view rest = from.substr(at);
    if (user_defined_) {
      std::size_t bytes = 0;
      user_defined_->prefixes(rest, [&](std::size_t n, std::int32_t) { bytes = n; });
      if (bytes > 0) return {rest.substr(0, bytes), bytes, true};
    }
    if (const CharacterMap::Found found = map_.longest(rest); found.bytes > 0) return {found.text, found.bytes, false};
    const std::size_t bytes = code_point_bytes(static_cast<unsigned char>(rest[0]));
    return {rest.substr(0, bytes), bytes, true};
  }

  CharacterMap map_;
  NormalizerPtr before_;
  std::vector<std::string> texts_;
  std::optional<ByteTrie> user_defined_;
  bool dummy_prefix_, remove_extra_, suffix_, prefix_every_part_;
  std::string_view space_;
};

/// Pieces back to text, as SentencePieceProcessor::Decode.
class SentencePieceDecoder final : public Decoder {
 public:
  explicit SentencePieceDecoder(const SentencePieceFile& file)
      : surface_(file.unknown_surface),
        unknown_(file.pieces[static_cast<std::size_t>(file.unknown_id)].text),
        strip_(file.add_dummy_prefix || file.remove_extra_whitespace),
        strip_all_(file.remove_extra_whitespace) {
    for (const auto& piece : file.pieces) {
      if (piece.kind == PieceKind::kControl) control_.set(piece.text, 0);
      if (piece.kind == PieceKind::kByte) bytes_.set(piece.text, std::stoi(piece.text.substr(3, 2), nullptr, 16));
    }
  }

  void apply(std::vector<std::string>& tokens) const override {
    std::string text, pending;
    bool at_beginning = true;
    const auto flush = [&] {
      std::string_view rest = pending;
      while (!rest.empty()) {
        const std::size_t bad = find_invalid_utf8(rest);
        text += rest.substr(0, std::min(bad, rest.size()));
        if (bad == std::string_view::npos) break;
        text += "\xEF\xBF\xBD";
        rest.remove_prefix(bad + 1);
      }
      pending.clear();
    };
    for (const std::string& token : tokens) {
      if (const std::int32_t byte = bytes_.find(token); byte >= 0) {
        pending += static_cast<char>(byte);
        at_beginning = false;
        continue;
      }
      flush();
      if (control_.find(token) >= 0) continue;
      if (token == unknown_) {
        text += surface_;
        at_beginning = false;
        continue;
      }
      std::string_view piece = token;
      if (at_beginning && strip_ && piece.starts_with(kMark)) {
        piece.remove_prefix(kMark.size());
        at_beginning = strip_all_ && piece.empty();
      } else {
        at_beginning = false;
      }
      for (std::size_t mark; (mark = piece.find(kMark)) != std::string_view::npos; piece.remove_prefix(mark + kMark.size())) {
        text.append(piece, 0, mark).append(" ");
      }
      text += piece;
    }
    flush();
    tokens.assign(1, std::move(text));
  }

 private:
  std::string surface_, unknown_;
  bool strip_, strip_all_;
  StringMap control_, bytes_;
};

/// What stands around one text and a pair.
PostProcessor surround(const std::vector<std::string>& single, const std::vector<std::string>& pair,
                       const TokenIds& ids, const std::string& origin) {
  PostProcessor p;
  const auto items = [&](const std::vector<std::string>& names, bool typed) {
    std::vector<TemplateItem> out;
    std::int32_t type = 0;
    for (const std::string& name : names) {
      if (name == "$A" || name == "$B") {
        if (name == "$B" && typed) type = 1;
        out.push_back({.sequence = name == "$A" ? 0 : 1, .type_id = type});
        continue;
      }
      const std::int32_t id = ids.id_of(name);
      if (id < 0) throw bad_data(fmt::format("{}: special token '{}' is not a piece", origin, name));
      out.push_back({.id = id, .token = name, .type_id = type});
    }
    return out;
  };
  p.single = items(single, true);
  p.pair = items(pair, true);
  return p;
}

PostProcessor ends_of(const JsonFields& config, const std::string& kind, const Json& map, const TokenIds& ids,
                      const std::string& origin) {
  const auto name = [&](const char* key, const char* otherwise) {
    std::string token = named_token(config.json(), key);
    if (token.empty()) token = named_token(map, key);
    return token.empty() ? std::string(otherwise) : token;
  };
  if (kind.starts_with("Albert")) {
    const std::string cls = name("cls_token", "[CLS]"), sep = name("sep_token", "[SEP]");
    return surround({cls, "$A", sep}, {cls, "$A", sep, "$B", sep}, ids, origin);
  }
  if (kind.starts_with("T5")) {
    const std::string eos = name("eos_token", "</s>");
    PostProcessor p = surround({"$A", eos}, {"$A", eos, "$B", eos}, ids, origin);
    for (TemplateItem& item : p.pair) item.type_id = 0;
    return p;
  }
  const bool bos = config.boolean("add_bos_token", kind.starts_with("Llama") || kind.starts_with("Gemma"));
  const bool eos = config.boolean("add_eos_token", false);
  if (!bos && !eos) return {};
  std::vector<std::string> single, pair;
  for (const char* text : {"$A", "$B"}) {
    std::vector<std::string> part;
    if (bos) part.push_back(name("bos_token", "<s>"));
    part.push_back(text);
    if (eos) part.push_back(name("eos_token", "</s>"));
    if (single.empty()) single = part;
    pair.insert(pair.end(), part.begin(), part.end());
  }
  PostProcessor p = surround(single, pair, ids, origin);
  for (std::size_t i = single.size(); i < p.pair.size(); ++i) p.pair[i].type_id = 1;
  return p;
}

/// What a model's tokeniser does to the text before SentencePiece sees it.
NormalizerPtr preparation(const JsonFields& config, const std::string& kind) {
  if (!kind.starts_with("Albert")) return nullptr;
  Json steps = Json::array();
  const auto replace = [](const char* what, const char* by) {
    return Json{{"type", "Replace"}, {"pattern", {{"String", what}}}, {"content", by}};
  };
  steps.push_back(replace("``", "\""));
  steps.push_back(replace("''", "\""));
  if (!config.boolean("keep_accents", false)) {
    steps.push_back(Json::object({{"type", "NFKD"}}));
    steps.push_back(Json::object({{"type", "StripAccents"}}));
  }
  if (config.boolean("do_lower_case", true)) steps.push_back(Json::object({{"type", "Lowercase"}}));
  return make_normalizer(Json::object({{"type", "Sequence"}, {"normalizers", steps}}), "ALBERT's preparation");
}

}  // namespace

Parts sentence_piece_parts(const std::filesystem::path& path, const Json& config, const Json& map) {
  const std::string origin = path.string();
  const bool llama2c = path.extension() == ".bin";
  const SentencePieceFile file = llama2c ? read_llama2c_tokenizer(core::read_file(path), origin)
                                         : read_sentence_piece(core::read_file(path), origin);
  for (const auto& piece : file.pieces) {
    if (piece.kind != PieceKind::kByte) continue;
    const bool form = piece.text.size() == 6 && piece.text.starts_with("<0x") && piece.text[5] == '>' &&
                      std::isxdigit(static_cast<unsigned char>(piece.text[3])) &&
                      std::isxdigit(static_cast<unsigned char>(piece.text[4]));
    if (!form) throw bad_data(fmt::format("{}: byte piece '{}': expected <0x00> to <0xFF>", origin, piece.text.substr(0, 80)));
  }
  const JsonFields f(config, "tokenizer_config.json");
  const std::string kind = f.text("tokenizer_class", "");
  for (const char* other : {"XLMRoberta", "Camembert", "MBart", "XLNet", "BigBird", "Pegasus", "Barthez", "M2M", "Reformer", "NllbT", "Marian"}) {
    if (kind.starts_with(other)) {
      f.fail("tokenizer_class", "a Llama, T5, ALBERT, Gemma or plain tokeniser beside a SentencePiece model, or a tokenizer.json");
    }
  }
  Parts parts;
  parts.model = make_sentence_piece_model(file, origin);
  parts.normalizer = std::make_unique<SentencePieceNormalizer>(file, f.boolean("legacy", true), preparation(f, kind), origin);
  parts.decoder = std::make_unique<SentencePieceDecoder>(file);
  // A llama2.c model's texts begin with its mark, as those of Llama.
  parts.post_processor = ends_of(f, llama2c && kind.empty() ? "Llama" : kind, map, parts.model->vocabulary(), origin);
  if (!config.empty() || !map.empty()) parts.added = configured_tokens(config, map, *parts.model);
  Json named = map;
  for (const auto& [key, piece] : {std::pair("bos_token", "<s>"), {"eos_token", "</s>"}, {"pad_token", "<pad>"}}) {
    if (!config.contains(key) && !map.contains(key)) named[key] = piece;
  }
  find_special(parts, config, named);
  return parts;
}

}  // namespace discreet::text::subword
