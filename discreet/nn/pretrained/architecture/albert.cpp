#include <fmt/format.h>

#include "discreet/core/registry.h"
#include "discreet/nn/pretrained/architecture.h"

namespace discreet {
namespace nn {
namespace {

/// Layer i is all blocks of group i / (layers / groups), one after the other.
PretrainedForm albert_form(const formats::PretrainedConfig& config) {
  PretrainedForm form = encoder_form(config);
  form.embedding_width = config.encoder.embedding_size;
  form.embedding_projection = true;
  const std::int64_t inner = config.encoder.inner_groups;
  form.blocks.clear();
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    // In floating point, as the form's authors have it: layers need not be a multiple of groups.
    const auto group = static_cast<std::int64_t>(
        static_cast<double>(layer) /
        (static_cast<double>(config.layers) / static_cast<double>(config.encoder.hidden_groups)));
    for (std::int64_t block = 0; block < inner; ++block) form.blocks.push_back(group * inner + block);
  }
  return form;
}

std::string albert_block(const formats::PretrainedConfig& config, std::int64_t block) {
  const std::int64_t inner = config.encoder.inner_groups;
  return fmt::format("{}.albert_layers.{}", block / inner, block % inner);
}

Architecture albert_architecture() {
  std::vector<WeightRow> rows = bert_names();
  std::erase_if(rows, [](const WeightRow& row) { return row.ours.find("block") != std::string::npos; });
  add_linear(rows, "encoder.embedding_projection", {"encoder.embedding_hidden_mapping_in"});
  const std::string ours = "encoder.block{}.", theirs = "encoder.albert_layer_groups.{}.";
  const std::string self = theirs + "attention.";
  add_linear(rows, ours + "qkv", {self + "query", self + "key", self + "value"});
  add_linear(rows, ours + "projection", {self + "dense"});
  add_norm(rows, ours + "attention_norm", self + "LayerNorm");
  add_linear(rows, ours + "inner", {theirs + "ffn"});
  add_linear(rows, ours + "outer", {theirs + "ffn_output"});
  add_norm(rows, ours + "inner_norm", theirs + "full_layer_layer_norm");
  std::vector<WeightRow> sequence = linear_head("intent_head", "classifier");
  add_linear(sequence, "encoder.pooler", {"pooler"});
  const std::vector<WeightRow> masked = masked_head("predictions.dense", "predictions.LayerNorm",
                                                    "predictions.decoder", "predictions.bias");
  return {.prefix = "albert.",
          .rows = rows,
          .heads = {{PretrainedHead::kNone, "AlbertModel"},
                    {PretrainedHead::kMaskedTokens, "AlbertForMaskedLM", masked},
                    {PretrainedHead::kMaskedTokens, "AlbertForPreTraining", masked},
                    {PretrainedHead::kSequence, "AlbertForSequenceClassification", sequence},
                    {PretrainedHead::kTokens, "AlbertForTokenClassification",
                     linear_head("slot_head", "classifier")},
                    {PretrainedHead::kSpan, "AlbertForQuestionAnswering",
                     linear_head("span_head", "qa_outputs")}},
          .passed_over = {"*embeddings.position_ids", "*embeddings.token_type_ids",
                          "sop_classifier.*"},
          .form = albert_form,
          .block_name = albert_block};
}

}  // namespace
}  // namespace nn

void register_architecture_albert(core::Registry& registry) {
  registry.add({.kind = "architecture",
                .name = "albert",
                .summary = "ALBERT: layers that share their weights, narrow embeddings",
                .reference = "Lan et al. 2020",
                .make = nn::MakeArchitecture(&nn::albert_architecture)});
}

}  // namespace discreet
