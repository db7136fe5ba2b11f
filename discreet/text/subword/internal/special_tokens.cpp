#include "discreet/text/subword/internal/special_tokens.h"

#include <algorithm>

#include "discreet/text/subword/internal/json_fields.h"

namespace discreet::text::subword {

std::string named_token(const Json& config, const char* key) {
  if (!config.is_object() || !config.contains(key)) return {};
  const Json& value = config[key];
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string()) return value["content"].get<std::string>();
  return {};
}

void find_special(Parts& parts, const Json& config, const Json& map) {
  const auto id_of = [&](const char* key) -> std::optional<std::int32_t> {
    std::string token = named_token(config, key);
    if (token.empty()) token = named_token(map, key);
    if (token.empty()) return std::nullopt;
    for (const AddedToken& added : parts.added) {
      if (added.content == token) return added.id;
    }
    const std::int32_t id = parts.model->vocabulary().id_of(token);
    return id < 0 ? std::nullopt : std::optional(id);
  };
  SpecialTokens& s = parts.special;
  s = {.bos = id_of("bos_token"), .eos = id_of("eos_token"), .pad = id_of("pad_token"), .unk = id_of("unk_token"),
       .cls = id_of("cls_token"), .sep = id_of("sep_token"), .mask = id_of("mask_token")};
  if (!s.unk && parts.model->unknown() >= 0) s.unk = parts.model->unknown();
}

std::vector<AddedToken> configured_tokens(const Json& config, const Json& map, const Model& model) {
  std::vector<AddedToken> tokens;
  const auto add = [&](AddedToken token) {
    if (token.content.empty()) return;
    for (const AddedToken& known : tokens) {
      if (known.content == token.content) return;
    }
    if (token.id < 0) token.id = model.vocabulary().id_of(token.content);
    if (token.id >= 0) tokens.push_back(std::move(token));
  };
  if (config.contains("added_tokens_decoder") && config["added_tokens_decoder"].is_object()) {
    for (const auto& [id, value] : config["added_tokens_decoder"].items()) {
      const JsonFields f(value, "tokenizer_config.json: added_tokens_decoder." + id);
      AddedToken token = read_added_token(f);
      const bool digits = !id.empty() && id.size() < 10 && std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (!digits) f.refuse("expected an id as key");
      token.id = std::stoi(id);
      add(std::move(token));
    }
  }
  for (const char* key : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    std::string content = named_token(config, key);
    if (content.empty()) content = named_token(map, key);
    add({.content = content, .normalized = false, .special = true});
  }
  return tokens;
}

}  // namespace discreet::text::subword
