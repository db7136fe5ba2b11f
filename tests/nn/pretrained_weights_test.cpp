// Names of weights in both directions, what a folder lacks or has beyond them, PEFT's adapters, rates by
// layer; and that packed batches are all rows there are.
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/formats/safetensors.h"
#include "discreet/nn/adapt.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/pretrained/adapter.h"
#include "discreet/nn/pretrained/model.h"
#include "tests/dp/tensor_registry.h"
#include "tests/nn/support.h"
#include "tests/nn/tiny_pretrained.h"

namespace discreet::nn::test {
namespace {
namespace fs = std::filesystem;

constexpr std::int64_t kWords = 13;

std::shared_ptr<PretrainedModel> tiny_model(const std::string& type, const std::string& class_name,
                                            Json more = Json::object()) {
  dp::tensor_registry();
  more["architectures"] = {class_name};
  PretrainedSource source = open_source(tiny_pretrained(type, kWords, more));
  const HeadForm head = head_of(source.architecture, source.config);
  core::ReproducibleRng rng(3, "tiny");
  auto model = std::make_shared<PretrainedModel>(std::move(source), head, rng);
  const at::NoGradGuard no_gradients;
  for (at::Tensor& parameter : model->parameters()) {
    parameter.copy_(parameter + random_tensor(parameter.sizes(), rng, at::kFloat) * 0.1);
  }
  model->eval();
  return model;
}

fs::path saved(const PretrainedModel& model) {
  const fs::path folder = tiny_pretrained("bert", kWords);
  save_pretrained(folder, model);
  return folder;
}

PackedBatch tiny_batch() {
  core::ReproducibleRng rng(5, "tiny-batch");
  EncodedExamples data = random_examples({4, 1, 7}, kWords, 3, rng);
  data.character_offsets.clear();
  data.characters.clear();
  return collate_all(data);
}

at::Tensor answer_of(PretrainedModel& model) {
  const at::NoGradGuard no_gradients;
  PackedBatch batch = tiny_batch();
  batch.intent = batch.tags = at::Tensor();
  const ModelOutput out = model.forward(batch);
  return out.emissions.defined() ? out.emissions : out.intent_logits;
}

/// Rewrites the names of a folder's file; an empty one is left out.
void rename(const fs::path& folder, const std::function<std::string(const std::string&)>& to) {
  NamedTensors tensors;
  for (const auto& [name, tensor] : read_tensors(folder / "model.safetensors")) {
    if (const std::string now = to(name); !now.empty()) tensors.emplace_back(now, tensor);
  }
  write_tensors(folder / "model.safetensors", tensors);
}

std::string refusal(const fs::path& folder) {
  try {
    open_pretrained(folder);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    return error.what();
  }
  return "";
}

TEST(PretrainedWeights, TheBareModelNeedsNoPrefixAndOldNamesOfNormsAreRead) {
  const auto model = tiny_model("bert", "BertForMaskedLM");
  const fs::path folder = saved(*model);
  rename(folder, [](const std::string& name) {
    std::string now = name.starts_with("bert.") ? name.substr(5) : name;
    if (const auto at = now.find("LayerNorm.weight"); at != std::string::npos) now.replace(at, 16, "LayerNorm.gamma");
    if (const auto at = now.find("LayerNorm.bias"); at != std::string::npos) now.replace(at, 14, "LayerNorm.beta");
    return now;
  });
  EXPECT_TRUE(at::equal(answer_of(*open_pretrained(folder)), answer_of(*model)));
}

TEST(PretrainedWeights, HalfPrecisionIsWidened) {
  const auto model = tiny_model("gpt2", "GPT2LMHeadModel");
  const fs::path folder = saved(*model);
  std::vector<at::Tensor> kept;
  std::vector<formats::NamedTensorView> views;
  for (const auto& [name, tensor] : read_tensors(folder / "model.safetensors")) {
    const bool brain = kept.size() % 2 == 0;
    kept.push_back(tensor.to(brain ? at::kBFloat16 : at::kHalf).contiguous());
    views.push_back({name, {brain ? formats::DType::kBF16 : formats::DType::kF16, tensor.sizes().vec(),
                            {static_cast<const std::byte*>(kept.back().const_data_ptr()), kept.back().nbytes()}}});
  }
  formats::write_safetensors(folder / "model.safetensors", views);
  EXPECT_TRUE(at::allclose(answer_of(*open_pretrained(folder)), answer_of(*model), 0.05, 0.05));
}

TEST(PretrainedWeights, WhatIsMissingUnknownOrOfAnotherShapeIsNamed) {
  const auto model = tiny_model("bert", "BertForMaskedLM");
  const std::string query = "bert.encoder.layer.1.attention.self.query.weight";
  fs::path folder = saved(*model);
  rename(folder, [&](const std::string& name) { return name == query ? "" : name; });
  EXPECT_NE(refusal(folder).find("'" + query + "' is missing"), std::string::npos) << refusal(folder);
  folder = saved(*model);
  rename(folder, [&](const std::string& name) { return name == query ? name + "s" : name; });
  EXPECT_NE(refusal(folder), "");
  folder = saved(*model);
  NamedTensors more = read_tensors(folder / "model.safetensors");
  more.emplace_back("bert.encoder.layer.7.output.dense.bias", at::zeros({12}));
  write_tensors(folder / "model.safetensors", more);
  EXPECT_NE(refusal(folder).find("'bert.encoder.layer.7.output.dense.bias'"), std::string::npos);
  EXPECT_NE(refusal(folder).find("unknown"), std::string::npos);
  folder = saved(*model);
  more = read_tensors(folder / "model.safetensors");
  for (auto& [name, tensor] : more) {
    if (name == "bert.embeddings.position_embeddings.weight") tensor = at::zeros({25, 12});
  }
  write_tensors(folder / "model.safetensors", more);
  EXPECT_NE(refusal(folder).find("[25, 12]"), std::string::npos) << refusal(folder);
  EXPECT_NE(refusal(folder).find("[24, 12]"), std::string::npos);
}

TEST(PretrainedWeights, BuffersAndHeadsThatNobodyAsksForAreListed) {
  const auto model = tiny_model("bert", "BertForSequenceClassification");
  const fs::path folder = saved(*model);
  NamedTensors more = read_tensors(folder / "model.safetensors");
  more.emplace_back("bert.embeddings.position_ids", at::arange(24).view({1, 24}).to(at::kLong));
  more.emplace_back("cls.predictions.decoder.weight", at::zeros({kWords, 12}));
  write_tensors(folder / "model.safetensors", more);
  LoadedWeights loaded;
  open_pretrained(folder, &loaded);
  EXPECT_EQ(loaded.passed_over,
            (std::vector<std::string>{"bert.embeddings.position_ids", "cls.predictions.decoder.weight"}));
  EXPECT_TRUE(loaded.fresh.empty());
}

TEST(PretrainedWeights, AnUnknownClassIsNamed) {
  const fs::path folder = tiny_pretrained("bert", kWords, {{"architectures", {"BertForMultipleChoice"}}});
  const std::string message = refusal(folder);
  EXPECT_NE(message.find("BertForMultipleChoice"), std::string::npos) << message;
}

TEST(PretrainedWeights, ClassesThatAreKnownAreThoseThatAreBuilt) {
  for (const char* type : {"bert", "roberta", "xlm-roberta", "distilbert", "electra", "albert", "gpt2", "llama", "mistral"}) {
    dp::tensor_registry();
    const formats::PretrainedConfig config = read_source_config(
        tiny_pretrained(type, kWords, {{"pad_token_id", 1}, {"sliding_window", nullptr}, {"num_key_value_heads", 1}}));
    std::set<std::string> built;
    for (const HeadForm& head : architecture_of(config).heads) built.insert(head.class_name);
    const auto known = formats::model_classes(config.form);
    EXPECT_EQ(std::set<std::string>(known.begin(), known.end()), built) << type;
  }
}

TEST(PretrainedWeights, SizesAreComparedBeforeAModelOfThemIsMade) {
  const auto model = tiny_model("bert", "BertForMaskedLM");
  const fs::path folder = saved(*model);
  Json config = core::parse_json(core::read_file(folder / "config.json"), "config");
  // Such a model would take terabytes.
  for (const auto& [key, value] : {std::pair{"hidden_size", 3 << 20}, {"intermediate_size", 1 << 22}, {"num_hidden_layers", 1 << 14},
                                   {"max_position_embeddings", 1 << 30}, {"vocab_size", 1 << 30}}) {
    Json changed = config;
    changed[key] = value;
    core::write_file_atomically(folder / "config.json", changed.dump());
    const std::string message = refusal(folder);
    EXPECT_TRUE(message.find("config.json asks for [") != std::string::npos || message.find("is missing") != std::string::npos)
        << key << ": " << message;
  }
}

TEST(PretrainedWeights, ValuesThatAreNotFiniteAreRefusedByName) {
  const auto model = tiny_model("bert", "BertForMaskedLM");
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    const fs::path folder = saved(*model);
    NamedTensors tensors = read_tensors(folder / "model.safetensors");
    for (auto& [name, tensor] : tensors) {
      if (name == "bert.encoder.layer.1.output.dense.weight") tensor.view(-1)[5] = bad;
    }
    write_tensors(folder / "model.safetensors", tensors);
    EXPECT_NE(refusal(folder).find("'bert.encoder.layer.1.output.dense.weight' holds values that are not finite"), std::string::npos);
  }
}

TEST(PretrainedWeights, AnOutputLayerOfItsOwnHasTheBiasBesideIt) {
  for (const bool tied : {false, true}) {
    const auto model = tiny_model("bert", "BertForMaskedLM", {{"tie_word_embeddings", tied}});
    const fs::path folder = saved(*model);
    NamedTensors tensors = read_tensors(folder / "model.safetensors");
    const std::string own = "cls.predictions.decoder.bias", shared = "cls.predictions.bias";
    // The one that does not count is there too.
    tensors.emplace_back(tied ? own : shared, at::full({kWords}, 7.0));
    write_tensors(folder / "model.safetensors", tensors);
    EXPECT_TRUE(at::equal(answer_of(*open_pretrained(folder)), answer_of(*model))) << tied;
    // Of older files the other name is all there is.
    rename(folder, [&](const std::string& name) { return name == own ? (tied ? own : "") : name == shared ? (tied ? "" : own) : name; });
    EXPECT_EQ(refusal(folder), "") << tied;
  }
}

TEST(PretrainedWeights, PartsBesideTheModelAreWrittenAgain) {
  const auto model = tiny_model("bert", "BertModel");
  const fs::path folder = saved(*model), out = tiny_pretrained("bert", kWords);
  NamedTensors tensors = read_tensors(folder / "model.safetensors");
  const at::Tensor pooler = at::rand({12, 12});
  for (const auto& [name, tensor] : NamedTensors{{"pooler.dense.weight", pooler}, {"cls.seq_relationship.weight", at::ones({2, 12})},
                                                 {"embeddings.position_ids", at::arange(24).to(at::kFloat)}}) {
    tensors.emplace_back(name, tensor);
  }
  write_tensors(folder / "model.safetensors", tensors);
  LoadedWeights loaded{.wants_beside = true};
  const auto opened = open_pretrained(folder, &loaded);
  save_pretrained(out, *opened, {}, loaded.beside);
  std::map<std::string, at::Tensor> written;
  for (const auto& [name, tensor] : read_tensors(out / "model.safetensors")) written[name] = tensor;
  ASSERT_EQ(written.count("pooler.dense.weight"), 1u);
  EXPECT_TRUE(written["pooler.dense.weight"].equal(pooler));
  EXPECT_EQ(written.count("cls.seq_relationship.weight"), 1u);
  EXPECT_EQ(written.count("embeddings.position_ids"), 0u);
}

PackedBatch packed_rows(const std::vector<std::vector<std::int64_t>>& rows) {
  EncodedExamples data;
  for (const auto& row : rows) {
    data.tokens.insert(data.tokens.end(), row.begin(), row.end());
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
  }
  data.token_types.assign(data.tokens.size(), 0);
  return collate_all(data);
}

TEST(PretrainedPadding, TakesNoPositionWhereTheyAreCountedFromIt) {
  const auto model = tiny_model("roberta", "RobertaModel", {{"pad_token_id", 1}});
  const at::NoGradGuard no_gradients;
  // Without attention a row depends on its own token and position alone.
  for (auto& item : model->named_parameters()) {
    if (item.key().find("projection") != std::string::npos) item.value().zero_();
  }
  const PackedBatch padded = packed_rows({{5, 1, 6, 1}}), plain = packed_rows({{5, 6}});
  const at::Tensor rows = model->forward(padded).emissions, expected = model->forward(plain).emissions;
  EXPECT_TRUE(at::allclose(rows[0], expected[0], 1e-6, 1e-6));
  EXPECT_TRUE(at::allclose(rows[2], expected[1], 1e-6, 1e-6));
  EXPECT_TRUE(at::allclose(rows[1], rows[3], 1e-6, 1e-6));
}

TEST(PretrainedPadding, IsNotTheTokenThatACausalExampleIsClassifiedBy) {
  const at::NoGradGuard no_gradients;
  const auto model = tiny_model("gpt2", "GPT2ForSequenceClassification", {{"pad_token_id", 3}});
  const PackedBatch padded = packed_rows({{5, 6, 3, 3}, {3, 3}}), plain = packed_rows({{5, 6}, {3}});
  EXPECT_TRUE(at::allclose(model->forward(padded).intent_logits, model->forward(plain).intent_logits, 1e-6, 1e-6));
  const auto unaware = tiny_model("gpt2", "GPT2ForSequenceClassification");
  EXPECT_FALSE(at::allclose(unaware->forward(padded).intent_logits, unaware->forward(plain).intent_logits, 1e-3, 1e-3));
}

TEST(PretrainedActivations, EachKnownOneIsTakenByEachForm) {
  for (const char* name : {"gelu", "gelu_new", "quick_gelu", "relu", "silu", "swish", "tanh"}) {
    for (const auto& [type, class_name, key] : {std::tuple{"bert", "BertForMaskedLM", "hidden_act"},
                                                {"distilbert", "DistilBertForMaskedLM", "activation"},
                                                {"gpt2", "GPT2LMHeadModel", "activation_function"},
                                                {"llama", "LlamaForCausalLM", "hidden_act"}}) {
      const auto model = tiny_model(type, class_name, {{key, name}});
      EXPECT_TRUE(answer_of(*model).isfinite().all().item<bool>()) << type << " " << name;
      EXPECT_TRUE(at::equal(answer_of(*open_pretrained(saved(*model))), answer_of(*model))) << type << " " << name;
    }
  }
}

TEST(PackedPretrained, EveryRowIsATokenOrAnExample) {
  // No batch has padding, so no layer can see it: rows of each use are the batch's tokens or examples.
  for (const auto& [type, name] : {std::pair{"bert", "BertForSequenceClassification"},
                                   {"albert", "AlbertForMaskedLM"},
                                   {"llama", "LlamaForCausalLM"}}) {
    const auto model = tiny_model(type, name);
    PackedBatch batch = tiny_batch();
    batch.intent = batch.intent.clamp_max(1);  // of two labels
    KeepingRecorder recorder;
    {
      const RecordingScope scope(recorder);
      model->forward(batch).loss.sum().backward();
    }
    EXPECT_GT(recorder.uses.size(), 10u);
    for (const Use& use : recorder.uses) {
      const std::int64_t rows = use.gradients[0].size(0);
      EXPECT_TRUE(rows == batch.token_count() || rows == batch.examples()) << use.kind << " " << rows;
      EXPECT_EQ(rows, use.segments->rows()) << use.kind;
    }
  }
}

TEST(LayerRates, FallFromTheTop) {
  const auto model = tiny_model("bert", "BertForSequenceClassification");
  const auto rate = layer_rates(*model, 0.5);
  EXPECT_EQ(rate("intent_head.weight"), 1);
  EXPECT_EQ(rate("encoder.pooler.weight"), 1);
  EXPECT_EQ(rate("encoder.block1.qkv.weight"), 0.5);
  EXPECT_EQ(rate("encoder.block0.inner.lora_a"), 0.25);
  EXPECT_EQ(rate("encoder.words.weight"), 0.125);
  EXPECT_EQ(rate("encoder.embedding_norm.gamma"), 0.125);
  // The optimiser goes by them: of one step of SGD, the moved distance is rate x gradient.
  NamedTensors parameters;
  std::vector<at::Tensor> gradients;
  for (const auto& item : model->named_parameters()) {
    parameters.emplace_back(item.key(), item.value().detach().clone());
    gradients.push_back(at::ones_like(item.value()));
  }
  OptimizerOptions options;
  options.rate_of = rate;
  Optimizer optimizer(parameters, options);
  optimizer.step(gradients, 0.1);
  const auto before = model->named_parameters();
  for (const auto& [name, moved] : optimizer.parameters()) {
    const double distance = (before[name] - moved).mean().item<double>();
    EXPECT_NEAR(distance, 0.1 * rate(name), 1e-6) << name;
  }
}

TEST(Adapter, WhatIsWrittenReadsBackAsTheSameFunction) {
  for (const auto& [type, name] : {std::pair{"bert", "BertForSequenceClassification"},
                                   {"gpt2", "GPT2LMHeadModel"},
                                   {"llama", "LlamaForCausalLM"}}) {
    const auto model = tiny_model(type, name);
    const fs::path base = saved(*model);
    core::ReproducibleRng rng(7, "adapter");
    add_lora(*model, {.rank = 2, .alpha = 6, .targets = {"*.qkv", "*.inner"}}, rng);
    {
      const at::NoGradGuard no_gradients;
      for (const auto& item : model->named_parameters()) {
        if (!item.key().ends_with(".lora_b")) continue;
        at::Tensor b = item.value();
        b.copy_(random_tensor(b.sizes(), rng, at::kFloat));
      }
    }
    const fs::path folder = tiny_pretrained(type, kWords);
    write_adapter(folder, *model, model->source(), model->head(), "base");
    const auto again = open_pretrained(base);
    EXPECT_FALSE(at::allclose(answer_of(*again), answer_of(*model), 1e-3, 1e-3));
    put_adapter(*again, read_adapter(folder, again->source()));
    EXPECT_TRUE(at::allclose(answer_of(*again), answer_of(*model), 1e-5, 1e-5)) << type;
    for (const auto& item : again->named_parameters()) {
      const bool head = !item.key().starts_with("encoder.");
      const bool lora = item.key().ends_with(".lora_a") || item.key().ends_with(".lora_b");
      EXPECT_EQ(item.value().requires_grad(), head || lora) << item.key();
    }
    // Merged into the weights it is the same function too.
    const auto merged = open_pretrained(saved(*model));
    EXPECT_TRUE(at::allclose(answer_of(*merged), answer_of(*model), 1e-5, 1e-5)) << type;
    // And its layout makes layers of the same shape.
    const auto empty = open_pretrained(base);
    make_adapter_layers(*empty, adapter_layout(*again));
    EXPECT_EQ(adapter_layout(*empty), adapter_layout(*again));
  }
}

std::string adapter_refusal(const Json& change, const std::string& tensor = "") {
  const auto model = tiny_model("bert", "BertForSequenceClassification");
  core::ReproducibleRng rng(7, "adapter");
  add_lora(*model, {.rank = 2, .alpha = 6, .targets = {"*.outer"}}, rng);
  const fs::path folder = tiny_pretrained("bert", kWords);
  write_adapter(folder, *model, model->source(), model->head(), "base");
  Json config = core::parse_json(core::read_file(folder / "adapter_config.json"), "adapter");
  config.update(change);
  core::write_file_atomically(folder / "adapter_config.json", config.dump());
  if (!tensor.empty()) {
    NamedTensors tensors = read_tensors(folder / "adapter_model.safetensors");
    tensors.emplace_back(tensor, at::zeros({2, 12}));
    write_tensors(folder / "adapter_model.safetensors", tensors);
  }
  try {
    read_adapter(folder, model->source());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    return error.what();
  }
  return "";
}

TEST(Adapter, WhatWeLackIsNamed) {
  EXPECT_EQ(adapter_refusal(Json::object()), "");
  EXPECT_NE(adapter_refusal({{"peft_type", "IA3"}}).find("'IA3'"), std::string::npos);
  EXPECT_NE(adapter_refusal({{"use_dora", true}}).find("use_dora"), std::string::npos);
  EXPECT_NE(adapter_refusal({{"bias", "all"}}).find("bias"), std::string::npos);
  EXPECT_NE(adapter_refusal({{"rank_pattern", {{"x", 3}}}}).find("rank_pattern"), std::string::npos);
  EXPECT_NE(adapter_refusal({{"init_lora_weights", "pissa"}}).find("pissa"), std::string::npos);
  const std::string table = "base_model.model.bert.embeddings.lora_embedding_A";
  EXPECT_NE(adapter_refusal(Json::object(), table).find(table), std::string::npos);
}

}  // namespace
}  // namespace discreet::nn::test
