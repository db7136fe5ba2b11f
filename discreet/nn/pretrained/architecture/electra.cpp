#include "discreet/core/registry.h"
#include "discreet/nn/pretrained/architecture.h"

namespace discreet {
namespace nn {
namespace {

PretrainedForm electra_form(const formats::PretrainedConfig& config) {
  PretrainedForm form = encoder_form(config);
  form.embedding_width = config.encoder.embedding_size;
  form.embedding_projection = form.embedding_width != form.width;
  // Of the generator and of the classifier, whatever the layers have.
  form.transform_activation = "gelu";
  form.pooler_activation = "gelu";
  return form;
}

Architecture electra_architecture() {
  std::vector<WeightRow> rows = bert_names();
  add_linear(rows, "encoder.embedding_projection", {"embeddings_project"});
  std::vector<WeightRow> sequence = linear_head("intent_head", "classifier.out_proj");
  add_linear(sequence, "encoder.pooler", {"classifier.dense"}, false);
  return {.prefix = "electra.",
          .rows = rows,
          .heads = {{PretrainedHead::kNone, "ElectraModel"},
                    {PretrainedHead::kMaskedTokens, "ElectraForMaskedLM",
                     masked_head("generator_predictions.dense", "generator_predictions.LayerNorm",
                                 "generator_lm_head", "generator_lm_head.bias")},
                    {PretrainedHead::kSequence, "ElectraForSequenceClassification", sequence},
                    {PretrainedHead::kTokens, "ElectraForTokenClassification",
                     linear_head("slot_head", "classifier")},
                    {PretrainedHead::kSpan, "ElectraForQuestionAnswering",
                     linear_head("span_head", "qa_outputs")}},
          .passed_over = {"*embeddings.position_ids", "*embeddings.token_type_ids",
                          "discriminator_predictions.*"},
          .form = electra_form};
}

}  // namespace
}  // namespace nn

void register_architecture_electra(core::Registry& registry) {
  registry.add({.kind = "architecture",
                .name = "electra",
                .summary = "ELECTRA: BERT's layers over narrower embeddings",
                .reference = "Clark et al. 2020",
                .make = nn::MakeArchitecture(&nn::electra_architecture)});
}

}  // namespace discreet
