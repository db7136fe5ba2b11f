#include "discreet/core/registry.h"
#include "discreet/nn/pretrained/architecture.h"

namespace discreet {
namespace nn {
namespace {

Architecture bert_architecture() {
  std::vector<WeightRow> sequence = linear_head("intent_head", "classifier");
  add_linear(sequence, "encoder.pooler", {"pooler.dense"});
  std::vector<WeightRow> next_sentence = linear_head("intent_head", "cls.seq_relationship");
  add_linear(next_sentence, "encoder.pooler", {"pooler.dense"});
  const std::vector<WeightRow> masked =
      masked_head("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm",
                  "cls.predictions.decoder", "cls.predictions.bias");
  return {.prefix = "bert.",
          .rows = bert_names(),
          .heads = {{PretrainedHead::kNone, "BertModel"},
                    {PretrainedHead::kMaskedTokens, "BertForMaskedLM", masked},
                    {PretrainedHead::kMaskedTokens, "BertForPreTraining", masked},
                    {PretrainedHead::kSequence, "BertForSequenceClassification", sequence},
                    {PretrainedHead::kSequence, "BertForNextSentencePrediction", next_sentence},
                    {PretrainedHead::kTokens, "BertForTokenClassification",
                     linear_head("slot_head", "classifier")},
                    {PretrainedHead::kSpan, "BertForQuestionAnswering",
                     linear_head("span_head", "qa_outputs")}},
          .passed_over = {"*embeddings.position_ids", "*embeddings.token_type_ids",
                          "cls.seq_relationship.*"},
          .form = encoder_form};
}

}  // namespace
}  // namespace nn

void register_architecture_bert(core::Registry& registry) {
  registry.add({.kind = "architecture",
                .name = "bert",
                .summary = "BERT: masked tokens, sequences, tokens, spans",
                .reference = "Devlin et al. 2019",
                .make = nn::MakeArchitecture(&nn::bert_architecture)});
}

}  // namespace discreet
