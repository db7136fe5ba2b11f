#include "discreet/core/registry.h"
#include "discreet/nn/pretrained/architecture.h"

namespace discreet {
namespace nn {
namespace {

PretrainedForm distilbert_form(const formats::PretrainedConfig& config) {
  PretrainedForm form = encoder_form(config);
  form.token_types = 0;
  form.pooler_activation = "relu";
  return form;
}

Architecture distilbert_architecture() {
  std::vector<WeightRow> rows{
      {.ours = "encoder.words.weight", .theirs = {"embeddings.word_embeddings.weight"}},
      {.ours = "encoder.positions.weight", .theirs = {"embeddings.position_embeddings.weight"}}};
  add_norm(rows, "encoder.embedding_norm", "embeddings.LayerNorm");
  const std::string ours = "encoder.block{}.", theirs = "transformer.layer.{}.";
  const std::string self = theirs + "attention.";
  add_linear(rows, ours + "qkv", {self + "q_lin", self + "k_lin", self + "v_lin"});
  add_linear(rows, ours + "projection", {self + "out_lin"});
  add_norm(rows, ours + "attention_norm", theirs + "sa_layer_norm");
  add_linear(rows, ours + "inner", {theirs + "ffn.lin1"});
  add_linear(rows, ours + "outer", {theirs + "ffn.lin2"});
  add_norm(rows, ours + "inner_norm", theirs + "output_layer_norm");
  std::vector<WeightRow> sequence = linear_head("intent_head", "classifier");
  add_linear(sequence, "encoder.pooler", {"pre_classifier"}, false);
  return {.prefix = "distilbert.",
          .rows = rows,
          .heads = {{PretrainedHead::kNone, "DistilBertModel"},
                    {PretrainedHead::kMaskedTokens, "DistilBertForMaskedLM",
                     masked_head("vocab_transform", "vocab_layer_norm", "vocab_projector",
                                 "vocab_projector.bias")},
                    {PretrainedHead::kSequence, "DistilBertForSequenceClassification", sequence},
                    {PretrainedHead::kTokens, "DistilBertForTokenClassification",
                     linear_head("slot_head", "classifier")},
                    {PretrainedHead::kSpan, "DistilBertForQuestionAnswering",
                     linear_head("span_head", "qa_outputs")}},
          .passed_over = {"*embeddings.position_ids"},
          .form = distilbert_form};
}

}  // namespace
}  // namespace nn

void register_architecture_distilbert(core::Registry& registry) {
  registry.add({.kind = "architecture",
                .name = "distilbert",
                .summary = "DistilBERT: BERT without token types, half the layers",
                .reference = "Sanh et al. 2019",
                .make = nn::MakeArchitecture(&nn::distilbert_architecture)});
}

}  // namespace discreet
