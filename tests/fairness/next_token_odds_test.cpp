#include "discreet/fairness/next_token_odds.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/nn/decoder.h"
#include "discreet/nn/hidden_rows.h"
#include "discreet/nn/last_rows.h"
#include "discreet/nn/pretrained/model.h"
#include "tests/dp/tensor_registry.h"
#include "tests/nn/places.h"
#include "tests/nn/tiny_pretrained.h"

namespace discreet::fairness {
namespace {

constexpr std::int64_t kWords = 40;

std::shared_ptr<nn::Model> language_model(bool pretrained) {
  dp::tensor_registry();
  core::ReproducibleRng rng(4, "model");
  if (pretrained) {
    const nn::PretrainedSource source = nn::open_source(nn::test::tiny_pretrained("gpt2", kWords, {{"architectures", {"GPT2LMHeadModel"}}}));
    return std::make_shared<nn::PretrainedModel>(source, nn::head_of(source.architecture, nn::PretrainedHead::kNextToken, "gpt2"), rng);
  }
  nn::ModelSpec spec;
  spec.kind = "gpt";
  spec.hidden = {8};
  spec.heads = 2;
  spec.layers = 2;
  return nn::make_model(spec, {.vocabulary = kWords, .next_token = true}, {}, rng);
}

const std::vector<std::vector<std::int64_t>> kPrompts = {{3, 5, 7}, {1}, {9, 9, 2, 4, 11, 30}, {0, 39}};

TEST(NextTokenOdds, AreThoseOfTheLogitsAfterEachPromptAlone) {
  const std::vector<std::int64_t> first = {2, 17}, second = {5};
  for (const bool pretrained : {false, true}) {
    nn::test::for_places([&](const nn::test::Place& place) {
      SCOPED_TRACE(place.name);
      const auto model = language_model(pretrained);
      model->move_to(place.device);
      const std::vector<double> odds = next_token_log_odds(*model, kPrompts, first, second);
      ASSERT_EQ(odds.size(), kPrompts.size());
      const at::NoGradGuard no_grad;
      model->eval();
      for (std::size_t i = 0; i < kPrompts.size(); ++i) {
        const std::int64_t one[] = {0};
        const at::Tensor all = model->forward(nn::collate(nn::examples_of(std::span(kPrompts).subspan(i, 1)), one)).emissions;
        ASSERT_EQ(all.size(0), static_cast<std::int64_t>(kPrompts[i].size()));
        const at::Tensor p = all[-1].to(at::kCPU, at::kDouble).softmax(0);
        EXPECT_NEAR(odds[i], std::log((p[2] + p[17]).item<double>() / p[5].item<double>()), 1e-5);
      }
    });
  }
}

TEST(NextTokenOdds, RefuseAnEmptyPromptAndTokensThatAreNone) {
  const auto model = language_model(false);
  const std::vector<std::int64_t> word = {2}, none, beyond = {kWords};
  const std::vector<std::vector<std::int64_t>> empty = {{1, 2}, {}};
  EXPECT_THROW(next_token_log_odds(*model, empty, word, word), Error);
  EXPECT_THROW(next_token_log_odds(*model, kPrompts, word, none), Error);
  EXPECT_THROW(next_token_log_odds(*model, kPrompts, beyond, word), Error);
}

TEST(LastRows, LeaveHiddenRowsWhole) {
  const at::NoGradGuard no_grad;
  const auto model = language_model(true);
  model->eval();
  const nn::EncodedExamples examples = nn::examples_of(kPrompts);
  const nn::PackedBatch batch = nn::collate(examples, std::vector<std::int64_t>{0, 1, 2, 3});
  at::Tensor whole, all;
  {
    const nn::HiddenRowsScope hidden;
    all = model->forward(batch).emissions;
    whole = hidden.rows();
  }
  const nn::HiddenRowsScope hidden;
  const nn::LastRowsScope last;
  const at::Tensor logits = model->forward(batch).emissions;
  EXPECT_TRUE(at::equal(hidden.rows(), whole));
  ASSERT_EQ(logits.size(0), 4);
  EXPECT_LT((logits - all.index_select(0, at::tensor(std::vector<std::int64_t>{2, 3, 9, 11}))).abs().max().item<double>(), 1e-5);
}

}  // namespace
}  // namespace discreet::fairness
