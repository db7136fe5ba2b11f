#include "discreet/nn/model.h"

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/nn/encoder.h"
#include "tests/nn/support.h"
#include "tests/nn/tiny_pretrained.h"

namespace discreet {
void register_all_model(core::Registry&);
void register_all_architecture(core::Registry&);
}

namespace discreet::nn::test {
namespace {

const ModelSizes kSizes{23, 3, 4, kCharacters, false, {"O", "B-a", "I-a", "B-b"}};
constexpr const char* kKinds[] = {"bow", "cnn", "lstm", "bilstm", "bilstm-crf", "bilstm-cnn-crf",
                                  "gru", "bigru", "transformer", "gpt", "pretrained",
                                  // A kind that reads characters if asked.
                                  "bow+characters", "cnn+characters", "gru+characters",
                                  // A tagger with all that it can read and share, and a random field.
                                  "bow+field", "pretrained+field"};

void register_models_once() {
  if (!core::registry().contains("model", "bow")) register_all_model(core::registry());
  if (!core::registry().contains("architecture", "bert")) register_all_architecture(core::registry());
}

ModelSpec spec_of(const std::string& kind) {
  ModelSpec spec;
  spec.kind = kind.substr(0, kind.find('+'));
  if (kind.ends_with("+field")) {
    spec.random_field = spec.tag_parts = true;
    spec.random_field_scale = 4;
    spec.random_field_rules = true;
    spec.tag_intent = 6;
    spec.context_scale = 0.3;
    spec.tag_layer = spec.kind == "pretrained" ? 1 : 0;
  }
  if (spec.kind == "pretrained") spec.path = tiny_pretrained("albert", kSizes.vocabulary).string();
  spec.char_embedding = kind.ends_with("+characters") || kind == "bilstm-cnn-crf" ? 4 : 0;
  spec.char_filters = 5;
  spec.norm = kind == "cnn" ? "group" : kind == "cnn+characters" ? "layer" : "";
  spec.norm_groups = 5;
  spec.embedding = 12;
  spec.hidden = {kind == "transformer" || kind == "gpt" ? 12 : 10};
  spec.layers = 2;
  spec.heads = 3;
  spec.pooling = "mean-max";
  spec.context = 1;
  spec.tag_hidden = {9};
  spec.norm_inputs = true;
  spec.skip = true;
  spec.skip_context = 2;
  spec.tag_sentence = true;
  spec.dropout = 0.3;
  spec.word_dropout = 0.2;
  return spec;
}

std::shared_ptr<Model> make(const ModelSpec& spec, std::uint64_t seed = 5) {
  register_models_once();
  core::ReproducibleRng rng(seed, "model");
  auto model = make_model(spec, kSizes, {}, rng);
  model->set_tag_rules(bio_rules(kSizes.tag_names));
  model->to(at::kDouble);
  model->train();
  model->set_dropout(11, 3);
  return model;
}

/// Loss of each example and the gradient of each alone, flattened over all parameters.
struct PerExample {
  std::vector<double> loss;
  std::vector<at::Tensor> gradient;
};

PerExample per_example(Model& model, const PackedBatch& batch) {
  PerExample out;
  const at::Tensor loss = model.forward(batch).loss;
  for (std::int64_t e = 0; e < batch.examples(); ++e) {
    out.loss.push_back(loss[e].item<double>());
    for (at::Tensor& parameter : model.parameters()) parameter.mutable_grad() = at::Tensor();
    model.forward(batch).loss[e].backward();
    std::vector<at::Tensor> parts;
    for (const at::Tensor& p : model.parameters()) {
      parts.push_back((p.grad().defined() ? p.grad() : at::zeros_like(p)).flatten());
    }
    out.gradient.push_back(at::cat(parts).detach().clone());
  }
  return out;
}

class Models : public ::testing::TestWithParam<const char*> {
 protected:
  core::ReproducibleRng rng{9, "models"};
  EncodedExamples data = random_examples({4, 1, 0, 7, 2, 7}, kSizes.vocabulary, kSizes.tags, rng);
};

TEST_P(Models, OtherExamplesInTheBatchChangeNothing) {
  const auto model = make(spec_of(GetParam()));
  const PerExample all = per_example(*model, collate_all(data));
  const std::vector<std::vector<std::int64_t>> batches{{5, 4, 3, 2, 1, 0}, {3},      {2}, {0, 1},
                                                       {2, 4, 5},          {5, 0, 3}};
  for (const auto& indices : batches) {
    const PerExample part = per_example(*model, collate(data, indices));
    for (std::size_t i = 0; i < indices.size(); ++i) {
      EXPECT_NEAR(part.loss[i], all.loss[indices[i]], 1e-12) << "example " << indices[i];
      EXPECT_LT(difference(part.gradient[i], all.gradient[indices[i]]), 1e-12)
          << "example " << indices[i];
    }
  }
}

TEST_P(Models, EveryTrainableParameterIsRecorded) {
  const auto model = make(spec_of(GetParam()));
  KeepingRecorder recorder;
  {
    const RecordingScope scope(recorder);
    model->forward(collate_all(data)).loss.sum().backward();
  }
  EXPECT_EQ(recorder.expected.size(), recorder.uses.size());
  for (const auto& item : model->named_parameters()) {
    EXPECT_FALSE(item.value().grad().defined()) << item.key();
    std::size_t found = 0;
    for (const Use& use : recorder.uses) {
      for (const at::Tensor& param : use.params) found += param.is_same(item.value());
    }
    EXPECT_GE(found, 1u) << item.key();
  }
}

TEST_P(Models, DropoutFollowsItsKey) {
  const auto model = make(spec_of(GetParam()));
  const PackedBatch batch = collate_all(data);
  const at::Tensor first = model->forward(batch).loss;
  EXPECT_TRUE(at::equal(first, model->forward(batch).loss));
  model->set_dropout(11, 4);
  EXPECT_FALSE(at::equal(first, model->forward(batch).loss));
  model->eval();
  const at::Tensor plain = model->forward(batch).loss;
  model->set_dropout(12, 5);
  EXPECT_TRUE(at::equal(plain, model->forward(batch).loss));
}

TEST_P(Models, TheGeneratorAloneDecidesTheParameters) {
  const auto a = make(spec_of(GetParam())), b = make(spec_of(GetParam())),
             c = make(spec_of(GetParam()), 6);
  bool differs = false;
  for (std::size_t i = 0; i < a->parameters().size(); ++i) {
    EXPECT_TRUE(at::equal(a->parameters()[i], b->parameters()[i]));
    differs = differs || !at::equal(a->parameters()[i], c->parameters()[i]);
  }
  EXPECT_TRUE(differs);
}

TEST_P(Models, DecodesEveryExampleAndToken) {
  const auto model = make(spec_of(GetParam()));
  model->eval();
  PackedBatch batch = collate_all(data);
  batch.intent = batch.tags = at::Tensor();
  const ModelOutput output = model->forward(batch);
  EXPECT_FALSE(output.loss.defined());
  const Prediction prediction = model->decode(batch, output);
  EXPECT_EQ(prediction.intent.size(), 6u);
  EXPECT_EQ(prediction.tags.size(), data.tokens.size());
  EXPECT_NEAR(prediction.intent_probabilities.sum().item<double>(), 6, 1e-9);
  for (const std::int64_t tag : prediction.tags) EXPECT_TRUE(tag >= 0 && tag < kSizes.tags);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Models, ::testing::ValuesIn(kKinds), [](const auto& info) {
  std::string name = info.param;
  std::erase_if(name, [](char c) { return c == '-' || c == '+'; });
  return name;
});

TEST(ModelKinds, EachRegisteredKindIsTestedHere) {
  register_models_once();
  for (const core::Entry* entry : core::registry().list("model")) {
    EXPECT_NE(std::find(std::begin(kKinds), std::end(kKinds), entry->name), std::end(kKinds))
        << entry->name;
  }
}

TEST(ModelKinds, VectorsStartTheEmbeddingAndCanBeFrozen) {
  register_models_once();
  core::ReproducibleRng rng(1, "vectors");
  const at::Tensor vectors = random_tensor({kSizes.vocabulary, 6}, rng, at::kFloat);
  ModelSpec spec = spec_of("bilstm");
  spec.freeze_vectors = true;
  const auto model = make_model(spec, kSizes, vectors, rng);
  const auto parameters = model->named_parameters();  // find() points into it
  const at::Tensor* weight = parameters.find("encoder.embedding.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_TRUE(at::equal(*weight, vectors));
  EXPECT_FALSE(weight->requires_grad());
  EXPECT_THROW(make_model(spec, kSizes, vectors.narrow(0, 0, 5), rng), Error);
}

TEST(ModelKinds, RefuseWhatATaskHasNoHeadFor) {
  register_models_once();
  core::ReproducibleRng rng(1, "refused");
  const auto refused = [&](const ModelSizes& sizes, const std::string& key, const std::function<void(ModelSpec&)>& set) {
    ModelSpec spec = spec_of("pretrained");
    set(spec);
    try {
      make_model(spec, sizes, {}, rng);
      ADD_FAILURE() << key << " was taken";
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(key), std::string::npos) << e.what();
    }
  };
  const ModelSizes intents{.vocabulary = 23, .intents = 3}, tags{.vocabulary = 23, .tags = 4};
  refused(intents, "model.random_field", [](ModelSpec& s) { s.random_field = true; });
  refused(tags, "model.random_field_rules", [](ModelSpec& s) { s.random_field_rules = true; });
  refused(intents, "model.tag_parts", [](ModelSpec& s) { s.tag_parts = true; });
  refused(intents, "model.tag_layer", [](ModelSpec& s) { s.tag_layer = 1; });
  refused(intents, "model.tag_intent", [](ModelSpec& s) { s.tag_intent = 1; });
  refused(tags, "model.tag_intent", [](ModelSpec& s) { s.tag_intent = 1; });
  refused(tags, "model.tag_layer is 3", [](ModelSpec& s) { s.tag_layer = 3; });
  refused(kSizes, "model.tag_layer", [](ModelSpec& s) {
    s.kind = "bow";
    s.tag_layer = 1;
  });
}

TEST(ModelKinds, RefusesWhatItCannotBe) {
  register_models_once();
  core::ReproducibleRng rng(1, "refused");
  ModelSpec spec = spec_of("transformer");
  spec.heads = 5;
  EXPECT_THROW(make_model(spec, kSizes, {}, rng), Error);
  spec.heads = 3;
  spec.kv_heads = 2;
  EXPECT_THROW(make_model(spec, kSizes, {}, rng), Error);
  spec.kv_heads = 1;
  EXPECT_NO_THROW(make_model(spec, kSizes, {}, rng));
  spec.hidden = {9};
  spec.positions = "rotary";
  EXPECT_THROW(make_model(spec, kSizes, {}, rng), Error);  // heads of width 3
  EXPECT_THROW(make_model(spec_of("bilstmm"), kSizes, {}, rng), Error);
  EXPECT_THROW(make_model(spec_of("bow"), {23, 0, 0}, {}, rng), Error);
  EXPECT_THROW(make_model(spec_of("bilstm-crf"), {23, 3, 0}, {}, rng), Error);
  EXPECT_THROW(make_model(spec_of("bilstm-cnn-crf"), {23, 3, 4, 0}, {}, rng), Error);
  spec = spec_of("cnn");
  spec.norm_groups = 7;
  EXPECT_THROW(make_model(spec, kSizes, {}, rng), Error);
}

/// Next tokens instead of tags; tied and with rotary positions, or neither.
std::shared_ptr<Model> make_language(bool tied) {
  register_models_once();
  ModelSpec spec;
  spec.kind = "gpt";
  spec.hidden = {12};
  spec.layers = 2;
  spec.heads = 2;
  spec.tied = tied;
  spec.positions = tied ? "rotary" : "learned";
  spec.dropout = 0.3;
  core::ReproducibleRng rng(3, "language");
  auto model = make_model(spec, {.vocabulary = 9, .next_token = true}, {}, rng);
  model->to(at::kDouble);
  model->set_dropout(11, 3);
  return model;
}

TEST(LanguageModel, OtherExamplesInTheBatchChangeNothing) {
  core::ReproducibleRng rng(4, "language");
  const EncodedExamples data = random_examples({4, 1, 0, 7, 2, 7}, 9, 9, rng);
  for (const bool tied : {false, true}) {
    const auto model = make_language(tied);
    const PerExample all = per_example(*model, collate_all(data));
    for (const auto& indices : std::vector<std::vector<std::int64_t>>{{5, 4, 3, 2, 1, 0}, {3}, {2, 5}}) {
      const PerExample part = per_example(*model, collate(data, indices));
      for (std::size_t i = 0; i < indices.size(); ++i) {
        EXPECT_NEAR(part.loss[i], all.loss[indices[i]], 1e-12);
        EXPECT_LT(difference(part.gradient[i], all.gradient[indices[i]]), 1e-12);
      }
    }
  }
}

TEST(LanguageModel, SeesNoLaterToken) {
  core::ReproducibleRng rng(4, "language");
  EncodedExamples data = random_examples({3, 7}, 9, 9, rng);
  for (const bool tied : {false, true}) {
    const auto model = make_language(tied);
    model->eval();
    const auto logits = [&] {
      PackedBatch batch = collate_all(data);
      batch.tags = at::Tensor();
      return model->forward(batch).emissions.detach();
    };
    const at::Tensor before = logits();
    data.tokens[7] = (data.tokens[7] + 1) % 9;  // row 4 of the second example
    const at::Tensor after = logits();
    EXPECT_TRUE(at::equal(before.narrow(0, 0, 7), after.narrow(0, 0, 7)));
    for (std::int64_t row = 7; row < 10; ++row) EXPECT_FALSE(at::equal(before[row], after[row]));
  }
}

TEST(LanguageModel, TiesItsTableOrHasAHead) {
  EXPECT_EQ(make_language(true)->named_parameters().find("head.weight"), nullptr);
  EXPECT_NE(make_language(false)->named_parameters().find("head.weight"), nullptr);
  core::ReproducibleRng rng(3, "language");
  ModelSpec spec = spec_of("transformer");
  EXPECT_THROW(make_model(spec, {.vocabulary = 9, .next_token = true}, {}, rng), Error);
}

TEST(Batch, TimeOrderIsAPermutationWithFallingSizes) {
  const TimeOrder order = time_order(std::vector<std::int64_t>{0, 2, 2, 5, 6});
  EXPECT_EQ(order.sizes, (std::vector<std::int64_t>{3, 2, 1}));
  const auto values = [](const at::Tensor& t) {
    return std::vector<std::int64_t>(t.data_ptr<std::int64_t>(),
                                     t.data_ptr<std::int64_t>() + t.numel());
  };
  EXPECT_EQ(values(order.to_time), (std::vector<std::int64_t>{2, 0, 5, 3, 1, 4}));
  EXPECT_EQ(values(order.to_time_reversed), (std::vector<std::int64_t>{4, 1, 5, 3, 0, 2}));
  EXPECT_EQ(values(order.to_example), (std::vector<std::int64_t>{1, 4, 0, 3, 5, 2}));
  EXPECT_EQ(values(order.to_example_reversed), (std::vector<std::int64_t>{4, 1, 5, 3, 0, 2}));
  EXPECT_TRUE(time_order(std::vector<std::int64_t>{0}).sizes.empty());
}

TEST(Batch, CollatesExamplesInTheAskedOrderAndSegments) {
  EncodedExamples data{{5, 6, 7, 8}, {0, 2, 2, 4}, {1, 0, 2}, {0, 1, 2, 3}};
  const std::vector<std::int64_t> indices{2, 1, 0}, segments{0, 2, 2, 3};
  const PackedBatch batch = collate(data, indices, segments);
  EXPECT_EQ(batch.offsets, (std::vector<std::int64_t>{0, 2, 2, 4}));
  EXPECT_EQ(batch.tokens[0].item<std::int64_t>(), 7);
  EXPECT_EQ(batch.tags[3].item<std::int64_t>(), 1);
  EXPECT_EQ(batch.intent[1].item<std::int64_t>(), 0);
  EXPECT_EQ(batch.example_segments->offsets, segments);
  EXPECT_EQ(batch.token_segments->offsets, (std::vector<std::int64_t>{0, 2, 2, 4}));
  EXPECT_EQ(collate(data, {}).examples(), 0);
  EXPECT_THROW(collate(data, std::vector<std::int64_t>{3}), Error);
  EXPECT_THROW(collate(data, indices, std::vector<std::int64_t>{0, 2}), Error);
}

TEST(Batch, CollatesTheCharactersOfTheWords) {
  EncodedExamples data{{5, 6, 7, 8},   {0, 2, 2, 4}, {}, {}, {10, 11, 12, 20, 30, 31},
                       {0, 2, 3, 3, 6}};
  const std::vector<std::int64_t> indices{2, 1, 0}, segments{0, 2, 2, 3};
  const PackedBatch batch = collate(data, indices, segments);
  EXPECT_EQ(batch.character_offsets, (std::vector<std::int64_t>{0, 0, 3, 5, 6}));
  EXPECT_TRUE(at::equal(batch.characters, at::tensor({20, 30, 31, 10, 11, 12}, at::kLong)));
  EXPECT_EQ(batch.character_segments->offsets, (std::vector<std::int64_t>{0, 3, 3, 6}));
  EXPECT_EQ(batch.character_sequences().count(), batch.token_count());
  EXPECT_EQ(collate(data, {}).character_offsets, (std::vector<std::int64_t>{0}));
  data.character_offsets.pop_back();
  EXPECT_THROW(collate(data, indices), Error);
}

TEST(Dropout, KeepsTheMeanAndTheRate) {
  core::ReproducibleRng rng(2, "dropout");
  const PackedBatch batch = collate_all(random_examples({400, 300}, 5, 2, rng));
  const at::Tensor x = at::ones({700, 50}, at::kFloat);
  const at::Tensor y = dropout(x, batch, {1, 2, 0.25}, 3);
  // 35,000 draws: five standard deviations of the share are 0.0116.
  EXPECT_NEAR(y.eq(0).to(at::kDouble).mean().item<double>(), 0.25, 0.0116);
  EXPECT_NEAR(y.max().item<double>(), 1 / 0.75, 1e-6);
  EXPECT_FALSE(at::equal(y, dropout(x, batch, {1, 2, 0.25}, 4)));
  EXPECT_FALSE(at::equal(y, dropout(x, batch, {1, 3, 0.25}, 3)));
  EXPECT_FALSE(at::equal(y, dropout(x, batch, {2, 2, 0.25}, 3)));
  EXPECT_FALSE(at::equal(y.narrow(0, 0, 300), y.narrow(0, 400, 300)));
  const at::Tensor words = word_dropout(x, batch, {1, 2, 0.25}, 0);
  EXPECT_TRUE(at::equal(words.amin(1), words.amax(1)));
  EXPECT_EQ(words.max().item<double>(), 1);
}

}  // namespace
}  // namespace discreet::nn::test
