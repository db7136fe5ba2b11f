// Models of the next token with a cache against passes over whole texts.
#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/nn/decoder.h"
#include "discreet/nn/sequence_decoder.h"
#include "discreet/text/generation/filters.h"
#include "tests/dp/tensor_registry.h"
#include "tests/nn/support.h"

namespace discreet::nn::test {
namespace {

constexpr std::int64_t kGenerationEntries = 23;

/// The naive way: every step reads every text from its beginning.
class UncachedDecoder final : public text::NextTokenModel {
 public:
  explicit UncachedDecoder(std::shared_ptr<Model> model) : model_(std::move(model)) { model_->eval(); }
  std::int64_t vocabulary() const override { return kGenerationEntries; }
  std::int64_t longest() const override { return 32; }
  std::span<float> start(std::span<const std::vector<std::int64_t>> prompts) override {
    texts_.assign(prompts.begin(), prompts.end());
    return read();
  }
  std::span<float> step(std::span<const std::int64_t> parents,
                        std::span<const std::int64_t> tokens) override {
    std::vector<std::vector<std::int64_t>> next;
    for (std::size_t r = 0; r < parents.size(); ++r) {
      next.push_back(texts_.at(static_cast<std::size_t>(parents[r])));
      next.back().push_back(tokens[r]);
    }
    texts_ = std::move(next);
    return read();
  }

 private:
  std::span<float> read() {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> last;
    for (const auto& text : texts_) {
      const PackedBatch batch = collate_all(examples_of(std::vector<std::vector<std::int64_t>>{text}));
      last.push_back(model_->forward(batch).emissions[-1]);
    }
    logits_ = at::stack(last).to(at::kFloat).contiguous();
    return {logits_.data_ptr<float>(), static_cast<std::size_t>(logits_.numel())};
  }
  std::shared_ptr<Model> model_;
  std::vector<std::vector<std::int64_t>> texts_;
  at::Tensor logits_;
};

std::shared_ptr<Model> spread_model(std::shared_ptr<Model> model) {
  core::ReproducibleRng rng(5, "spread");
  const at::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) {
    parameter.add_(random_tensor(parameter.sizes(), rng, at::kFloat), 0.3);
  }
  return model;
}

std::shared_ptr<Model> causal_model(const ModelSpec& spec) {
  dp::tensor_registry();
  core::ReproducibleRng rng(3, "causal");
  return spread_model(make_model(spec, {.vocabulary = kGenerationEntries, .next_token = true}, {}, rng));
}

std::vector<ModelSpec> causal_specs() {
  ModelSpec plain;
  plain.kind = "gpt";
  plain.hidden = {16};
  plain.layers = 2;
  plain.heads = 4;
  plain.longest = 32;
  plain.dropout = 0.3;  // off while a text is written
  ModelSpec llama = plain;
  llama.norm = "rms";
  llama.positions = "rotary";
  llama.kv_heads = 2;
  llama.activation = "swiglu";
  ModelSpec old = plain;
  old.pre_norm = false;
  old.tied = false;
  return {plain, llama, old};
}

void expect_near(std::span<const float> got, std::span<const float> expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 2e-5);
}

TEST(CachedGeneration, LogitsAreThoseOfWholeTexts) {
  const std::vector<std::vector<std::int64_t>> prompts{{1, 2, 3}, {4}, {5, 6, 7, 8, 9, 10}, {2, 2}};
  for (const ModelSpec& spec : causal_specs()) {
    const auto model = causal_model(spec);
    CachedDecoder cached(model, {kGenerationEntries, 32});
    UncachedDecoder naive(model);
    for (int twice = 0; twice < 2; ++twice) {  // a decoder begins anew
      expect_near(cached.start(prompts), naive.start(prompts));
      // Rows fork, end, and change places.
      const std::vector<std::vector<std::int64_t>> parents{{2, 0, 0, 3}, {1, 1, 0}, {2, 2, 2, 0, 1}, {4}};
      core::ReproducibleRng rng(9, "tokens");
      for (const auto& step : parents) {
        std::vector<std::int64_t> tokens;
        for (std::size_t r = 0; r < step.size(); ++r) tokens.push_back(static_cast<std::int64_t>(rng.below(kGenerationEntries)));
        expect_near(cached.step(step, tokens), naive.step(step, tokens));
      }
    }
  }
}

