#include <fmt/format.h>

#include <array>

#include "discreet/formats/internal/config_parts.h"

// What a config.json leaves out, as the configuration classes of transformers 5 have it.

namespace discreet::formats {
namespace {

struct ActivationName {
  std::string_view name;
  Activation activation;
};
constexpr std::array<ActivationName, 12> kActivations = {{
    {"gelu", Activation::kGelu},
    {"gelu_python", Activation::kGelu},
    {"gelu_new", Activation::kGeluTanh},
    {"gelu_fast", Activation::kGeluTanh},
    {"gelu_pytorch_tanh", Activation::kGeluTanh},
    {"gelu_python_tanh", Activation::kGeluTanh},
    {"gelu_accurate", Activation::kGeluTanh},
    {"quick_gelu", Activation::kQuickGelu},
    {"relu", Activation::kRelu},
    {"silu", Activation::kSilu},
    {"swish", Activation::kSilu},
    {"tanh", Activation::kTanh},
}};

}  // namespace

namespace internal {

std::vector<std::string> activation_names() {
  std::vector<std::string> names;
  for (const auto& entry : kActivations) names.emplace_back(entry.name);
  return names;
}

std::vector<std::string> numbered_labels(std::int64_t count) {
  std::vector<std::string> labels;
  for (std::int64_t i = 0; i < count; ++i) labels.push_back(fmt::format("LABEL_{}", i));
  return labels;
}

}  // namespace internal

using internal::numbered_labels;

std::optional<Activation> find_activation(std::string_view name) {
  for (const auto& entry : kActivations) {
    if (entry.name == name) return entry.activation;
  }
  return std::nullopt;
}

std::int64_t PretrainedConfig::position_offset() const {
  if (form == ModelForm::kBart) return 2;
  if (form == ModelForm::kRoberta || form == ModelForm::kXlmRoberta) {
    return pad_token_id.value_or(1) + 1;
  }
  return 0;
}

std::int64_t PretrainedConfig::position_rows() const {
  if (form == ModelForm::kLlama || form == ModelForm::kMistral || form == ModelForm::kT5) return 0;
  return max_position_embeddings + (form == ModelForm::kBart ? position_offset() : 0);
}

std::optional<std::int64_t> PretrainedConfig::max_tokens() const {
  if (form == ModelForm::kT5) return std::nullopt;
  const bool counted = form == ModelForm::kRoberta || form == ModelForm::kXlmRoberta;
  return max_position_embeddings - (counted ? position_offset() : 0);
}

PretrainedConfig default_pretrained_config(ModelForm form) {
  PretrainedConfig c;
  c.form = form;
  c.vocab_size = 30522;
  c.hidden_size = 768;
  c.layers = c.heads = 12;
  c.intermediate_size = 3072;
  c.max_position_embeddings = 512;
  c.hidden_dropout = c.attention_dropout = 0.1;
  c.pad_token_id = 0;
  c.labels = numbered_labels(form == ModelForm::kBart ? 3 : 2);
  switch (form) {
    case ModelForm::kBert:
      break;
    case ModelForm::kRoberta:
      c.vocab_size = 50265;
      [[fallthrough]];
    case ModelForm::kXlmRoberta:
      c.bos_token_id = 0;
      c.pad_token_id = 1;
      c.eos_token_ids = {2};
      break;
    case ModelForm::kDistilBert:
      c.layers = 6;
      c.encoder.type_vocab_size = 0;
      c.classifier_dropout = 0.2;
      break;
    case ModelForm::kElectra:
      c.hidden_size = 256;
      c.encoder.embedding_size = 128;
      c.heads = 4;
      c.intermediate_size = 1024;
      c.summary = {"first", true, "gelu", true, 0.1};
      break;
    case ModelForm::kAlbert:
      c.vocab_size = 30000;
      c.hidden_size = 4096;
      c.encoder.embedding_size = 128;
      c.heads = 64;
      c.intermediate_size = 16384;
      c.activation = "gelu_new";
      c.hidden_dropout = c.attention_dropout = 0.0;
      c.classifier_dropout = 0.1;
      c.bos_token_id = 2;
      c.eos_token_ids = {3};
      break;
    case ModelForm::kGpt2:
      c.vocab_size = 50257;
      c.max_position_embeddings = 1024;
      c.activation = "gelu_new";
      c.norm_eps = 1e-5;
      c.bos_token_id = 50256;
      c.eos_token_ids = {50256};
      c.pad_token_id.reset();
      c.summary = {"cls_index", true, std::nullopt, true, 0.1};
      break;
    case ModelForm::kLlama:
    case ModelForm::kMistral:
      c.vocab_size = 32000;
      c.hidden_size = 4096;
      c.layers = c.heads = c.llama.key_value_heads = 32;
      c.intermediate_size = form == ModelForm::kLlama ? 11008 : 14336;
      c.max_position_embeddings = form == ModelForm::kLlama ? 2048 : 131072;
      if (form == ModelForm::kMistral) c.llama.key_value_heads = 8;
      c.llama.head_size = 128;
      c.activation = "silu";
      c.norm_eps = 1e-6;
      c.hidden_dropout = c.attention_dropout = 0.0;
      c.bos_token_id = 1;
      c.eos_token_ids = {2};
      c.pad_token_id.reset();
      c.tie_word_embeddings = false;
      break;
    case ModelForm::kBart:
      c.vocab_size = 50265;
      c.hidden_size = 1024;
      c.heads = 16;
      c.intermediate_size = 4096;
      c.max_position_embeddings = 1024;
      c.norm_eps = 1e-5;
      c.attention_dropout = 0.0;
      c.classifier_dropout = 0.0;
      c.bos_token_id = 0;
      c.pad_token_id = 1;
      c.eos_token_ids = c.forced_eos_token_ids = {2};
      c.decoder_start_token_id = 2;
      break;
    case ModelForm::kT5:
      c.vocab_size = 32128;
      c.hidden_size = 512;
      c.layers = 6;
      c.heads = 8;
      c.intermediate_size = 2048;
      c.activation = "relu";
      c.norm_eps = 1e-6;
      c.max_position_embeddings = 0;
      c.initializer_range = 1.0;
      c.classifier_dropout = 0.0;
      c.eos_token_ids = {1};
      break;
  }
  if (form != ModelForm::kElectra && form != ModelForm::kAlbert) {
    c.encoder.embedding_size = c.hidden_size;
  }
  return c;
}

}  // namespace discreet::formats
