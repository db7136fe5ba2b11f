#include "discreet/formats/internal/config_features.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace discreet::formats::internal {
namespace {

constexpr auto kHarmless = std::to_array<std::string_view>({
    "_attn_implementation",
    "_commit_hash",
    "_name_or_path",
    "_num_labels",
    "attn_implementation",
    "auto_map",
    "chunk_size_feed_forward",
    "finetuning_task",
    "gradient_checkpointing",
    "init_std",
    "initializer_factor",
    "model_max_length",
    "name_or_path",
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "prefix",
    "pretraining_tp",
    "return_dict",
    "sinusoidal_pos_embds",
    "task_specific_params",
    "tf_legacy_loss",
    "tokenizer_class",
    "torchscript",
    "transformers_version",
    "use_bfloat16",
    "use_cache",
    "n_ctx",
    "sep_token_id",
    "return_dict_in_generate",
    "output_scores",
    // Of poolers and layouts that BERT's and ALBERT's classes never read.
    "directionality",
    "pooler_fc_size",
    "pooler_num_attention_heads",
    "pooler_num_fc_layers",
    "pooler_size_per_head",
    "pooler_type",
    "down_scale_factor",
    "gap_size",
    "net_structure_type",
    "num_memory_blocks",
    "n_positions",
    // Of generation.
    "bad_words_ids",
    "begin_suppress_tokens",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "exponential_decay_length_penalty",
    "length_penalty",
    "max_length",
    "max_new_tokens",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "remove_invalid_values",
    "repetition_penalty",
    "suppress_tokens",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
});

struct Feature {
  const char* key;
  const char* why;
};

/// Refuses every feature whose key is there and not off.
template <std::size_t N>
void refuse(JsonFieldReader& fields, const std::array<Feature, N>& features) {
  for (const Feature& feature : features) {
    const Json* value = fields.find(feature.key);
    if (value != nullptr && !is_off(*value)) {
      throw unsupported(fields.origin(), feature.key, *value, feature.why);
    }
  }
}

}  // namespace

Error unsupported(const std::string& origin, const std::string& key, const Json& value,
                  const std::string& why) {
  return bad_data(fmt::format("{}: {} = {} is not supported: {}", origin, key,
                              shown_json(value), why));
}

bool is_off(const Json& value) {
  return value.is_null() || value == false || value == 0 || value == "" ||
         (value.is_structured() && value.empty());
}

void refuse_common(JsonFieldReader& fields) {
  refuse(fields, std::to_array<Feature>({
                     {"quantization_config",
                      "quantised weights; export the model in float32, "
                      "float16 or bfloat16, or import a GGUF file"},
                     {"compression_config", "compressed weights"},
                     {"pruned_heads", "layers with different numbers of heads"},
                     {"add_cross_attention", "a decoder that attends to another model"},
                     {"cross_attention_hidden_size", "a decoder that attends to another model"},
                     {"num_local_experts", "mixtures of experts"},
                     {"num_experts", "mixtures of experts"},
                     {"n_routed_experts", "mixtures of experts"},
                     {"use_sliding_window", "attention within a window"},
                     {"attention_chunk_size", "attention within chunks"},
                     {"adapters", "adapters inside a model's own configuration"},
                     {"tie_encoder_decoder", "an encoder and a decoder of the same weights"},
                 }));
  if (const Json* types = fields.find("layer_types"); types != nullptr && types->is_array()) {
    for (const Json& type : *types) {
      if (type != "full_attention") {
        throw unsupported(fields.origin(), "layer_types", type, "layers without full attention");
      }
    }
  }
  if (const Json* kind = fields.find("position_embedding_type");
      kind != nullptr && !kind->is_null() && *kind != "absolute") {
    throw unsupported(fields.origin(), "position_embedding_type", *kind,
                      "positions are absolute here");
  }
}

void refuse_of_form(JsonFieldReader& fields, ModelForm form) {
  switch (form) {
    case ModelForm::kBert:
    case ModelForm::kRoberta:
    case ModelForm::kXlmRoberta:
    case ModelForm::kElectra:
      refuse(fields, std::to_array<Feature>(
                         {{"is_decoder", "an encoder that is used as a causal model"},
                          {"is_encoder_decoder", "an encoder as a part of another model"}}));
      return;
    case ModelForm::kBart:
      // Of old files; the classes of today ignore them, so that weights made with them fail there.
      refuse(fields,
             std::to_array<Feature>({{"is_decoder", "the decoder alone"},
                                     {"normalize_before", "layers with the norm before each part"},
                                     {"add_final_layer_norm", "a last layer norm"},
                                     {"static_position_embeddings", "positions as sines"}}));
      for (const char* key : {"normalize_embedding", "is_encoder_decoder"}) {
        const Json* value = fields.find(key);
        if (value != nullptr && *value != true) {
          throw unsupported(fields.origin(), key, *value, "it is true here");
        }
      }
      if (const Json* extra = fields.find("extra_pos_embeddings");
          extra != nullptr && *extra != 2 && !extra->is_null()) {
        throw unsupported(fields.origin(), "extra_pos_embeddings", *extra, "it is 2 here");
      }
      fields.skip("add_bias_logits");
      fields.skip("decoder_layerdrop");
      fields.skip("encoder_layerdrop");
      fields.skip("num_hidden_layers");
      return;
    case ModelForm::kMistral:
      refuse(fields, std::to_array<Feature>({{"attention_bias", "mistral has no biases"},
                                             {"mlp_bias", "mistral has no biases"}}));
      return;
    case ModelForm::kT5:
      refuse(fields,
             std::to_array<Feature>({{"is_decoder", "the decoder alone"},
                                     {"num_sparse_encoder_layers", "mixtures of experts"},
                                     {"num_sparse_decoder_layers", "mixtures of experts"}}));
      return;
    default:
      return;
  }
}

void skip_harmless(JsonFieldReader& fields) {
  for (const std::string_view key : kHarmless) fields.skip(std::string(key));
}

}  // namespace discreet::formats::internal
