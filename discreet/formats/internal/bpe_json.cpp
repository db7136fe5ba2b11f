#include "discreet/formats/internal/bpe_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "discreet/core/error.h"

// tokenizer.json as the tokenizers library (0.20 and later) reads it. Splitting rules as in
// llama.cpp, src/llama-vocab.cpp.

namespace discreet::formats::internal {
namespace {

constexpr char kGpt2Split[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";
constexpr char kLlama3Split[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
// U+2581, which SentencePiece writes for a space.
constexpr char kSpace[] = "\xE2\x96\x81";
// A SentencePiece token with more bytes than this is not cut at every place.
constexpr std::size_t kMaxMergedBytes = 512;

using TokenIds = std::unordered_map<std::string_view, std::size_t>;

std::string quoted_token(std::string_view token) {
  return Json(std::string(token.substr(0, 80))).dump(-1, ' ', true, Json::error_handler_t::replace);
}

TokenIds ids_of(const BpeModel& model) {
  TokenIds ids;
  for (std::size_t i = 0; i < model.tokens.size(); ++i) {
    const auto [at, is_new] = ids.emplace(model.tokens[i], i);
    if (!is_new) {
      throw bad_data(fmt::format("{}: tokens {} and {} are both {}", model.origin, at->second, i,
                                 quoted_token(model.tokens[i])));
    }
  }
  return ids;
}

const std::string& token_at(const BpeModel& model, std::int64_t id, const char* what) {
  if (id < 0 || static_cast<std::size_t>(id) >= model.tokens.size()) {
    throw bad_data(fmt::format("{}: the {} token is {}; there are {} tokens", model.origin, what,
                               id, model.tokens.size()));
  }
  return model.tokens[static_cast<std::size_t>(id)];
}

/// Appends without looking for the key, which the caller knows to be new: a vocabulary is long.
void append(Json& object, const std::string& key, Json value) {
  object.get_ref<Json::object_t&>().emplace_back(key, std::move(value));
}

Json vocabulary_json(const BpeModel& model) {
  Json vocabulary = Json::object();
  for (std::size_t i = 0; i < model.tokens.size(); ++i) append(vocabulary, model.tokens[i], i);
  return vocabulary;
}

Json added_tokens_json(const BpeModel& model) {
  Json added = Json::array();
  for (std::size_t i = 0; i < model.tokens.size(); ++i) {
    const TokenKind kind = model.kinds[i];
    const bool special = kind == TokenKind::kControl || kind == TokenKind::kUnknown;
    if (!special && kind != TokenKind::kUserDefined) continue;
    added.push_back({{"id", i},
                     {"content", model.tokens[i]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", special}});
  }
  return added;
}

/// Puts the first and the last token around each text.
Json post_processor_json(const BpeModel& model) {
  if (!model.add_bos && !model.add_eos) return Json();
  Json special = Json::object(), single = Json::array(), pair = Json::array();
  const auto put = [&](const char* what, const std::optional<std::int64_t>& id, int type) {
    if (!id) {
      throw bad_data(
          fmt::format("{}: texts get a {} token, but none is named", model.origin, what));
    }
    const std::string& token = token_at(model, *id, what);
    special[token] = {{"id", token}, {"ids", {*id}}, {"tokens", {token}}};
    const Json part = {{"SpecialToken", {{"id", token}, {"type_id", type}}}};
    if (type == 0) single.push_back(part);
    pair.push_back(part);
  };
  for (int type = 0; type < 2; ++type) {
    const Json text = {{"Sequence", {{"id", type == 0 ? "A" : "B"}, {"type_id", type}}}};
    if (model.add_bos) put("first", model.bos, type);
    if (type == 0) single.push_back(text);
    pair.push_back(text);
    if (model.add_eos) put("last", model.eos, type);
  }
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", special}};
}

Json split_json(const char* expression) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", expression}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

Json byte_level_json(bool add_prefix_space, bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_prefix_space},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

Json pre_tokenizer_json(const BpeModel& model, const std::string& pre) {
  const auto sequence = [](Json parts) {
    return Json{{"type", "Sequence"}, {"pretokenizers", std::move(parts)}};
  };
  if (pre == "gpt-2" || pre == "gpt2") return byte_level_json(false, true);
  if (pre == "smollm") {
    return sequence(
        {{{"type", "Digits"}, {"individual_digits", true}}, byte_level_json(false, true)});
  }
  if (pre == "llama-bpe" || pre == "llama3" || pre == "llama-v3") {
    return sequence({split_json(kLlama3Split), byte_level_json(false, false)});
  }
  if (pre == "default") {
    return sequence({split_json(R"([\p{P}\$\+<=>\^~\|]+)"), split_json(kGpt2Split),
                     split_json(R"(\p{N}+)"), split_json("[0-9][0-9][0-9]"),
                     byte_level_json(false, false)});
  }
  throw bad_data(
      fmt::format("{}: tokenizer.ggml.pre = {} is not supported", model.origin, quoted_token(pre)),
      "Known are gpt-2, smollm, llama-bpe and default.");
}

Json frame_json(const BpeModel& model, Json normalizer, Json pre_tokenizer, Json decoder,
                Json bpe) {
  if (model.kinds.size() != model.tokens.size()) {
    throw bad_data(fmt::format("{}: {} kinds of tokens for {} tokens", model.origin,
                               model.kinds.size(), model.tokens.size()));
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added_tokens_json(model)},
          {"normalizer", std::move(normalizer)},
          {"pre_tokenizer", std::move(pre_tokenizer)},
          {"post_processor", post_processor_json(model)},
          {"decoder", std::move(decoder)},
          {"model", std::move(bpe)}};
}

Json bpe_json(const BpeModel& model, Json merges, bool with_bytes, bool ignore_merges) {
  Json unknown;
  if (with_bytes && model.unknown) unknown = token_at(model, *model.unknown, "unknown");
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", unknown},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", with_bytes},
          {"byte_fallback", with_bytes},
          {"ignore_merges", ignore_merges},
          {"vocab", vocabulary_json(model)},
          {"merges", std::move(merges)}};
}

/// All ways to make a token of two: the best score first, then the parts' ids.
Json merges_by_score(const BpeModel& model, const TokenIds& ids, const std::vector<float>& scores) {
  struct Merge {
    float score;
    std::size_t left, right;
  };
  std::vector<Merge> merges;
  for (std::size_t i = 0; i < model.tokens.size(); ++i) {
    if (model.kinds[i] != TokenKind::kNormal) continue;
    const std::string_view token = model.tokens[i];
    if (token.size() > kMaxMergedBytes) continue;
    for (std::size_t cut = 1; cut < token.size(); ++cut) {
      const auto left = ids.find(token.substr(0, cut)), right = ids.find(token.substr(cut));
      if (left == ids.end() || right == ids.end()) continue;
      merges.push_back({scores[i], left->second, right->second});
    }
  }
  std::sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tuple(-a.score, a.left, a.right) < std::tuple(-b.score, b.left, b.right);
  });
  Json json = Json::array();
  for (const Merge& merge : merges) {
    json.push_back({model.tokens[merge.left], model.tokens[merge.right]});
  }
  return json;
}

}  // namespace

Json byte_level_tokenizer_json(const BpeModel& model, const std::vector<std::string>& merges,
                               const std::string& pre) {
  const TokenIds ids = ids_of(model);
  Json pairs = Json::array();
  for (const std::string& merge : merges) {
    const std::size_t space = merge.find(' ');
    const std::string left = merge.substr(0, space);
    const std::string right = space == std::string::npos ? "" : merge.substr(space + 1);
    if (ids.count(left) == 0 || ids.count(right) == 0 || ids.count(left + right) == 0) {
      throw bad_data(fmt::format("{}: the merge {} is not of two tokens to a third", model.origin,
                                 quoted_token(merge)));
    }
    pairs.push_back({left, right});
  }
  return frame_json(model, Json(), pre_tokenizer_json(model, pre), byte_level_json(true, true),
                    bpe_json(model, std::move(pairs), false, pre.starts_with("llama")));
}

Json sentence_piece_tokenizer_json(const BpeModel& model, const std::vector<float>& scores,
                                   bool space_prefix) {
  if (scores.size() != model.tokens.size() || model.kinds.size() != model.tokens.size()) {
    throw bad_data(fmt::format("{}: {} scores and {} kinds for {} tokens", model.origin,
                               scores.size(), model.kinds.size(), model.tokens.size()));
  }
  for (const float score : scores) {
    // Sorting needs an order.
    if (score != score) throw bad_data(fmt::format("{}: a score is not a number", model.origin));
  }
  const TokenIds ids = ids_of(model);
  Json normalizers = Json::array(), decoders = Json::array();
  if (space_prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", kSpace}});
  normalizers.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kSpace}});
  decoders.push_back({{"type", "Replace"}, {"pattern", {{"String", kSpace}}}, {"content", " "}});
  decoders.push_back({{"type", "ByteFallback"}});
  decoders.push_back({{"type", "Fuse"}});
  if (space_prefix) {
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  return frame_json(model, {{"type", "Sequence"}, {"normalizers", normalizers}}, Json(),
                    {{"type", "Sequence"}, {"decoders", decoders}},
                    bpe_json(model, merges_by_score(model, ids, scores), true, false));
}

Json tokenizer_config_json(const BpeModel& model) {
  Json json = {{"tokenizer_class", "PreTrainedTokenizerFast"}};
  const auto put = [&](const char* key, const std::optional<std::int64_t>& id) {
    if (id) json[key] = token_at(model, *id, key);
  };
  put("bos_token", model.bos);
  put("eos_token", model.eos);
  put("unk_token", model.unknown);
  put("pad_token", model.padding);
  if (!model.chat_template.empty()) json["chat_template"] = model.chat_template;
  if (model.max_tokens > 0) json["model_max_length"] = model.max_tokens;
  return json;
}

}  // namespace discreet::formats::internal
