#include "discreet/text/subword/internal/special_tokens.h"

#include <algorithm>

#include "discreet/text/subword/internal/json_fields.h"

namespace discreet::text::subword {
namespace {

constexpr const char* kNamedTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

/// A token's text alone, which makes it special, or an object with its rules; nullopt for anything else.
std::optional<AddedToken> spelled_token(const Json& value, const std::string& where, bool special) {
  if (value.is_string()) return AddedToken{.content = value.get<std::string>(), .normalized = false, .special = true};
  if (!value.is_object() || !value.contains("content")) return std::nullopt;
  const JsonFields f(value, where);
  AddedToken token = read_added_token(f);
  token.special = token.special || special;
  token.normalized = f.boolean("normalized", !token.special);
  return token;
}

std::int64_t stated_id(const std::string& id, const JsonFields& f) {
  const bool digits = !id.empty() && id.size() < 10 && std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) f.refuse("expected an id as key");
  return std::stoll(id);
}

/// Keys and values of the names: the seven, then a form's own ("image_token").
std::vector<std::pair<std::string, Json>> named_values(const Json& config) {
  std::vector<std::pair<std::string, Json>> values;
  for (const char* key : kNamedTokens) {
    if (config.contains(key)) values.emplace_back(key, config[key]);
  }
  if (config.contains("extra_special_tokens") && config["extra_special_tokens"].is_object()) {
    for (const auto& [key, value] : config["extra_special_tokens"].items()) values.emplace_back(key, value);
  }
  for (const auto& [key, value] : config.items()) {
    const bool named = std::any_of(std::begin(kNamedTokens), std::end(kNamedTokens), [&](const char* name) { return key == name; });
    if (!named && key.ends_with("_token") && (value.is_string() || value.is_object())) values.emplace_back(key, value);
  }
  return values;
}

/// The list of additional tokens under its newer name, or the older.
Json additional_tokens(const Json& config) {
  for (const char* key : {"extra_special_tokens", "additional_special_tokens"}) {
    if (config.contains(key) && config[key].is_array() && !config[key].empty()) return config[key];
  }
  return Json::array();
}

/// Ids as they are given to tokens one after the other; what stands twice has the later one's rules.
std::vector<AddedToken> numbered(std::vector<AddedToken> tokens, const Model& model) {
  std::vector<AddedToken> out;
  auto next = static_cast<std::int32_t>(model.vocabulary().count());
  for (AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    const auto known = std::find_if(out.begin(), out.end(), [&](const AddedToken& other) { return other.content == token.content; });
    if (known != out.end()) {
      token.id = known->id;
      *known = std::move(token);
      continue;
    }
    token.id = model.vocabulary().id_of(token.content);
    if (token.id < 0) token.id = next;
    next = std::max(next, token.id + 1);
    out.push_back(std::move(token));
  }
  return out;
}

}  // namespace

Json folder_config(const Json& config, const Json& map, const Json& defaults) {
  Json all = defaults;
  for (const auto& [key, value] : config.items()) {
    if (!value.is_null()) all[key] = value;
  }
  if (config.contains("added_tokens_decoder")) return all;
  for (const auto& [key, value] : map.items()) {
    if (value.is_null()) continue;
    if (key == "extra_special_tokens" && value.is_array() && all.contains(key) && all[key].is_array()) {
      all[key].insert(all[key].end(), value.begin(), value.end());
    } else {
      all[key] = value;
      if (value.is_object() && key != "extra_special_tokens") all[key]["special"] = true;
    }
  }
  return all;
}

std::vector<AddedToken> folder_tokens(const Json& config, const Json& added, const Model& model) {
  const auto names = named_values(config);
  const Json additional = additional_tokens(config);
  const auto is_named = [&](const std::string& content) {
    return std::any_of(names.begin(), names.end(), [&](const auto& name) { return named_token({{"x", name.second}}, "x") == content; });
  };
  const auto is_additional = [&](const std::string& content) {
    return std::any_of(additional.begin(), additional.end(), [&](const Json& value) { return named_token({{"x", value}}, "x") == content; });
  };
  std::vector<std::pair<std::int64_t, AddedToken>> listed;
  if (config.contains("added_tokens_decoder") && config["added_tokens_decoder"].is_object()) {
    for (const auto& [id, value] : config["added_tokens_decoder"].items()) {
      const JsonFields f(value, "tokenizer_config.json: added_tokens_decoder." + id);
      const bool named = value.contains("content") && value["content"].is_string() && is_named(value["content"].get<std::string>());
      std::optional<AddedToken> token = spelled_token(value, f.where(), named);
      if (!token) f.fail("content", "a text");
      listed.emplace_back(stated_id(id, f), std::move(*token));
    }
  } else if (!added.empty()) {
    const JsonFields f(added, "added_tokens.json");
    for (const auto& [content, id] : added.items()) {
      const bool special = is_named(content) || is_additional(content);
      listed.emplace_back(f.integer(content.c_str(), 0, INT32_MAX - 1), AddedToken{.content = content, .normalized = !special, .special = special});
    }
  }
  std::stable_sort(listed.begin(), listed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<AddedToken> tokens;
  for (auto& [id, token] : listed) tokens.push_back(std::move(token));
  const std::size_t first = tokens.size();
  std::vector<std::string> bare;
  const auto add = [&](const Json& value, const std::string& where, bool special) {
    std::optional<AddedToken> token = spelled_token(value, where, special);
    if (!token) return;
    for (std::size_t i = 0; i < first; ++i) {
      if (tokens[i].content == token->content) return;  // its rules stand there
    }
    if (value.is_string()) {
      if (std::find(bare.begin(), bare.end(), token->content) != bare.end()) return;
      bare.push_back(token->content);
    }
    tokens.push_back(std::move(*token));
  };
  for (const auto& [key, value] : names) add(value, "tokenizer_config.json: " + key, true);
  for (const Json& value : additional) add(value, "tokenizer_config.json: extra_special_tokens", false);
  return numbered(std::move(tokens), model);
}

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
      token.id = static_cast<std::int32_t>(stated_id(id, f));
      add(std::move(token));
    }
  }
  for (const char* key : kNamedTokens) {
    std::string content = named_token(config, key);
    if (content.empty()) content = named_token(map, key);
    add({.content = content, .normalized = false, .special = true});
  }
  return tokens;
}

}  // namespace discreet::text::subword
