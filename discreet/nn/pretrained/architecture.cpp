#include "discreet/nn/pretrained/architecture.h"

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/registry.h"

namespace discreet::nn {
namespace {

std::string classes_of(const Architecture& architecture) {
  std::string text;
  for (const HeadForm& form : architecture.heads) text += (text.empty() ? "" : ", ") + form.class_name;
  return text;
}

}  // namespace

Architecture architecture_of(const formats::PretrainedConfig& config) {
  std::string name(formats::model_type_name(config.form));
  if (config.form == formats::ModelForm::kXlmRoberta) name = "roberta";
  if (config.form == formats::ModelForm::kMistral) name = "llama";
  if (!core::registry().contains("architecture", name)) {
    std::string known;
    for (const core::Entry* entry : core::registry().list("architecture")) {
      known += (known.empty() ? "" : ", ") + entry->name;
    }
    throw bad_data(fmt::format("model_type '{}' cannot be run as one stack of layers", name),
                   "Here are known: " + known + ".");
  }
  return core::registry().make<MakeArchitecture>("architecture", name)();
}

const HeadForm& head_of(const Architecture& architecture, const formats::PretrainedConfig& config) {
  formats::check_model_class(config);
  const std::string name = config.architectures.empty() ? "" : config.architectures.front();
  for (const HeadForm& form : architecture.heads) {
    if (form.class_name == name || (name.empty() && form.head == PretrainedHead::kNone)) return form;
  }
  throw internal_error("the class " + name + " has no head");
}

const HeadForm& head_of(const Architecture& architecture, PretrainedHead head,
                        std::string_view model_type) {
  for (const HeadForm& form : architecture.heads) {
    if (form.head == head) return form;
  }
  throw usage_error(fmt::format("a model of type '{}' has no head of this sort", model_type),
                    "It has: " + classes_of(architecture) + ".");
}

formats::PretrainedConfig read_source_config(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "config.json";
  const Json json = core::parse_json(core::read_file(file), file.string());
  const bool run = json.is_object() && json.contains("pretrained");
  return formats::parse_pretrained_config(run ? json.at("pretrained") : json, file.string());
}

PretrainedSource open_source(const std::filesystem::path& folder) {
  PretrainedSource source;
  source.config = read_source_config(folder);
  source.architecture = architecture_of(source.config);
  source.form = source.architecture.form(source.config);
  return source;
}

std::string activation_word(const formats::PretrainedConfig& config) {
  const auto activation = formats::find_activation(config.activation);
  if (!activation) {
    throw bad_data(fmt::format("config.json: the activation '{}' is not known for model_type '{}'",
                               config.activation, formats::model_type_name(config.form)),
                   "Known are gelu, gelu_new and its other names, quick_gelu, relu, silu and tanh.");
  }
  switch (*activation) {
    case formats::Activation::kGelu:
      return "gelu";
    case formats::Activation::kGeluTanh:
      return "gelu-tanh";
    case formats::Activation::kQuickGelu:
      return "quick-gelu";
    case formats::Activation::kRelu:
      return "relu";
    case formats::Activation::kSilu:
      return "silu";
    case formats::Activation::kTanh:
      return "tanh";
  }
  throw internal_error("an activation without a name");
}

PretrainedForm common_form(const formats::PretrainedConfig& config) {
  PretrainedForm form;
  form.vocabulary = config.vocab_size;
  form.width = form.embedding_width = config.hidden_size;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) form.blocks.push_back(layer);
  form.heads = form.kv_heads = config.heads;
  form.head_width = config.hidden_size / config.heads;
  form.feed_forward = config.intermediate_size;
  form.position_rows = config.position_rows();
  form.position_offset = config.position_offset();
  form.longest = config.max_tokens().value_or(std::int64_t{1} << 20);
  form.norm_epsilon = config.norm_eps;
  form.attention_dropout = config.attention_dropout;
  form.tied = config.tie_word_embeddings;
  form.activation = activation_word(config);
  return form;
}

PretrainedForm encoder_form(const formats::PretrainedConfig& config) {
  PretrainedForm form = common_form(config);
  form.token_types = config.encoder.type_vocab_size;
  form.embedding_norm = true;
  form.output_bias = true;
  form.transform_activation = form.activation;
  form.pooler_activation = "tanh";
  return form;
}

void add_linear(std::vector<WeightRow>& rows, const std::string& ours,
                const std::vector<std::string>& theirs, bool base, bool transposed) {
  WeightRow weight{.ours = ours + ".weight", .transposed = transposed, .base = base};
  WeightRow bias{.ours = ours + ".bias", .base = base};
  for (const std::string& name : theirs) {
    weight.theirs.push_back(name + ".weight");
    bias.theirs.push_back(name + ".bias");
  }
  rows.push_back(std::move(weight));
  rows.push_back(std::move(bias));
}

void add_norm(std::vector<WeightRow>& rows, const std::string& ours, const std::string& theirs,
              bool base, bool beta) {
  rows.push_back({.ours = ours + ".gamma", .theirs = {theirs + ".weight"}, .base = base});
  if (beta) rows.push_back({.ours = ours + ".beta", .theirs = {theirs + ".bias"}, .base = base});
}

std::vector<WeightRow> bert_names() {
  std::vector<WeightRow> rows{
      {.ours = "encoder.words.weight", .theirs = {"embeddings.word_embeddings.weight"}},
      {.ours = "encoder.positions.weight", .theirs = {"embeddings.position_embeddings.weight"}},
      {.ours = "encoder.token_types.weight", .theirs = {"embeddings.token_type_embeddings.weight"}}};
  add_norm(rows, "encoder.embedding_norm", "embeddings.LayerNorm");
  const std::string ours = "encoder.block{}.", theirs = "encoder.layer.{}.";
  const std::string self = theirs + "attention.self.";
  add_linear(rows, ours + "qkv", {self + "query", self + "key", self + "value"});
  add_linear(rows, ours + "projection", {theirs + "attention.output.dense"});
  add_norm(rows, ours + "attention_norm", theirs + "attention.output.LayerNorm");
  add_linear(rows, ours + "inner", {theirs + "intermediate.dense"});
  add_linear(rows, ours + "outer", {theirs + "output.dense"});
  add_norm(rows, ours + "inner_norm", theirs + "output.LayerNorm");
  return rows;
}

std::vector<WeightRow> linear_head(const std::string& ours, const std::string& theirs) {
  std::vector<WeightRow> rows;
  add_linear(rows, ours, {theirs}, false);
  return rows;
}

std::vector<WeightRow> masked_head(const std::string& dense, const std::string& norm,
                                   const std::string& decoder, const std::string& bias) {
  std::vector<WeightRow> rows;
  add_linear(rows, "encoder.transform", {dense}, false);
  add_norm(rows, "encoder.transform_norm", norm, false);
  // A tied layer adds the head's own bias, one with weights of its own the bias beside them; files have either.
  const std::string beside = decoder + ".bias";
  rows.push_back({.ours = "encoder.words.bias", .theirs = {bias}, .also = beside, .base = false});
  rows.push_back({.ours = "encoder.decoder.bias", .theirs = {beside}, .also = bias, .base = false});
  rows.push_back({.ours = "encoder.decoder.weight", .theirs = {decoder + ".weight"}, .base = false});
  return rows;
}

}  // namespace discreet::nn
