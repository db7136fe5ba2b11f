#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "discreet/core/error.h"
#include "discreet/formats/internal/bpe_json.h"
#include "discreet/formats/internal/json_fields.h"
#include "discreet/formats/internal/rotary_rows.h"
#include "discreet/formats/model_import.h"

// Names of keys and tensors as gguf-py's constants.py has them; the order of rows as
// convert_hf_to_gguf.py turns it.

namespace discreet::formats {
namespace {

constexpr std::int64_t kMaxGgufWidth = 1 << 20, kMaxGgufLayers = 1 << 14;

/// Reads the keys of one architecture and remembers which; what is left over might change the
/// computation.
class ArchitectureKeys {
 public:
  ArchitectureKeys(const GgufFile& file, std::string prefix)
      : file_(file), prefix_(std::move(prefix)) {}

  std::optional<std::int64_t> find_integer(const std::string& key) {
    return file_.integer(name(key));
  }
  std::int64_t integer(const std::string& key, std::int64_t max) {
    return checked(key, find_integer(key), max);
  }
  std::int64_t integer_or(const std::string& key, std::int64_t other, std::int64_t max) {
    const auto value = find_integer(key);
    return value ? checked(key, value, max) : other;
  }
  /// The shortest decimal that is this float32, as a configuration would say it.
  std::optional<double> find_real(const std::string& key) {
    const auto value = file_.real(name(key));
    if (!value) return std::nullopt;
    if (!std::isfinite(*value)) {
      throw bad_data(fmt::format("{}: {} is not finite", file_.path().string(), prefix_ + key));
    }
    return std::stod(fmt::format("{}", static_cast<float>(*value)));
  }
  double real(const std::string& key) {
    const auto value = find_real(key);
    if (!value) throw missing(key);
    return *value;
  }
  std::optional<std::string> find_text(const std::string& key) { return file_.text(name(key)); }
  void ignore(const std::string& key) { name(key); }

  /// Refuses a feature that is not switched off.
  void refuse(const std::string& key, double off) {
    const auto value = file_.has(prefix_ + key) ? find_real(key) : std::nullopt;
    if (value && *value != off) throw unsupported_key(key);
  }
  void refuse_the_rest() const {
    for (const auto& [key, value] : file_.metadata()) {
      if (key.starts_with(prefix_) && known_.count(key) == 0) {
        throw unsupported_key(key.substr(prefix_.size()));
      }
    }
  }
  Error unsupported_key(const std::string& key) const {
    return bad_data(fmt::format("{}: the key {} is not supported", file_.path().string(),
                                internal::shown_json(prefix_ + key)),
                    "The model asks for a computation that is not here.");
  }

 private:
  std::string name(const std::string& key) { return *known_.insert(prefix_ + key).first; }
  Error missing(const std::string& key) const {
    return bad_data(fmt::format("{}: has no key {}", file_.path().string(), prefix_ + key));
  }
  std::int64_t checked(const std::string& key, std::optional<std::int64_t> value,
                       std::int64_t max) {
    if (!value) throw missing(key);
    if (*value < 1 || *value > max) {
      throw bad_data(fmt::format("{}: {} = {}: expected an integer from 1 to {}",
                                 file_.path().string(), prefix_ + key, *value, max));
    }
    return *value;
  }

