#include "discreet/core/registry.h"
#include "discreet/nn/pretrained/architecture.h"

namespace discreet {
namespace nn {
namespace {

PretrainedForm roberta_form(const formats::PretrainedConfig& config) {
  PretrainedForm form = encoder_form(config);
  form.padding = config.pad_token_id.value_or(-1);
  form.transform_activation = "gelu";  // whatever the layers have
  return form;
}

Architecture roberta_architecture() {
  std::vector<WeightRow> sequence = linear_head("intent_head", "classifier.out_proj");
  add_linear(sequence, "encoder.pooler", {"classifier.dense"}, false);
  const std::vector<WeightRow> masked =
      masked_head("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder", "lm_head.bias");
  Architecture out{.prefix = "roberta.",
                   .rows = bert_names(),
                   .passed_over = {"*embeddings.position_ids", "*embeddings.token_type_ids",
                                   "*pooler.dense.*"},
                   .form = roberta_form};
  for (const std::string name : {"Roberta", "XLMRoberta"}) {
    out.heads.push_back({PretrainedHead::kNone, name + "Model"});
    out.heads.push_back({PretrainedHead::kMaskedTokens, name + "ForMaskedLM", masked});
    out.heads.push_back({PretrainedHead::kSequence, name + "ForSequenceClassification", sequence});
    out.heads.push_back({PretrainedHead::kTokens, name + "ForTokenClassification",
                         linear_head("slot_head", "classifier")});
    out.heads.push_back({PretrainedHead::kSpan, name + "ForQuestionAnswering",
                         linear_head("span_head", "qa_outputs")});
  }
  return out;
}

}  // namespace
}  // namespace nn

void register_architecture_roberta(core::Registry& registry) {
  registry.add({.kind = "architecture",
                .name = "roberta",
                .summary = "RoBERTa and XLM-RoBERTa: BERT's layers, positions counted from the padding id",
                .reference = "Liu et al. 2019; Conneau et al. 2020",
                .make = nn::MakeArchitecture(&nn::roberta_architecture)});
}

}  // namespace discreet