TEST(CachedGeneration, WritesTheSameTextsInEveryWay) {
  const std::vector<std::vector<std::int64_t>> prompts{{1, 2, 3}, {4}, {5, 6, 7, 8, 9, 10}};
  const std::vector<text::GenerationOptions> ways{
      {.max_new_tokens = 12, .end = {0}},
      {.max_new_tokens = 12, .end = {0}, .beams = 3, .sequences = 2},
      {.max_new_tokens = 12, .end = {0}, .sample = true, .temperature = 0.8, .top_k = 9, .sequences = 4}};
  for (const ModelSpec& spec : causal_specs()) {
    const auto model = causal_model(spec);
    CachedDecoder cached(model, {kGenerationEntries, 32});
    UncachedDecoder naive(model);
    for (const text::GenerationOptions& way : ways) {
      const auto got = text::generate(cached, prompts, way), expected = text::generate(naive, prompts, way);
      for (std::size_t p = 0; p < prompts.size(); ++p) {
        ASSERT_EQ(got[p].size(), expected[p].size());
        for (std::size_t s = 0; s < got[p].size(); ++s) {
          EXPECT_EQ(got[p][s].ids, expected[p][s].ids);
          EXPECT_NEAR(got[p][s].log_prob, expected[p][s].log_prob, 1e-3);
        }
      }
    }
  }
}

TEST(CachedGeneration, RefusesATextLongerThanTheModelReads) {
  ModelSpec spec = causal_specs().front();
  spec.longest = 4;
  CachedDecoder cached(causal_model(spec), {kGenerationEntries, 99});
  const std::vector<std::vector<std::int64_t>> prompts{{1, 2, 3}};
  cached.start(prompts);
  cached.step(std::vector<std::int64_t>{0}, std::vector<std::int64_t>{1});
  EXPECT_THROW(cached.step(std::vector<std::int64_t>{0}, std::vector<std::int64_t>{1}), Error);
}

/// The naive way for an encoder-decoder: whole batches in the form of streams.h, and what its forward
/// pass scores, from the loss of every possible next token.
TEST(CachedGeneration, AnEncoderDecodersLossesFollowFromItsSteps) {
  dp::tensor_registry();
  for (const std::string positions : {"learned", "relative"}) {
    ModelSpec spec = causal_specs().front();
    spec.positions = positions;
    core::ReproducibleRng rng(3, "pairs");
    const auto model = make_encoder_decoder(spec, kGenerationEntries, rng);
    spread_model(model);
    const std::vector<std::vector<std::int64_t>> sources{{3, 4, 5}, {6}, {7, 8, 9, 10, 11}};
    const std::vector<std::vector<std::int64_t>> targets{{2, 3}, {4, 5, 6, 7}, {8}};
    SequenceDecoder decoder(model);
    decoder.read(sources);
    std::vector<double> expected(3);
    std::vector<std::vector<std::int64_t>> begin(3, {1});
    std::span<float> logits = decoder.start(begin);
    // Row r is example 2 - r from the first step on: sources must follow their rows.
    std::vector<std::int64_t> example{0, 1, 2};
    for (std::size_t t = 0; t < 5; ++t) {
      std::vector<std::int64_t> parents, tokens, next;
      for (std::size_t r = 0; r < example.size(); ++r) {
        const auto e = static_cast<std::size_t>(example[r]);
        const std::int64_t told = t < targets[e].size() ? targets[e][t] : 0;
        const auto row = logits.subspan(r * kGenerationEntries, kGenerationEntries);
        expected[e] += (text::log_sum_exp(row) - row[static_cast<std::size_t>(told)]) /
                       static_cast<double>(targets[e].size() + 1);
        if (t < targets[e].size()) {
          parents.insert(parents.begin(), static_cast<std::int64_t>(r));
          tokens.insert(tokens.begin(), told);
          next.insert(next.begin(), example[r]);
        }
      }
      example = next;
      if (!example.empty()) logits = decoder.step(parents, tokens);
    }
    EncodedExamples data;
    for (std::size_t e = 0; e < 3; ++e) {
      std::vector<std::int64_t> input{1}, told = targets[e];
      input.insert(input.end(), targets[e].begin(), targets[e].end());
      told.push_back(0);
      append_pair(data, sources[e], input, told);
    }
    const at::Tensor loss = model->forward(collate_all(data)).loss;
    for (std::int64_t e = 0; e < 3; ++e) {
      EXPECT_NEAR(loss[e].item<double>(), expected[static_cast<std::size_t>(e)], 1e-5) << positions;
    }
  }
}

}  // namespace
}  // namespace discreet::nn::test
