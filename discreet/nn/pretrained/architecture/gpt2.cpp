#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/nn/pretrained/architecture.h"

namespace discreet {
namespace nn {
namespace {

PretrainedForm gpt2_form(const formats::PretrainedConfig& config) {
  PretrainedForm form = common_form(config);
  form.causal = form.pre_norm = form.final_norm = true;
  form.padding = config.pad_token_id.value_or(-1);
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    double scale = config.gpt2.scale_attention ? 1 / std::sqrt(static_cast<double>(form.head_width)) : 1;
    if (config.gpt2.scale_by_inverse_layer) scale /= static_cast<double>(layer + 1);
    form.attention_scales.push_back(scale);
  }
  return form;
}

Architecture gpt2_architecture() {
  std::vector<WeightRow> rows{{.ours = "encoder.words.weight", .theirs = {"wte.weight"}},
                              {.ours = "encoder.positions.weight", .theirs = {"wpe.weight"}}};
  const std::string ours = "encoder.block{}.", theirs = "h.{}.";
  add_norm(rows, ours + "attention_norm", theirs + "ln_1");
  add_linear(rows, ours + "qkv", {theirs + "attn.c_attn"}, true, true);
  add_linear(rows, ours + "projection", {theirs + "attn.c_proj"}, true, true);
  add_norm(rows, ours + "inner_norm", theirs + "ln_2");
  add_linear(rows, ours + "inner", {theirs + "mlp.c_fc"}, true, true);
  add_linear(rows, ours + "outer", {theirs + "mlp.c_proj"}, true, true);
  add_norm(rows, "encoder.final_norm", "ln_f");
  return {.prefix = "transformer.",
          .rows = rows,
          .heads = {{PretrainedHead::kNone, "GPT2Model"},
                    {PretrainedHead::kNextToken, "GPT2LMHeadModel",
                     {{.ours = "encoder.decoder.weight", .theirs = {"lm_head.weight"}, .base = false}}},
                    {PretrainedHead::kSequence, "GPT2ForSequenceClassification",
                     {{.ours = "intent_head.weight", .theirs = {"score.weight"}, .base = false}}},
                    {PretrainedHead::kTokens, "GPT2ForTokenClassification",
                     linear_head("slot_head", "classifier")},
                    {PretrainedHead::kSpan, "GPT2ForQuestionAnswering",
                     linear_head("span_head", "qa_outputs")}},
          .passed_over = {"*.attn.bias", "*.attn.masked_bias"},
          .form = gpt2_form};
}

}  // namespace
}  // namespace nn

void register_architecture_gpt2(core::Registry& registry) {
  registry.add({.kind = "architecture",
                .name = "gpt2",
                .summary = "GPT-2: causal, learned positions",
                .reference = "Radford et al. 2019",
                .make = nn::MakeArchitecture(&nn::gpt2_architecture)});
}

}  // namespace discreet
