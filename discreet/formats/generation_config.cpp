#include "discreet/formats/generation_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "discreet/core/error.h"
#include "discreet/formats/internal/json_fields.h"

// Names and bounds as in transformers 5, generation/configuration_utils.py.

namespace discreet::formats {
namespace {
namespace fs = std::filesystem;
using internal::JsonFieldReader;
using internal::JsonFieldWriter;
using internal::Range;

constexpr std::uintmax_t kMaxGenerationBytes = 1 << 20;
constexpr Range kLengths = {0, 1 << 30}, kTokenIds = {0, 1 << 30};

/// Fields that hold what is in them.
template <class Fields>
void describe_generation(Fields& fields, GenerationConfig& c) {
  fields("max_length", c.max_length, kLengths);
  fields("max_new_tokens", c.max_new_tokens, {1, kLengths.max});
  fields("min_length", c.min_length, kLengths);
  fields("min_new_tokens", c.min_new_tokens, kLengths);
  fields("do_sample", c.do_sample);
  fields("num_beams", c.num_beams, {1, 4096});
  fields("temperature", c.temperature, {0, 1e6});
  fields("top_k", c.top_k, kLengths);
  fields("top_p", c.top_p, {0, 1});
  fields("min_p", c.min_p, {0, 1});
  fields("typical_p", c.typical_p, {0, 1});
  fields("epsilon_cutoff", c.epsilon_cutoff, {0, 1});
  fields("eta_cutoff", c.eta_cutoff, {0, 1});
  fields("repetition_penalty", c.repetition_penalty, {1e-6, 1e6});
  fields("length_penalty", c.length_penalty, {-1e6, 1e6});
  fields("no_repeat_ngram_size", c.no_repeat_ngram_size, kLengths);
  fields("num_return_sequences", c.num_return_sequences, {1, 1 << 20});
  fields("renormalize_logits", c.renormalize_logits);
  fields("bos_token_id", c.bos_token_id, kTokenIds);
  fields("eos_token_id", c.eos_token_ids, kTokenIds);
  fields("pad_token_id", c.pad_token_id, {-1, kTokenIds.max});
  fields("decoder_start_token_id", c.decoder_start_token_id, kTokenIds);
  fields("forced_bos_token_id", c.forced_bos_token_id, kTokenIds);
  fields("forced_eos_token_id", c.forced_eos_token_ids, kTokenIds);
  fields("suppress_tokens", c.suppress_tokens, {-1, kTokenIds.max});
  fields("begin_suppress_tokens", c.begin_suppress_tokens, kTokenIds);
}

struct LackedFeature {
  const char* key;
  const char* off;  ///< JSON of the value that switches it off, besides null, false, 0, [] and {}.
};
constexpr auto kLacked = std::to_array<LackedFeature>({
    {"penalty_alpha", "0"},
    {"dola_layers", "0"},
    {"diversity_penalty", "0"},
    {"num_beam_groups", "1"},
    {"constraints", "0"},
    {"force_words_ids", "0"},
    {"top_h", "0"},
    {"encoder_repetition_penalty", "1.0"},
    {"encoder_no_repeat_ngram_size", "0"},
    {"exponential_decay_length_penalty", "0"},
    {"sequence_bias", "0"},
    {"guidance_scale", "1.0"},
    {"watermarking_config", "0"},
    {"stop_strings", "0"},
    {"token_healing", "0"},
    {"use_mtp", "0"},
    {"max_time", "0"},
});

/// What changes no token that is generated.
constexpr auto kWithoutEffect = std::to_array<const char*>({
    "_from_model_config",
    "_commit_hash",
    "transformers_version",
    "use_cache",
    "cache_implementation",
    "cache_config",
    "max_cache_len",
    "output_attentions",
    "output_hidden_states",
    "output_scores",
    "output_logits",
    "return_dict_in_generate",
    "remove_invalid_values",
    "low_memory",
    "is_assistant",
    "num_assistant_tokens",
    "num_assistant_tokens_schedule",
    "assistant_confidence_threshold",
    "prompt_lookup_num_tokens",
    "max_matching_ngram_size",
    "assistant_early_exit",
    "assistant_lookbehind",
    "target_lookbehind",
    "assistant_ensemble_weight",
    "speculation_type",
    "compile_config",
    "disable_compile",
    "prefill_chunk_size",
});

bool is_switched_off(const Json& value, const char* off) {
  return value.is_null() || value == false || value == 0 ||
         (value.is_structured() && value.empty()) || value == Json::parse(off);
}

void read_early_stopping(JsonFieldReader& fields, GenerationConfig& c) {
  const Json* value = fields.find("early_stopping");
  if (value == nullptr || value->is_null()) return;
  if (!value->is_boolean() && *value != "never") {
    throw fields.fail("early_stopping", *value, "true, false or \"never\"");
  }
  c.early_stopping = !value->is_boolean() ? "never" : value->get<bool>() ? "true" : "false";
}

void read_bad_words(JsonFieldReader& fields, GenerationConfig& c) {
  const Json* words = fields.find("bad_words_ids");
  if (words == nullptr || words->is_null()) return;
  if (!words->is_array()) throw fields.fail("bad_words_ids", *words, "a list of lists of ids");
  for (const Json& word : *words) {
    std::vector<std::int64_t>& ids = c.bad_words_ids.emplace_back();
    const Json holder = {{"bad_words_ids", word}};
    JsonFieldReader inner(holder, fields.origin());
    inner("bad_words_ids", ids, kTokenIds);
    if (!word.is_array() || ids.empty()) {
      throw fields.fail("bad_words_ids", word, "a list of at least one id");
    }
  }
}

GenerationConfig read_fields(JsonFieldReader& fields) {
  GenerationConfig c;
  describe_generation(fields, c);
  if (c.pad_token_id == -1) c.pad_token_id.reset();
  // Old files write -1 for no token at all.
  std::erase(c.suppress_tokens, -1);
  read_early_stopping(fields, c);
  read_bad_words(fields, c);
  for (const LackedFeature& feature : kLacked) {
    const Json* value = fields.find(feature.key);
    if (value != nullptr && !is_switched_off(*value, feature.off)) {
      c.unsupported[feature.key] = *value;
    }
  }
  return c;
}

}  // namespace

GenerationConfig parse_generation_config(const Json& json, const std::string& origin) {
  if (!json.is_object()) throw bad_data(fmt::format("{}: is no JSON object", origin));
  JsonFieldReader fields(json, origin);
  GenerationConfig config = read_fields(fields);
  for (const char* key : kWithoutEffect) fields.skip(key);
  config.ignored = fields.unknown();
  return config;
}

GenerationConfig read_generation_config(const fs::path& path) {
  if (!fs::is_directory(path)) {
    return parse_generation_config(internal::read_json_object(path, kMaxGenerationBytes),
                                   path.string());
  }
  const fs::path own = path / "generation_config.json", model = path / "config.json";
  if (fs::exists(own)) return read_generation_config(own);
  if (!fs::exists(model)) return {};
  // Keys of the model itself are somebody else's.
  const Json json = internal::read_json_object(model, kMaxGenerationBytes);
  JsonFieldReader fields(json, model.string());
  return read_fields(fields);
}

Json to_json(const GenerationConfig& config) {
  GenerationConfig c = config;
  Json json = Json::object();
  JsonFieldWriter fields(json);
  describe_generation(fields, c);
  if (c.early_stopping == "never") json["early_stopping"] = "never";
  if (c.early_stopping == "true" || c.early_stopping == "false") {
    json["early_stopping"] = c.early_stopping == "true";
  }
  if (!c.bad_words_ids.empty()) json["bad_words_ids"] = c.bad_words_ids;
  for (const Json* rest : {&c.unsupported, &c.ignored}) {
    for (const auto& [key, value] : rest->items()) json[key] = value;
  }
  Json present = Json::object();
  for (const auto& [key, value] : json.items()) {
    if (!value.is_null()) present[key] = value;
  }
  return present;
}

}  // namespace discreet::formats
