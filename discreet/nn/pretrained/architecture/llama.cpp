#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/nn/pretrained/architecture.h"

namespace discreet {
namespace nn {
namespace {

PretrainedForm llama_form(const formats::PretrainedConfig& config) {
  PretrainedForm form = common_form(config);
  form.gated = form.activation != "silu";
  if (!form.gated) form.activation = "swiglu";  // gated itself
  form.padding = config.pad_token_id.value_or(-1);
  form.kv_heads = config.llama.key_value_heads;
  form.head_width = config.llama.head_size;
  form.causal = form.pre_norm = form.final_norm = form.rms_norm = form.rotary = true;
  form.rotary_frequencies = config.llama.rope.frequencies(form.head_width);
  // What multiplies both queries and keys multiplies their scores twice.
  if (const double scaling = config.llama.rope.attention_scaling(); scaling != 1) {
    form.attention_scales.assign(form.blocks.size(),
                                 scaling * scaling / std::sqrt(static_cast<double>(form.head_width)));
  }
  form.qkv_bias = form.projection_bias = config.llama.attention_bias;
  form.feed_forward_bias = config.llama.mlp_bias;
  return form;
}

Architecture llama_architecture() {
  std::vector<WeightRow> rows{{.ours = "encoder.words.weight", .theirs = {"embed_tokens.weight"}}};
  const std::string ours = "encoder.block{}.", theirs = "layers.{}.";
  const std::string self = theirs + "self_attn.";
  add_norm(rows, ours + "attention_norm", theirs + "input_layernorm", true, false);
  add_linear(rows, ours + "qkv", {self + "q_proj", self + "k_proj", self + "v_proj"});
  add_linear(rows, ours + "projection", {self + "o_proj"});
  add_norm(rows, ours + "inner_norm", theirs + "post_attention_layernorm", true, false);
  add_linear(rows, ours + "inner", {theirs + "mlp.gate_proj", theirs + "mlp.up_proj"});
  add_linear(rows, ours + "outer", {theirs + "mlp.down_proj"});
  add_norm(rows, "encoder.final_norm", "norm", true, false);
  Architecture out{.prefix = "model.",
                   .rows = rows,
                   .passed_over = {"*rotary_emb.inv_freq"},
                   .form = llama_form};
  for (const std::string name : {"Llama", "Mistral"}) {
    out.heads.push_back({PretrainedHead::kNone, name + "Model"});
    out.heads.push_back(
        {PretrainedHead::kNextToken, name + "ForCausalLM",
         {{.ours = "encoder.decoder.weight", .theirs = {"lm_head.weight"}, .base = false}}});
    out.heads.push_back({PretrainedHead::kSequence, name + "ForSequenceClassification",
                         {{.ours = "intent_head.weight", .theirs = {"score.weight"}, .base = false}}});
    out.heads.push_back(
        {PretrainedHead::kTokens, name + "ForTokenClassification", linear_head("slot_head", "score")});
  }
  return out;
}

}  // namespace
}  // namespace nn

void register_architecture_llama(core::Registry& registry) {
  registry.add({.kind = "architecture",
                .name = "llama",
                .summary = "Llama and Mistral: causal, rotary positions, grouped queries, gated layers",
                .reference = "Touvron et al. 2023; Jiang et al. 2023",
                .make = nn::MakeArchitecture(&nn::llama_architecture)});
}

}  // namespace discreet
