// Pretrained forms in private training: segments against the loop over batches of one, for weights that
// layers share (ALBERT), tied tables, LoRA, dropout; and blocks that are computed twice against blocks
// whose rows are kept.
#include <gtest/gtest.h>

#include "discreet/dp/clipper.h"
#include "discreet/dp/plan.h"
#include "discreet/nn/adapt.h"
#include "discreet/nn/encoder.h"
#include "conformance.h"
#include "tests/nn/tiny_pretrained.h"

namespace discreet::dp {
namespace {

using testing::plain_gradient;
using testing::trainable_of;

constexpr std::int64_t kTokens = 11, kClasses = 3, kLabels = 4;

struct PretrainedCase {
  std::string type;
  bool language = false;
  double dropout = 0;
  nn::LoraOptions lora = {};
  Json config = Json::object();
  std::string pooling{};
  bool field = false;  ///< A tagger with a random field that reads all it can; pieces of words have no tag.
};

std::shared_ptr<nn::Model> pretrained_model(const PretrainedCase& c, bool recompute) {
  tensor_registry();
  nn::ModelSpec spec;
  spec.kind = "pretrained";
  spec.path = nn::test::tiny_pretrained(c.type, kTokens, c.config).string();
  spec.dropout = c.dropout;
  spec.pooling = c.pooling;
  spec.recompute = recompute;
  spec.random_field = spec.tag_parts = c.field;
  if (c.field) {
    spec.random_field_scale = 5;
    spec.random_field_rules = true;
    spec.tag_intent = 4;
    spec.tag_layer = 1;
    spec.skip = true;
    spec.context = spec.skip_context = 1;
    spec.context_scale = 0.3;
  }
  const nn::ModelSizes sizes{.vocabulary = kTokens,
                             .intents = c.language ? 0 : kClasses,
                             .tags = c.language ? 0 : kLabels,
                             .next_token = c.language,
                             .tag_names = {"O", "B-a", "I-a", "B-b"}};
  core::ReproducibleRng rng(11, "pretrained");
  auto model = nn::make_model(spec, sizes, {}, rng);
  if (c.field) model->set_tag_rules(nn::bio_rules(sizes.tag_names));
  if (c.lora.rank > 0) nn::add_lora(*model, c.lora, rng);
  model->to(at::kDouble);
  const at::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) {
    for (std::int64_t i = 0; i < parameter.numel(); ++i) parameter.view(-1)[i] += 0.2 * rng.normal();
  }
  model->train();
  model->set_dropout(9, 3);
  return model;
}

nn::EncodedExamples pretrained_data(const PretrainedCase& c) {
  core::ReproducibleRng rng(21, "pretrained-data");
  nn::EncodedExamples data;
  for (const std::int64_t length : {3, 1, 12, 1, 7, 5}) {
    for (std::int64_t t = 0; t < length; ++t) {
      data.tokens.push_back(static_cast<std::int64_t>(rng.below(6)));
      data.tags.push_back(static_cast<std::int64_t>(rng.below(c.language ? kTokens : kLabels)));
      if (c.field && (t % 3 == 2 || length == 5)) data.tags.back() = -1;
      data.token_types.push_back(t >= 3 ? 1 : 0);
    }
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
    if (!c.language) data.intents.push_back(static_cast<std::int64_t>(rng.below(kClasses)));
  }
  if (c.type == "roberta") data.token_types.clear();
  return data;
}

struct Clipped {
  std::vector<double> norms;
  at::Tensor sum;
};

Clipped clipped(nn::Model& model, const nn::EncodedExamples& data, double clip_norm) {
  SegmentClipper clipper(trainable_of(model), privacy::ClipNorm(clip_norm), {});
  clipper.begin(data.size());
  {
    const nn::RecordingScope scope(clipper);
    std::vector<std::int64_t> all(data.size());
    for (std::int64_t i = 0; i < data.size(); ++i) all[i] = i;
    model.forward(nn::collate(data, all)).loss.sum().backward();
  }
  clipper.finish();
  Clipped out{std::vector<double>(clipper.norms().begin(), clipper.norms().end()), {}};
  out.sum = testing::clipped_sum(clipper, clip_norm);
  return out;
}

std::vector<PretrainedCase> pretrained_cases() {
  return {{.type = "bert"},
          {.type = "distilbert", .dropout = 0.3},
          // Attention weights are dropped at the rate of the configuration.
          {.type = "bert", .dropout = 0.2, .config = {{"attention_probs_dropout_prob", 0.4}}},
          {.type = "gpt2", .language = true, .dropout = 0.2, .config = {{"attn_pdrop", 0.3}}},
          {.type = "llama", .dropout = 0.1, .config = {{"attention_dropout", 0.4}}},
          {.type = "roberta", .config = {{"pad_token_id", 1}, {"type_vocab_size", 1}}},
          {.type = "electra"},
          {.type = "albert"},
          {.type = "albert", .dropout = 0.3, .lora = {.rank = 2, .alpha = 4, .targets = {"*.qkv"}}},
          {.type = "bert", .pooling = "mean"},
          {.type = "bert", .dropout = 0.2, .field = true},
          {.type = "gpt2", .language = true, .dropout = 0.2},
          {.type = "llama", .language = true},
          {.type = "llama", .language = true, .config = {{"tie_word_embeddings", true}}},
          {.type = "llama"}};
}

TEST(PretrainedConformance, SegmentsAreExamplesAlsoWhereBlocksAreComputedTwice) {
  for (const PretrainedCase& c : pretrained_cases()) {
    for (const bool recompute : {false, true}) {
      SCOPED_TRACE(c.type + (c.language ? " language model" : "") + (recompute ? " recomputed" : ""));
      const auto model = pretrained_model(c, recompute);
      const nn::EncodedExamples data = pretrained_data(c);
      std::vector<at::Tensor> gradients;
      std::vector<double> norms;
      for (std::int64_t e = 0; e < data.size(); ++e) {
        gradients.push_back(plain_gradient(*model, data, {e}));
        norms.push_back(gradients.back().norm().item<double>());
      }
      std::vector<double> sorted = norms;
      std::sort(sorted.begin(), sorted.end());
      const double clip_norm = 0.9 * sorted[3];
      const Clipped got = clipped(*model, data, clip_norm);
      at::Tensor expected = at::zeros_like(gradients[0]);
      for (std::size_t e = 0; e < norms.size(); ++e) {
        EXPECT_NEAR(got.norms[e], norms[e], 1e-10 * (1 + norms[e])) << "example " << e;
        expected += gradients[e] * std::min(1.0, clip_norm / norms[e]);
      }
      EXPECT_LT((got.sum - expected).norm().item<double>(), 1e-6 * (1 + expected.norm().item<double>()));
    }
  }
}

TEST(PretrainedEncoder, AttentionWeightsAreDroppedAtTheConfigurationsRate) {
  const nn::EncodedExamples data = pretrained_data({.type = "bert"});
  const auto losses = [&](double dropout, double attention) {
    const PretrainedCase c{
        .type = "bert", .dropout = dropout, .config = {{"attention_probs_dropout_prob", attention}}};
    const auto model = pretrained_model(c, false);
    const at::NoGradGuard no_gradients;
    return model->forward(nn::collate(data, std::vector<std::int64_t>{0, 2, 4})).loss;
  };
  EXPECT_FALSE(at::allclose(losses(0.2, 0.5), losses(0.2, 0)));
  EXPECT_TRUE(at::equal(losses(0.2, 0.5), losses(0.2, 0.5)));
  // A run that drops nothing drops no weights either.
  EXPECT_TRUE(at::equal(losses(0, 0.5), losses(0, 0)));
}

TEST(PretrainedConformance, RecomputationChangesNoBit) {
  for (const PretrainedCase& c : pretrained_cases()) {
    SCOPED_TRACE(c.type);
    const nn::EncodedExamples data = pretrained_data(c);
    const auto kept = pretrained_model(c, false), twice = pretrained_model(c, true);
    const at::Tensor a = plain_gradient(*kept, data, {0, 2, 5}), b = plain_gradient(*twice, data, {0, 2, 5});
    // A layer that two parts read gets the sum of their gradients, whose order is autograd's.
    const auto same = [&](const at::Tensor& x, const at::Tensor& y) {
      return c.field ? at::allclose(x, y, 1e-12, 1e-14) : at::equal(x, y);
    };
    EXPECT_TRUE(same(a, b));
    const Clipped private_kept = clipped(*kept, data, 1), private_twice = clipped(*twice, data, 1);
    EXPECT_TRUE(same(at::tensor(private_kept.norms, at::kDouble), at::tensor(private_twice.norms, at::kDouble)));
    EXPECT_TRUE(same(private_kept.sum, private_twice.sum));
  }
}

TEST(PretrainedEncoder, AFrozenStackIsComputedOnceAndGivesTheSame) {
  PretrainedCase c{.type = "bert", .dropout = 0.5};
  const auto model = pretrained_model(c, false);
  nn::keep_trainable(*model, {"intent_head.*", "slot_head.*"}, false);
  const nn::EncodedExamples data = pretrained_data(c);
  const auto* headed = model.get();
  std::shared_ptr<nn::Encoder> encoder;
  for (const auto& child : headed->named_children()) {
    if (child.key() == "encoder") encoder = std::dynamic_pointer_cast<nn::Encoder>(child.value());
  }
  ASSERT_NE(encoder, nullptr);
  const std::vector<std::int64_t> some{4, 1}, others{2, 4, 0};
  const nn::DropoutKey key{1, 2, 0.5};
  encoder->forward(nn::collate(data, some), key, {});
  const at::Tensor kept = encoder->forward(nn::collate(data, others), key, {}).tokens;
  encoder->eval();
  const at::Tensor plain = encoder->forward(nn::collate(data, others), {}, {}).tokens;
  EXPECT_TRUE(at::allclose(kept, plain, 1e-12, 1e-12));
  EXPECT_FALSE(kept.requires_grad());
  // Rows are bound to their tokens: the same number with other tokens is another example.
  encoder->train();
  nn::EncodedExamples changed = data;
  for (std::int64_t t = data.offsets[4]; t < data.offsets[5]; ++t) changed.tokens[t] = 7;
  const std::vector<std::int64_t> one{4};
  const at::Tensor fresh = encoder->forward(nn::collate(changed, one), {}, {}).tokens;
  encoder->eval();
  EXPECT_TRUE(at::allclose(fresh, encoder->forward(nn::collate(changed, one), {}, {}).tokens, 1e-12, 1e-12));
}

}  // namespace
}  // namespace discreet::dp
