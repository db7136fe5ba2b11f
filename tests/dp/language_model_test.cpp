// Whole language models, with tied and separate output layers, LoRA, frozen parts and the generic rule:
// segments against the loop over batches of one.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "discreet/core/error.h"
#include "discreet/dp/plan.h"
#include "discreet/nn/adapt.h"
#include "conformance.h"

namespace discreet::dp {
namespace {

using testing::trainable_of;

constexpr std::int64_t kEntries = 11;

nn::ModelSpec language_spec() {
  nn::ModelSpec spec;
  spec.kind = "gpt";
  spec.hidden = {8};
  spec.layers = 2;
  spec.heads = 4;
  spec.longest = 16;
  return spec;
}

struct LanguageCase {
  std::string name;
  nn::ModelSpec spec = language_spec();
  nn::LoraOptions lora = {};
  std::vector<std::string> trainable = {};
  std::vector<std::string> generic = {};
  at::ScalarType type = at::kDouble;
  std::vector<std::int64_t> segment_offsets{0, 1, 2, 3, 4, 5, 6};
  std::vector<std::size_t> parts{6};  // ends of physical parts, in segments
};

std::shared_ptr<nn::Model> language_model(const LanguageCase& c) {
  tensor_registry();
  core::ReproducibleRng rng(11, "language");
  auto model = nn::make_model(c.spec, {.vocabulary = kEntries, .next_token = true}, {}, rng);
  if (c.lora.rank > 0) nn::add_lora(*model, c.lora, rng);
  if (!c.trainable.empty()) nn::keep_trainable(*model, c.trainable, c.lora.rank > 0);
  model->to(c.type);
  const at::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) {  // away from zero, where start values hide mistakes
    for (std::int64_t i = 0; i < parameter.numel(); ++i) parameter.view(-1)[i] += 0.2 * rng.normal();
  }
  model->train();
  model->set_dropout(9, 3);
  return model;
}

/// Few words, so that they repeat in an example and are targets there; some targets are not scored.
nn::EncodedExamples language_data() {
  core::ReproducibleRng rng(21, "language-data");
  nn::EncodedExamples data;
  for (const std::int64_t length : {3, 1, 12, 1, 7, 5}) {
    for (std::int64_t t = 0; t < length; ++t) {
      data.tokens.push_back(static_cast<std::int64_t>(rng.below(5)));
      data.tags.push_back(t == 4 ? -1 : static_cast<std::int64_t>(rng.below(kEntries)));
    }
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
  }
  return data;
}

void check_language(const LanguageCase& c) {
  SCOPED_TRACE(c.name + " " + c10::toString(c.type));
  const auto model = language_model(c);
  const nn::EncodedExamples data = language_data();
  const double tolerance = c.type == at::kDouble ? 1e-10 : 1e-5;
  testing::expect_the_loop(*model, data, {c.segment_offsets, c.parts}, tolerance, {.generic = c.generic});
}

std::vector<LanguageCase> language_cases() {
  std::vector<LanguageCase> cases;
  cases.push_back({.name = "tied"});
  LanguageCase untied{.name = "untied, dropout"};
  untied.spec.tied = false;
  untied.spec.dropout = 0.3;
  cases.push_back(untied);
  LanguageCase llama{.name = "rms, rotary, grouped, swiglu"};
  llama.spec.norm = "rms";
  llama.spec.positions = "rotary";
  llama.spec.kv_heads = 2;
  llama.spec.activation = "swiglu";
  cases.push_back(llama);
  LanguageCase lora{.name = "LoRA", .lora = {.rank = 3, .alpha = 6, .targets = {"*.qkv", "*.outer"}}};
  cases.push_back(lora);
  lora.name = "LoRA and norms";
  lora.trainable = {"*.gamma", "*.beta"};
  cases.push_back(lora);
  cases.push_back({.name = "biases alone", .trainable = {"*.bias", "*.beta"}});
  cases.push_back({.name = "table alone", .trainable = {"encoder.embedding.weight"}});
  LanguageCase mixed{.name = "mixed layers", .generic = {"encoder.mix.*"}};
  mixed.spec.mix_layers = true;
  cases.push_back(mixed);
  return cases;
}

TEST(LanguageModelConformance, SegmentsAreExamples) {
  for (LanguageCase c : language_cases()) {
    for (const auto type : {at::kDouble, at::kFloat}) {
      c.type = type;
      check_language(c);
    }
  }
}

TEST(LanguageModelConformance, SegmentsAreUsersAndPartsDoNotMatter) {
  for (LanguageCase c : language_cases()) {
    c.segment_offsets = {0, 2, 2, 5, 6};
    c.parts = {4};
    check_language(c);
    c.parts = {1, 3, 4};
    check_language(c);
  }
}

TEST(LanguageModelConformance, FrozenPartsGetNothing) {
  for (const LanguageCase& c : language_cases()) {
    const auto model = language_model(c);
    const auto loss = model->forward(nn::collate(language_data(), std::vector<std::int64_t>{0, 2})).loss;
    loss.sum().backward();
    for (const auto& item : model->named_parameters()) {
      EXPECT_EQ(item.value().grad().defined(), item.value().requires_grad()) << item.key();
    }
  }
}

std::string refused(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kPrivacyRefused);
    return std::string(error.what()) + " " + error.hint();
  }
  return "";
}

