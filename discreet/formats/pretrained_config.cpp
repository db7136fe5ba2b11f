#include "discreet/formats/pretrained_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/fields.h"
#include "discreet/formats/internal/config_features.h"
#include "discreet/formats/internal/config_parts.h"
#include "discreet/formats/internal/json_fields.h"

// Defaults and spellings follow the configuration classes of transformers 5
// (models/*/configuration_*.py), rope_scaling and torch_dtype those of transformers 4.

namespace discreet::formats {
namespace {
namespace fs = std::filesystem;
using internal::JsonFieldReader;
using internal::JsonFieldWriter;
using internal::Range;
using internal::activation_names;
using internal::numbered_labels;
using internal::read_rope;
using internal::rope_scaling_of;
using internal::unsupported;

constexpr std::uintmax_t kMaxConfigBytes = 1 << 20;
constexpr std::size_t kMaxLabels = 30'000;
// Far above any model, and small enough that products of two fit into 63 bits.
constexpr Range kWidth = {1, 1 << 22}, kCount = {1, 1 << 14}, kVocabulary = {1, 1 << 30};
constexpr Range kPositions = {1, 1 << 30}, kId = {0, 1 << 30}, kProbability = {0, 1};
constexpr Range kNotNegative = {0, 1e6}, kEpsilon = {0, 1};

constexpr std::array<std::string_view, 11> kModelTypes = {
    "bert", "roberta", "xlm-roberta", "distilbert", "electra", "albert",
    "gpt2", "llama",   "mistral",     "bart",       "t5"};

/// Names a form's fields once for the reader and the writer.
template <class Fields>
void describe_encoder(Fields& fields, PretrainedConfig& c) {
  const bool albert = c.form == ModelForm::kAlbert, electra = c.form == ModelForm::kElectra;
  fields("hidden_size", c.hidden_size, kWidth);
  fields("num_hidden_layers", c.layers, kCount);
  fields("num_attention_heads", c.heads, kWidth);
  fields("intermediate_size", c.intermediate_size, kWidth);
  fields("hidden_act", c.activation);
  fields("hidden_dropout_prob", c.hidden_dropout, kProbability);
  fields("attention_probs_dropout_prob", c.attention_dropout, kProbability);
  fields("max_position_embeddings", c.max_position_embeddings, kPositions);
  fields("type_vocab_size", c.encoder.type_vocab_size, kWidth);
  fields("initializer_range", c.initializer_range, kNotNegative);
  fields("layer_norm_eps", c.norm_eps, kEpsilon);
  fields(albert ? "classifier_dropout_prob" : "classifier_dropout", c.classifier_dropout,
         kProbability);
  if (albert || electra) fields("embedding_size", c.encoder.embedding_size, kWidth);
  if (albert) {
    fields("num_hidden_groups", c.encoder.hidden_groups, kCount);
    fields("inner_group_num", c.encoder.inner_groups, kCount);
  }
  if (electra) {
    fields("summary_type", c.summary.type);
    fields("summary_use_proj", c.summary.use_projection);
    fields("summary_activation", c.summary.activation);
    fields("summary_last_dropout", c.summary.dropout, kProbability);
  }
}

template <class Fields>
void describe_distilbert(Fields& fields, PretrainedConfig& c) {
  fields("dim", c.hidden_size, kWidth, "hidden_size");
  fields("n_layers", c.layers, kCount, "num_hidden_layers");
  fields("n_heads", c.heads, kWidth, "num_attention_heads");
  fields("hidden_dim", c.intermediate_size, kWidth);
  fields("activation", c.activation);
  fields("dropout", c.hidden_dropout, kProbability);
  fields("attention_dropout", c.attention_dropout, kProbability);
  fields("max_position_embeddings", c.max_position_embeddings, kPositions);
  fields("initializer_range", c.initializer_range, kNotNegative);
  fields("qa_dropout", c.encoder.qa_dropout, kProbability);
  fields("seq_classif_dropout", c.classifier_dropout, kProbability);
}

template <class Fields>
void describe_gpt2(Fields& fields, PretrainedConfig& c, std::optional<std::int64_t>& inner) {
  fields("n_embd", c.hidden_size, kWidth, "hidden_size");
  fields("n_layer", c.layers, kCount, "num_hidden_layers");
  fields("n_head", c.heads, kWidth, "num_attention_heads");
  fields("n_inner", inner, kWidth);
  fields("n_positions", c.max_position_embeddings, kPositions, "max_position_embeddings");
  fields("activation_function", c.activation);
  fields("resid_pdrop", c.hidden_dropout, kProbability);
  fields("embd_pdrop", c.gpt2.embedding_dropout, kProbability);
  fields("attn_pdrop", c.attention_dropout, kProbability);
  fields("layer_norm_epsilon", c.norm_eps, kEpsilon);
  fields("initializer_range", c.initializer_range, kNotNegative);
  fields("scale_attn_weights", c.gpt2.scale_attention);
  fields("scale_attn_by_inverse_layer_idx", c.gpt2.scale_by_inverse_layer);
  fields("reorder_and_upcast_attn", c.gpt2.reorder_and_upcast);
  fields("classifier_dropout", c.classifier_dropout, kProbability);
  fields("summary_type", c.summary.type);
  fields("summary_use_proj", c.summary.use_projection);
  fields("summary_activation", c.summary.activation);
  fields("summary_proj_to_labels", c.summary.projection_to_labels);
  fields("summary_first_dropout", c.summary.dropout, kProbability);
}

template <class Fields>
void describe_llama(Fields& fields, PretrainedConfig& c, std::optional<std::int64_t>& kv_heads,
                    std::optional<std::int64_t>& head_size) {
  fields("hidden_size", c.hidden_size, kWidth);
  fields("num_hidden_layers", c.layers, kCount);
  fields("num_attention_heads", c.heads, kWidth);
  fields("num_key_value_heads", kv_heads, kWidth);
  fields("head_dim", head_size, kWidth);
  fields("intermediate_size", c.intermediate_size, kWidth);
  fields("hidden_act", c.activation);
  fields("max_position_embeddings", c.max_position_embeddings, kPositions);
  fields("initializer_range", c.initializer_range, kNotNegative);
  fields("rms_norm_eps", c.norm_eps, kEpsilon);
  fields("attention_dropout", c.attention_dropout, kProbability);
  if (c.form != ModelForm::kLlama) return;
  fields("attention_bias", c.llama.attention_bias);
  fields("mlp_bias", c.llama.mlp_bias);
}

template <class Fields>
void describe_bart(Fields& fields, PretrainedConfig& c) {
  fields("d_model", c.hidden_size, kWidth, "hidden_size");
  fields("encoder_layers", c.layers, kCount);
  fields("encoder_attention_heads", c.heads, kWidth, "num_attention_heads");
  fields("encoder_ffn_dim", c.intermediate_size, kWidth);
  fields("decoder_layers", c.bart.decoder_layers, kCount);
  fields("decoder_attention_heads", c.bart.decoder_heads, kWidth);
  fields("decoder_ffn_dim", c.bart.decoder_intermediate_size, kWidth);
  fields("encoder_layerdrop", c.bart.encoder_layerdrop, kProbability);
  fields("decoder_layerdrop", c.bart.decoder_layerdrop, kProbability);
  fields("activation_function", c.activation);
  fields("dropout", c.hidden_dropout, kProbability);
  fields("attention_dropout", c.attention_dropout, kProbability);
  fields("activation_dropout", c.activation_dropout, kProbability);
  fields("classifier_dropout", c.classifier_dropout, kProbability);
  fields("max_position_embeddings", c.max_position_embeddings, kPositions);
  fields("init_std", c.initializer_range, kNotNegative);
  fields("scale_embedding", c.bart.scale_embedding);
}

template <class Fields>
void describe_t5(Fields& fields, PretrainedConfig& c, std::optional<std::int64_t>& decoder_layers,
                 std::string& feed_forward) {
  fields("d_model", c.hidden_size, kWidth, "hidden_size");
  fields("d_kv", c.t5.head_size, kWidth, "head_dim");
  fields("d_ff", c.intermediate_size, kWidth);
  fields("num_layers", c.layers, kCount, "num_hidden_layers");
  fields("num_decoder_layers", decoder_layers, kCount);
  fields("num_heads", c.heads, kWidth, "num_attention_heads");
  fields("relative_attention_num_buckets", c.t5.relative_buckets, {2, 1 << 20});
  fields("relative_attention_max_distance", c.t5.relative_max_distance, kPositions);
  fields("dropout_rate", c.hidden_dropout, kProbability);
  fields("layer_norm_epsilon", c.norm_eps, kEpsilon);
  fields("initializer_factor", c.initializer_range, kNotNegative);
  fields("feed_forward_proj", feed_forward);
  fields("classifier_dropout", c.classifier_dropout, kProbability);
}

template <class Fields>
void describe_tokens(Fields& fields, PretrainedConfig& c) {
  fields("bos_token_id", c.bos_token_id, kId);
  fields("eos_token_id", c.eos_token_ids, kId);
  fields("pad_token_id", c.pad_token_id, {-1, kId.max});
  if (c.pad_token_id == -1) c.pad_token_id.reset();  // The first Llama's way to say none.
  fields("decoder_start_token_id", c.decoder_start_token_id, kId);
  fields("forced_bos_token_id", c.forced_bos_token_id, kId);
  fields("forced_eos_token_id", c.forced_eos_token_ids, kId);
}

void describe_architectures(JsonFieldReader& fields, PretrainedConfig& c) {
  fields("architectures", c.architectures);
  std::optional<std::string> dtype;
  fields("dtype", dtype, {}, "torch_dtype");
  if (!dtype || *dtype == "auto") return;
  const std::string name = dtype->starts_with("torch.") ? dtype->substr(6) : *dtype;
  for (const char* known : {"float32", "float16", "bfloat16", "float64"}) {
    if (name == known) c.dtype = name;
  }
  if (c.dtype != name) {
    throw unsupported(fields.origin(), "dtype", name,
                      "weights are float32, float16, bfloat16 or float64");
  }
}

void read_labels(JsonFieldReader& fields, PretrainedConfig& c) {
  std::optional<std::int64_t> count;
  fields("num_labels", count, {1, static_cast<double>(kMaxLabels)});
  std::optional<std::string> problem;
  fields("problem_type", problem);
  if (problem && *problem != "regression" && *problem != "single_label_classification" &&
      *problem != "multi_label_classification") {
    throw fields.fail(
        "problem_type", *problem,
        "regression, single_label_classification, multi_label_classification or null");
  }
  c.problem_type = problem.value_or("");
  // The classes read label2id and never use it where id2label is there.
  fields.skip("label2id");
  const Json* names = fields.find("id2label");
  if (names == nullptr || names->is_null()) {
    if (count) c.labels = numbered_labels(*count);
    return;
  }
  if (!names->is_object() || names->empty() || names->size() > kMaxLabels) {
    throw fields.fail("id2label", *names, fmt::format("an object of 1 to {} labels", kMaxLabels));
  }
  std::vector<std::optional<std::string>> labels(names->size());
  for (const auto& [key, name] : names->items()) {
    const bool digits =
        !key.empty() && key.size() <= 6 &&
        std::all_of(key.begin(), key.end(), [](char x) { return x >= '0' && x <= '9'; });
    const std::size_t id = digits ? std::stoul(key) : labels.size();
    if (id >= labels.size() || labels[id] || !name.is_string()) {
      throw fields.fail("id2label." + internal::shown_json(key), name,
                        fmt::format("a text for each of 0 to {}, once", labels.size() - 1));
    }
    labels[id] = name.get<std::string>();
  }
  c.labels.clear();
  for (auto& label : labels) c.labels.push_back(std::move(*label));
}

void read_feed_forward(JsonFieldReader& fields, PretrainedConfig& c, const std::string& spelled) {
  const std::size_t dash = spelled.find('-');
  c.t5.gated = dash != std::string::npos && spelled.substr(0, dash) == "gated";
  if (dash != std::string::npos && !c.t5.gated) {
    throw fields.fail("feed_forward_proj", spelled, "an activation or gated-ACTIVATION");
  }
  c.activation = spelled == "gated-gelu" ? "gelu_new" : spelled.substr(dash + 1);
  // Written beside it by some versions; they follow from it.
  if (const Json* act = fields.find("dense_act_fn"); act != nullptr && *act != c.activation) {
    throw fields.fail(
        "dense_act_fn", *act,
        fmt::format("\"{}\", as feed_forward_proj = \"{}\" says", c.activation, spelled));
  }
  if (const Json* gated = fields.find("is_gated_act"); gated != nullptr && *gated != c.t5.gated) {
    throw fields.fail("is_gated_act", *gated,
                      fmt::format("{}, as feed_forward_proj = \"{}\" says", c.t5.gated, spelled));
  }
}

/// Old files say by an untied output layer that the decoder's output is not scaled.
void read_t5_output(JsonFieldReader& fields, PretrainedConfig& c) {
  bool encoder_decoder = true;
  fields("is_encoder_decoder", encoder_decoder);
  c.t5.encoder_only = !encoder_decoder;
  c.t5.scale_decoder_outputs = c.tie_word_embeddings;
  fields("scale_decoder_outputs", c.t5.scale_decoder_outputs);
}

void read_form(JsonFieldReader& fields, PretrainedConfig& c) {
  std::optional<std::int64_t> first, second;
  switch (c.form) {
    case ModelForm::kDistilBert:
      describe_distilbert(fields, c);
      return;
    case ModelForm::kGpt2:
      describe_gpt2(fields, c, first);
      c.intermediate_size = first.value_or(4 * c.hidden_size);
      return;
    case ModelForm::kLlama:
    case ModelForm::kMistral: {
      // Absent and null are different things for mistral: 8 is its class's default.
      if (c.form == ModelForm::kMistral) first = c.llama.key_value_heads;
      describe_llama(fields, c, first, second);
      c.llama.key_value_heads = first.value_or(c.heads);
      if (!second && c.hidden_size % c.heads != 0) {
        throw fields.fail("num_attention_heads", c.heads,
                          fmt::format("a divisor of hidden_size = {}", c.hidden_size));
      }
      c.llama.head_size = second.value_or(c.hidden_size / c.heads);
      read_rope(fields, c);
      std::optional<std::int64_t> window;
      if (c.form == ModelForm::kMistral) window = 4096;
      fields("sliding_window", window, kPositions);
      if (window && *window < c.max_position_embeddings) {
        throw unsupported(fields.origin(), "sliding_window", *window,
                          fields.find("sliding_window") == nullptr
                              ? "attention within a window (mistral's default; write null to the "
                                "file if the model was trained without one)"
                              : "attention within a window");
      }
      return;
    }
    case ModelForm::kBart:
      describe_bart(fields, c);
      return;
    case ModelForm::kT5: {
      std::string feed_forward = "relu";
      describe_t5(fields, c, first, feed_forward);
      c.t5.decoder_layers = first.value_or(c.layers);
      read_feed_forward(fields, c, feed_forward);
      read_t5_output(fields, c);
      return;
    }
    default:
      describe_encoder(fields, c);
      if (c.form != ModelForm::kElectra && c.form != ModelForm::kAlbert) {
        c.encoder.embedding_size = c.hidden_size;
      }
  }
}

void check_divides(const JsonFieldReader& fields, const char* key, std::int64_t value,
                   const char* of, std::int64_t whole) {
  if (whole % value != 0) {
    throw fields.fail(key, value, fmt::format("a divisor of {} = {}", of, whole));
  }
}

void check_token(const JsonFieldReader& fields, const PretrainedConfig& c, const char* key,
                 std::optional<std::int64_t> id) {
  if (id && *id >= c.vocab_size) {
    throw fields.fail(key, *id, fmt::format("less than vocab_size = {}", c.vocab_size));
  }
}

void check(const JsonFieldReader& fields, const PretrainedConfig& c) {
  if (!find_activation(c.activation)) {
    throw bad_data(fmt::format("{}: the activation {} is not supported", fields.origin(),
                               internal::shown_json(c.activation)),
                   fmt::format("Known are {}.", fmt::join(activation_names(), ", ")));
  }
  if (c.form == ModelForm::kLlama || c.form == ModelForm::kMistral) {
    check_divides(fields, "num_key_value_heads", c.llama.key_value_heads, "num_attention_heads",
                  c.heads);
    if (c.llama.head_size % 2 != 0) {
      throw fields.fail("head_dim", c.llama.head_size,
                        "an even number: rotary positions turn pairs");
    }
  } else if (c.form != ModelForm::kT5) {
    check_divides(fields, "number of attention heads", c.heads, "the hidden size", c.hidden_size);
  }
  if (c.form == ModelForm::kBart) {
    check_divides(fields, "decoder_attention_heads", c.bart.decoder_heads, "d_model",
                  c.hidden_size);
  }
  if (c.encoder.hidden_groups > c.layers) {
    throw fields.fail("num_hidden_groups", c.encoder.hidden_groups,
                      fmt::format("at most num_hidden_layers = {}", c.layers));
  }
  if (c.form == ModelForm::kRoberta || c.form == ModelForm::kXlmRoberta) {
    if (!c.pad_token_id)
      throw fields.fail("pad_token_id", Json(), "an id: positions count from it");
    if (c.max_position_embeddings <= c.position_offset()) {
      throw fields.fail("max_position_embeddings", c.max_position_embeddings,
                        fmt::format("more than pad_token_id + 1 = {}", c.position_offset()));
    }
  }
  check_token(fields, c, "pad_token_id", c.pad_token_id);
  check_token(fields, c, "decoder_start_token_id", c.decoder_start_token_id);
  check_token(fields, c, "forced_bos_token_id", c.forced_bos_token_id);
  for (const std::int64_t id : c.forced_eos_token_ids) {
    check_token(fields, c, "forced_eos_token_id", id);
  }
}

ModelForm form_of(const Json& json, const std::string& origin) {
  const auto type = json.find("model_type");
  const std::string hint = fmt::format("Known are {}.", fmt::join(kModelTypes, ", "));
  if (type == json.end() || !type->is_string()) {
    throw bad_data(fmt::format("{}: has no \"model_type\"", origin), hint);
  }
  const auto found = std::find(kModelTypes.begin(), kModelTypes.end(), type->get<std::string>());
  if (found == kModelTypes.end()) {
    throw bad_data(
        fmt::format("{}: model_type = {} is not supported", origin, internal::shown_json(*type)),
        hint);
  }
  return static_cast<ModelForm>(found - kModelTypes.begin());
}

void write_form(Json& json, PretrainedConfig& c) {
  JsonFieldWriter fields(json);
  std::optional<std::int64_t> first, second;
  switch (c.form) {
    case ModelForm::kDistilBert:
      return describe_distilbert(fields, c);
    case ModelForm::kGpt2:
      if (c.intermediate_size != 4 * c.hidden_size) first = c.intermediate_size;
      return describe_gpt2(fields, c, first);
    case ModelForm::kLlama:
    case ModelForm::kMistral:
      first = c.llama.key_value_heads;
      second = c.llama.head_size;
      describe_llama(fields, c, first, second);
      json["rope_theta"] = c.llama.rope.theta;
      json["rope_scaling"] = rope_scaling_of(c.llama.rope);
      if (c.form == ModelForm::kMistral) json["sliding_window"] = Json();
      return;
    case ModelForm::kBart:
      describe_bart(fields, c);
      json["is_encoder_decoder"] = true;
      return;
    case ModelForm::kT5: {
      first = c.t5.decoder_layers;
      const bool gelu = c.t5.gated && c.activation == "gelu_new";
      std::string spelled = (c.t5.gated ? "gated-" : "") + (gelu ? "gelu" : c.activation);
      describe_t5(fields, c, first, spelled);
      json["is_encoder_decoder"] = !c.t5.encoder_only;
      // Both spellings of the same, for transformers 4 and 5.
      if (c.t5.scale_decoder_outputs != c.tie_word_embeddings) {
        json["scale_decoder_outputs"] = c.t5.scale_decoder_outputs;
      }
      return;
    }
    default:
      return describe_encoder(fields, c);
  }
}

}  // namespace

std::string_view model_type_name(ModelForm form) {
  return kModelTypes.at(static_cast<std::size_t>(form));
}

std::vector<std::string> model_type_names() { return {kModelTypes.begin(), kModelTypes.end()}; }

PretrainedConfig parse_pretrained_config(const Json& json, const std::string& origin) {
  if (!json.is_object()) throw bad_data(fmt::format("{}: is no JSON object", origin));
  PretrainedConfig config = default_pretrained_config(form_of(json, origin));
  JsonFieldReader fields(json, origin);
  fields.skip("model_type");
  internal::refuse_common(fields);
  fields("vocab_size", config.vocab_size, kVocabulary);
  fields("tie_word_embeddings", config.tie_word_embeddings);
  describe_tokens(fields, config);
  describe_architectures(fields, config);
  read_labels(fields, config);
  read_form(fields, config);
  internal::refuse_of_form(fields, config.form);
  if (const Json* both = fields.find("is_encoder_decoder");
      both != nullptr && *both == true && !config.is_sequence_to_sequence()) {
    throw unsupported(origin, "is_encoder_decoder", *both, "a part of another model");
  }
  fields.skip("is_decoder");
  check(fields, config);
  internal::skip_harmless(fields);
  config.ignored = fields.unknown();
  return config;
}

PretrainedConfig read_pretrained_config(const fs::path& path) {
  const fs::path file = fs::is_directory(path) ? path / "config.json" : path;
  return parse_pretrained_config(internal::read_json_object(file, kMaxConfigBytes), file.string());
}

std::vector<std::string> model_classes(ModelForm form) {
  std::vector<std::string> classes;
  const auto add = [&](const char* name, std::initializer_list<const char*> heads) {
    for (const char* head : heads) classes.push_back(std::string(name) + head);
  };
  switch (form) {
    case ModelForm::kBert:
      add("Bert", {"Model", "ForMaskedLM", "ForPreTraining", "ForSequenceClassification", "ForNextSentencePrediction",
                   "ForTokenClassification", "ForQuestionAnswering"});
      break;
    case ModelForm::kRoberta:
    case ModelForm::kXlmRoberta:
      for (const char* name : {"Roberta", "XLMRoberta"}) {
        add(name, {"Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering"});
      }
      break;
    case ModelForm::kDistilBert:
      add("DistilBert", {"Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering"});
      break;
    case ModelForm::kElectra:
      add("Electra", {"Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering"});
      break;
    case ModelForm::kAlbert:
      add("Albert", {"Model", "ForMaskedLM", "ForPreTraining", "ForSequenceClassification", "ForTokenClassification",
                     "ForQuestionAnswering"});
      break;
    case ModelForm::kGpt2:
      add("GPT2", {"Model", "LMHeadModel", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering"});
      break;
    case ModelForm::kLlama:
    case ModelForm::kMistral:
      for (const char* name : {"Llama", "Mistral"}) {
        add(name, {"Model", "ForCausalLM", "ForSequenceClassification", "ForTokenClassification"});
      }
      break;
    case ModelForm::kBart:
      add("Bart", {"ForConditionalGeneration", "Model"});
      break;
    case ModelForm::kT5:
      add("T5", {"ForConditionalGeneration", "Model", "WithLMHeadModel"});
      break;
  }
  return classes;
}

void check_model_class(const PretrainedConfig& config) {
  if (config.form == ModelForm::kT5 && config.t5.encoder_only) {
    throw bad_data("config.json: is_encoder_decoder is false: T5's encoder alone is not supported",
                   "Known are bart and t5 with a decoder.");
  }
  const std::vector<std::string> known = model_classes(config.form);
  if (config.architectures.empty() || std::find(known.begin(), known.end(), config.architectures.front()) != known.end()) return;
  throw bad_data(fmt::format("config.json: architectures[0] is '{}', which is not known", config.architectures.front()),
                 fmt::format("Known for this model_type: {}.", fmt::join(known, ", ")));
}

Json to_json(const PretrainedConfig& config) {
  PretrainedConfig c = config;
  Json json = {{"architectures", c.architectures},
               {"model_type", std::string(model_type_name(c.form))},
               {"torch_dtype", c.dtype}};
  if (c.architectures.empty()) json["architectures"] = Json();
  JsonFieldWriter fields(json);
  fields("vocab_size", c.vocab_size);
  fields("tie_word_embeddings", c.tie_word_embeddings);
  write_form(json, c);
  describe_tokens(fields, c);
  if (!c.is_sequence_to_sequence()) {
    for (const char* key :
         {"decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id"}) {
      if (json[key].is_null()) json.erase(key);
    }
  }
  if (!c.problem_type.empty()) json["problem_type"] = c.problem_type;
  if (c.labels != default_pretrained_config(c.form).labels) {
    for (std::size_t i = 0; i < c.labels.size(); ++i) {
      json["id2label"][std::to_string(i)] = c.labels[i];
      json["label2id"][c.labels[i]] = i;
    }
  }
  for (const auto& [key, value] : c.ignored.items()) {
    if (!json.contains(key)) json[key] = value;
  }
  return json;
}

}  // namespace discreet::formats