  const GgufFile& file_;
  std::string prefix_;
  std::set<std::string> known_;
};

/// One tensor there and here.
struct GgufWeight {
  enum class Change { kNone, kSplitPairs, kTranspose };
  std::string from, to;
  std::vector<std::int64_t> shape;  ///< Of the file.
  Change change = Change::kNone;
  std::int64_t heads = 1;
};

std::function<void(std::span<float>)> filler(const GgufTensor& tensor, const GgufWeight& weight) {
  const std::int64_t columns = weight.shape.size() > 1 ? weight.shape[1] : 1;
  switch (weight.change) {
    case GgufWeight::Change::kSplitPairs:
      return [tensor, columns, heads = weight.heads](std::span<float> out) {
        dequantize(tensor, out);
        internal::split_rotary_pairs(out, heads, columns);
      };
    case GgufWeight::Change::kTranspose:
      return [tensor, columns](std::span<float> out) {
        std::vector<float> rows(out.size());
        dequantize(tensor, rows);
        const auto width = static_cast<std::size_t>(columns), height = rows.size() / width;
        for (std::size_t i = 0; i < rows.size(); ++i) {
          out[i % width * height + i / width] = rows[i];
        }
      };
    default:
      return [tensor](std::span<float> out) { dequantize(tensor, out); };
  }
}

/// Takes every weight from the file; what the file has besides is refused, since it would be left
/// out.
void take_weights(const GgufFile& file, const std::vector<GgufWeight>& weights,
                  const std::set<std::string>& unused, ImportedModel& model) {
  std::set<std::string> taken = unused;
  for (const GgufWeight& weight : weights) {
    const GgufTensor& tensor = file.at(weight.from);
    if (tensor.shape != weight.shape) {
      throw bad_data(fmt::format("{}: the tensor {} is {}, expected {}", file.path().string(),
                                 weight.from, Json(tensor.shape).dump(),
                                 Json(weight.shape).dump()));
    }
    std::vector<std::int64_t> shape = weight.shape;
    if (weight.change == GgufWeight::Change::kTranspose) std::reverse(shape.begin(), shape.end());
    model.weights.push_back({weight.to, shape, filler(tensor, weight)});
    taken.insert(weight.from);
  }
  for (const std::string& name : file.names()) {
    if (taken.count(name) == 0) {
      throw bad_data(fmt::format("{}: the tensor {} is not supported", file.path().string(),
                                 internal::shown_json(name)),
                     "The model has a part that is not here.");
    }
  }
}

std::int64_t rows_of_embedding(const GgufFile& file) {
  const GgufTensor& embedding = file.at("token_embd.weight");
  if (embedding.shape.size() != 2) {
    throw bad_data(fmt::format("{}: token_embd.weight has {} dimensions, expected 2",
                               file.path().string(), embedding.shape.size()));
  }
  return embedding.shape[0];
}

/// Whether the projections of all layers have biases: all or none.
bool has_biases(const GgufFile& file, std::initializer_list<const char*> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](const char* part) {
    return file.contains(fmt::format("blk.0.{}.bias", part));
  });
}