std::string mix_refusal(RuleOptions options) {
  LanguageCase c{.name = "mixed"};
  c.spec.mix_layers = true;
  const auto model = language_model(c);
  SegmentClipper clipper(trainable_of(*model), privacy::ClipNorm(1), std::move(options));
  clipper.begin(2);
  return refused([&] {
    const nn::RecordingScope scope(clipper);
    model->forward(nn::collate(language_data(), std::vector<std::int64_t>{0, 2}));
  });
}

TEST(GenericRule, MustBeAskedForByName) {
  const std::string message = mix_refusal({.generic = {"head.*"}});
  EXPECT_NE(message.find("'encoder.mix.weights'"), std::string::npos) << message;
  EXPECT_NE(message.find("privacy.generic_rule"), std::string::npos) << message;
}

TEST(GenericRule, IsCappedInMemory) {
  // Two segments, three weights: a copy and a gradient of 8 bytes each, and 8 more in double.
  const std::string message = mix_refusal({.generic = {"*"}, .generic_bytes = 143});
  EXPECT_NE(message.find("144 bytes"), std::string::npos) << message;
  EXPECT_NE(message.find("143"), std::string::npos) << message;
  EXPECT_EQ(mix_refusal({.generic = {"*"}, .generic_bytes = 144}), "");
}

TEST(Adapt, APatternThatFitsNothingListsTheNames) {
  LanguageCase c{.name = "unknown"};
  c.trainable = {"*.biases"};
  try {
    language_model(c);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_NE(error.hint().find("encoder.block0.qkv.bias"), std::string::npos);
  }
  c.trainable.clear();
  c.lora = {.rank = 2, .targets = {"*.query"}};
  try {
    language_model(c);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_NE(error.hint().find("encoder.block1.projection"), std::string::npos);
  }
}

TEST(Adapt, LoraChangesNothingAtFirst) {
  tensor_registry();
  core::ReproducibleRng rng(5, "lora"), again(5, "lora");
  const nn::ModelSizes sizes{.vocabulary = kEntries, .next_token = true};
  const auto plain = nn::make_model(language_spec(), sizes, {}, rng);
  const auto adapted = nn::make_model(language_spec(), sizes, {}, again);
  nn::add_lora(*adapted, {.rank = 2}, again);
  const nn::PackedBatch batch = nn::collate(language_data(), std::vector<std::int64_t>{0, 2, 4});
  EXPECT_TRUE(at::equal(plain->forward(batch).loss, adapted->forward(batch).loss));
  EXPECT_LT(nn::trainable_values(*adapted), nn::trainable_values(*plain));
}

/// Gradients that are kept take from one budget for all layers, and give it back.
TEST(KeptMemory, IsSharedByAllLayers) {
  LanguageCase c{.name = "kept"};
  const auto model = language_model(c);
  for (const std::int64_t cap : {std::int64_t{0}, std::int64_t{4096}, std::int64_t{1} << 30}) {
    const auto kept = std::make_shared<KeptMemory>(cap);
    SegmentClipper clipper(trainable_of(*model), privacy::ClipNorm(1), {.kept = kept});
    clipper.begin(3);
    {
      const nn::RecordingScope scope(clipper);
      model->forward(nn::collate(language_data(), std::vector<std::int64_t>{2, 2, 2})).loss.sum().backward();
    }
    clipper.finish();
    EXPECT_TRUE(kept->take(cap));  // all of it is back
    EXPECT_FALSE(kept->take(1));
  }
}

}  // namespace
}  // namespace discreet::dp