/// Files of Llama 3.1 and later hold the divisors of the rotary frequencies instead of the rule
/// that made them; all released models have low 1, high 4 and 8192 positions.
void read_frequency_divisors(const GgufFile& file, PretrainedConfig& config) {
  const GgufTensor& tensor = file.at("rope_freqs.weight");
  std::vector<float> divisors(static_cast<std::size_t>(tensor.count()));
  dequantize(tensor, divisors);
  RopeConfig rope = config.llama.rope;
  rope.type = RopeConfig::Type::kLlama3;
  rope.original_max_positions = 8192;
  rope.factor = divisors.empty() ? 0.0 : *std::max_element(divisors.begin(), divisors.end());
  bool fits = 2 * static_cast<std::int64_t>(divisors.size()) == config.llama.head_size &&
              std::isfinite(rope.factor) && rope.factor >= 1;
  for (std::size_t i = 0; fits && i < divisors.size(); ++i) {
    const double exponent =
        2.0 * static_cast<double>(i) / static_cast<double>(config.llama.head_size);
    const double turns = 8192.0 / (2 * M_PI * std::pow(rope.theta, exponent));
    const double smooth =
        (turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
    const double expected = turns > rope.high_freq_factor ? 1.0
                            : turns < rope.low_freq_factor
                                ? rope.factor
                                : 1.0 / ((1 - smooth) / rope.factor + smooth);
    fits = std::fabs(divisors[i] - expected) <= 1e-3 * expected;
  }
  if (!fits) {
    throw bad_data(fmt::format("{}: rope_freqs.weight holds rotary frequencies of an unknown rule",
                               file.path().string()),
                   "Known is Llama 3.1's, trained at 8192 positions.");
  }
  config.llama.rope = rope;
}

void read_rope_keys(const GgufFile& file, ArchitectureKeys& keys, PretrainedConfig& config) {
  RopeConfig& rope = config.llama.rope;
  rope.theta = keys.find_real("rope.freq_base").value_or(10000.0);
  const std::string type = keys.find_text("rope.scaling.type").value_or("none");
  const double factor = keys.find_real("rope.scaling.factor").value_or(1.0);
  const double old_factor = keys.find_real("rope.scale_linear").value_or(1.0);
  keys.ignore("rope.scaling.original_context_length");
  keys.ignore("rope.scaling.finetuned");
  if (type != "none" && type != "linear") throw keys.unsupported_key("rope.scaling.type");
  const double linear = type == "linear" ? factor : old_factor;
  if (linear != 1.0) {
    rope.type = RopeConfig::Type::kLinear;
    rope.factor = linear;
  }
  if (keys.integer_or("rope.dimension_count", config.llama.head_size, kMaxGgufWidth) !=
      config.llama.head_size) {
    throw keys.unsupported_key("rope.dimension_count");
  }
  if (file.contains("rope_freqs.weight")) read_frequency_divisors(file, config);
}

void import_llama(const GgufFile& file, ImportedModel& model) {
  ArchitectureKeys keys(file, "llama.");
  PretrainedConfig& c = model.config;
  c = default_pretrained_config(ModelForm::kLlama);
  c.architectures = {"LlamaForCausalLM"};
  c.vocab_size = rows_of_embedding(file);
  c.hidden_size = keys.integer("embedding_length", kMaxGgufWidth);
  c.intermediate_size = keys.integer("feed_forward_length", kMaxGgufWidth);
  c.layers = keys.integer("block_count", kMaxGgufLayers);
  c.heads = keys.integer("attention.head_count", kMaxGgufWidth);
  c.llama.key_value_heads = keys.integer_or("attention.head_count_kv", c.heads, kMaxGgufWidth);
  c.max_position_embeddings = keys.integer("context_length", std::int64_t{1} << 30);
  c.norm_eps = keys.real("attention.layer_norm_rms_epsilon");
  c.llama.head_size = keys.integer_or(
      "attention.key_length", std::max<std::int64_t>(1, c.hidden_size / c.heads), kMaxGgufWidth);
  if (keys.integer_or("attention.value_length", c.llama.head_size, kMaxGgufWidth) !=
      c.llama.head_size) {
    throw keys.unsupported_key("attention.value_length");
  }
  read_rope_keys(file, keys, c);
  keys.refuse("expert_count", 0);
  keys.refuse("expert_used_count", 0);
  for (const char* key : {"vocab_size", "tensor_data_layout"}) keys.ignore(key);
  keys.refuse_the_rest();
  c.tie_word_embeddings = !file.contains("output.weight");
  c.llama.attention_bias = has_biases(file, {"attn_q", "attn_k", "attn_v", "attn_output"});
  c.llama.mlp_bias = has_biases(file, {"ffn_gate", "ffn_up", "ffn_down"});

  const std::int64_t d = c.hidden_size, q = c.heads * c.llama.head_size,
                     kv = c.llama.key_value_heads * c.llama.head_size, ff = c.intermediate_size;
  std::vector<GgufWeight> weights = {
      {"token_embd.weight", "model.embed_tokens.weight", {c.vocab_size, d}},
      {"output_norm.weight", "model.norm.weight", {d}}};
  if (!c.tie_word_embeddings) {
    weights.push_back({"output.weight", "lm_head.weight", {c.vocab_size, d}});
  }
  constexpr auto kPairs = GgufWeight::Change::kSplitPairs;
  constexpr auto kPlain = GgufWeight::Change::kNone;
  struct Part {
    const char *from, *to;
    std::int64_t rows, columns;
    GgufWeight::Change change;
    std::int64_t heads;
    bool bias;
  };
  const bool ab = c.llama.attention_bias, mb = c.llama.mlp_bias;
  const std::vector<Part> parts = {
      {"attn_q", "self_attn.q_proj", q, d, kPairs, c.heads, ab},
      {"attn_k", "self_attn.k_proj", kv, d, kPairs, c.llama.key_value_heads, ab},
      {"attn_v", "self_attn.v_proj", kv, d, kPlain, 1, ab},
      {"attn_output", "self_attn.o_proj", d, q, kPlain, 1, ab},
      {"ffn_gate", "mlp.gate_proj", ff, d, kPlain, 1, mb},
      {"ffn_up", "mlp.up_proj", ff, d, kPlain, 1, mb},
      {"ffn_down", "mlp.down_proj", d, ff, kPlain, 1, mb}};
  for (std::int64_t layer = 0; layer < c.layers; ++layer) {
    const std::string from = fmt::format("blk.{}.", layer);
    const std::string to = fmt::format("model.layers.{}.", layer);
    weights.push_back({from + "attn_norm.weight", to + "input_layernorm.weight", {d}});
    weights.push_back({from + "ffn_norm.weight", to + "post_attention_layernorm.weight", {d}});
    for (const Part& part : parts) {
      const std::string source = from + part.from, target = to + part.to;
      weights.push_back({source + ".weight",
                         target + ".weight",
                         {part.rows, part.columns},
                         part.change,
                         part.heads});
      if (part.bias) {
        weights.push_back(
            {source + ".bias", target + ".bias", {part.rows}, part.change, part.heads});
      }
    }
    // A damaged count of layers must not make names without end.
    if (!file.contains(from + "attn_norm.weight")) break;
  }
  take_weights(file, weights, {"rope_freqs.weight"}, model);
}

void import_gpt2(const GgufFile& file, ImportedModel& model) {
  ArchitectureKeys keys(file, "gpt2.");
  PretrainedConfig& c = model.config;
  c = default_pretrained_config(ModelForm::kGpt2);
  c.architectures = {"GPT2LMHeadModel"};
  c.vocab_size = rows_of_embedding(file);
  c.hidden_size = keys.integer("embedding_length", kMaxGgufWidth);
  c.intermediate_size = keys.integer("feed_forward_length", kMaxGgufWidth);
  c.layers = keys.integer("block_count", kMaxGgufLayers);
  c.heads = keys.integer("attention.head_count", kMaxGgufWidth);
  c.max_position_embeddings = keys.integer("context_length", std::int64_t{1} << 30);
  c.norm_eps = keys.real("attention.layer_norm_epsilon");
  for (const char* key : {"vocab_size", "attention.head_count_kv"}) keys.ignore(key);
  keys.refuse_the_rest();
  c.tie_word_embeddings = !file.contains("output.weight");
  const std::int64_t d = c.hidden_size, ff = c.intermediate_size;
  std::vector<GgufWeight> weights = {
      {"token_embd.weight", "transformer.wte.weight", {c.vocab_size, d}},
      {"position_embd.weight", "transformer.wpe.weight", {c.max_position_embeddings, d}},
      {"output_norm.weight", "transformer.ln_f.weight", {d}},
      {"output_norm.bias", "transformer.ln_f.bias", {d}}};
  if (!c.tie_word_embeddings) {
    weights.push_back({"output.weight", "lm_head.weight", {c.vocab_size, d}});
  }
  struct Part {
    const char *from, *to;
    std::vector<std::int64_t> shape;
  };
  // transformers' GPT-2 keeps its matrices with the inputs as rows.
  const std::vector<Part> parts = {{"attn_norm", "ln_1", {d}},
                                   {"attn_qkv", "attn.c_attn", {3 * d, d}},
                                   {"attn_output", "attn.c_proj", {d, d}},
                                   {"ffn_norm", "ln_2", {d}},
                                   {"ffn_up", "mlp.c_fc", {ff, d}},
                                   {"ffn_down", "mlp.c_proj", {d, ff}}};
  for (std::int64_t layer = 0; layer < c.layers; ++layer) {
    const std::string from = fmt::format("blk.{}.", layer);
    const std::string to = fmt::format("transformer.h.{}.", layer);
    for (const Part& part : parts) {
      const bool matrix = part.shape.size() == 2;
      weights.push_back({from + part.from + ".weight", to + part.to + ".weight", part.shape,
                         matrix ? GgufWeight::Change::kTranspose : GgufWeight::Change::kNone});
      weights.push_back({from + part.from + ".bias", to + part.to + ".bias", {part.shape[0]}});
    }
    if (!file.contains(from + "attn_norm.weight")) break;
  }
  take_weights(file, weights, {}, model);
}

std::vector<internal::TokenKind> kinds_of_tokens(const GgufFile& file, std::size_t tokens) {
  const auto* kinds = file.integers("tokenizer.ggml.token_type");
  std::vector<internal::TokenKind> result(tokens, internal::TokenKind::kNormal);
  if (kinds == nullptr) return result;
  if (kinds->size() != tokens) {
    throw bad_data(fmt::format("{}: {} token types for {} tokens", file.path().string(),
                               kinds->size(), tokens));
  }
  for (std::size_t i = 0; i < tokens; ++i) {
    if ((*kinds)[i] < 1 || (*kinds)[i] > 6) {
      throw bad_data(fmt::format("{}: token {} is of type {}, expected 1 to 6",
                                 file.path().string(), i, (*kinds)[i]));
    }
    result[i] = static_cast<internal::TokenKind>((*kinds)[i]);
  }
  return result;
}

void import_tokenizer(const GgufFile& file, ImportedModel& model) {
  const std::string prefix = "tokenizer.ggml.";
  const auto* tokens = file.texts(prefix + "tokens");
  if (tokens == nullptr || tokens->empty()) {
    throw bad_data(fmt::format("{}: has no {}tokens", file.path().string(), prefix));
  }
  if (static_cast<std::int64_t>(tokens->size()) > model.config.vocab_size) {
    throw bad_data(fmt::format("{}: {} tokens, but the embedding has {} rows", file.path().string(),
                               tokens->size(), model.config.vocab_size));
  }
  internal::BpeModel bpe;
  bpe.origin = file.path().string();
  bpe.tokens = *tokens;
  bpe.kinds = kinds_of_tokens(file, tokens->size());
  bpe.bos = file.integer(prefix + "bos_token_id");
  bpe.eos = file.integer(prefix + "eos_token_id");
  bpe.unknown = file.integer(prefix + "unknown_token_id");
  bpe.padding = file.integer(prefix + "padding_token_id");
  bpe.add_eos = file.boolean(prefix + "add_eos_token").value_or(false);
  bpe.chat_template = file.text("tokenizer.chat_template").value_or("");
  bpe.max_tokens = model.config.max_position_embeddings;
  const std::string kind = file.text(prefix + "model").value_or("");
  const std::string pre = file.text(prefix + "pre").value_or("default");
  if (kind == "gpt2") {
    const auto* merges = file.texts(prefix + "merges");
    if (merges == nullptr) {
      throw bad_data(fmt::format("{}: has no {}merges", file.path().string(), prefix));
    }
    bpe.add_bos = file.boolean(prefix + "add_bos_token").value_or(pre.starts_with("llama"));
    model.tokenizer = internal::byte_level_tokenizer_json(bpe, *merges, pre);
  } else if (kind == "llama") {
    const auto* scores = file.reals(prefix + "scores");
    bpe.add_bos = file.boolean(prefix + "add_bos_token").value_or(true);
    std::vector<float> values;
    if (scores != nullptr) values.assign(scores->begin(), scores->end());
    model.tokenizer = internal::sentence_piece_tokenizer_json(
        bpe, values, file.boolean(prefix + "add_space_prefix").value_or(true));
  } else {
    throw bad_data(fmt::format("{}: tokenizer.ggml.model = {} is not supported",
                               file.path().string(), internal::shown_json(kind)),
                   "Known are gpt2 and llama.");
  }
  model.tokenizer_config = internal::tokenizer_config_json(bpe);
  PretrainedConfig& config = model.config;
  config.bos_token_id = bpe.bos;
  config.pad_token_id = bpe.padding;
  config.eos_token_ids.clear();
  if (bpe.eos) config.eos_token_ids = {*bpe.eos};
  model.generation.bos_token_id = bpe.bos;
  model.generation.pad_token_id = bpe.padding;
  model.generation.eos_token_ids = config.eos_token_ids;
}

}  // namespace

ImportedModel import_gguf(const GgufFile& file) {
  const std::string architecture = file.text("general.architecture").value_or("");
  const std::string type = file.text("general.type").value_or("model");
  if (type != "model") {
    throw bad_data(fmt::format("{}: general.type = {}, expected a model", file.path().string(),
                               internal::shown_json(type)));
  }
  if (file.integer("split.count").value_or(1) > 1) {
    throw bad_data(
        fmt::format("{}: is one of {} parts", file.path().string(), *file.integer("split.count")),
        "Merge them with llama.cpp's gguf-split --merge.");
  }
  ImportedModel model;
  model.form = "gguf";
  if (architecture == "llama") {
    import_llama(file, model);
  } else if (architecture == "gpt2") {
    import_gpt2(file, model);
  } else {
    throw bad_data(fmt::format("{}: general.architecture = {} is not supported",
                               file.path().string(), internal::shown_json(architecture)),
                   "Known are llama and gpt2.");
  }
  import_tokenizer(file, model);
  // What holds for a configuration that is read holds for one that is made.
  parse_pretrained_config(to_json(model.config), file.path().string());
  return model;
}

}  // namespace discreet::formats
