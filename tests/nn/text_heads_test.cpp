#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/nn/masked_model.h"
#include "discreet/nn/span_model.h"
#include "discreet/nn/tag_rules.h"
#include "support.h"

namespace discreet {
void register_all_model(core::Registry&);
}

namespace discreet::nn {
namespace {

void know_models() {
  if (!core::registry().contains("model", "bow")) register_all_model(core::registry());
}

PackedBatch batch_of(const std::vector<std::vector<std::int64_t>>& tags) {
  EncodedExamples data;
  for (const auto& example : tags) {
    for (const std::int64_t tag : example) {
      data.tokens.push_back(1);
      data.tags.push_back(tag);
    }
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
  }
  return test::collate_all(data);
}

/// By libtorch's own operations, example by example.
at::Tensor plain_span_loss(const at::Tensor& logits, const PackedBatch& batch) {
  std::vector<at::Tensor> losses;
  const auto* tags = batch.tags.const_data_ptr<std::int64_t>();
  for (std::int64_t e = 0; e < batch.examples(); ++e) {
    at::Tensor loss = at::zeros({}, logits.options());
    for (const std::int64_t end : {0, 1}) {
      std::vector<at::Tensor> open;
      std::int64_t right = -1;
      for (std::int64_t n = batch.offsets[e]; n < batch.offsets[e + 1]; ++n) {
        if (tags[n] < 0) continue;
        if ((tags[n] & (end == 0 ? kSpanStarts : kSpanEnds)) != 0) right = static_cast<std::int64_t>(open.size());
        open.push_back(logits[n][end]);
      }
      if (right >= 0) loss = loss - at::stack(open).log_softmax(0)[right] * 0.5;
    }
    losses.push_back(loss);
  }
  return at::stack(losses);
}

TEST(SpanLoss, IsTheMeanOfTwoSoftmaxesOverTheAllowedRows) {
  const PackedBatch batch = batch_of({{0, -1, 1, 2, 0}, {3}, {}, {0, 0}, {-1, -1}, {3, -1, 0, 0}});
  core::ReproducibleRng rng(3);
  test::expect_same([&](const auto& in) { return span_cross_entropy(in[0], batch); },
                    [&](const auto& in) { return plain_span_loss(in[0], batch); },
                    {test::random_tensor({batch.token_count(), 2}, rng)});
}

TEST(SpanLoss, BearsLargeLogits) {
  const PackedBatch batch = batch_of({{0, 1, 2}});
  const at::Tensor logits = at::full({3, 2}, 1e4, at::kDouble);
  EXPECT_NEAR(span_cross_entropy(logits, batch).item<double>(), std::log(3), 1e-12);
}

const std::vector<std::int64_t> kText{7, 1, 2, 3, 4, 2, 3, 5, 6, 8};

TEST(Masks, AreTheSameForAStepAndNewInTheNext) {
  const MaskRule rule{.rate = 0.5, .mask = 9, .ids = 9};
  const Masked one = draw_masks(rule, kText, 5, 17, 3), same = draw_masks(rule, kText, 5, 17, 3);
  EXPECT_EQ(one.tokens, same.tokens);
  EXPECT_EQ(one.labels, same.labels);
  EXPECT_NE(one.labels, draw_masks(rule, kText, 5, 17, 4).labels);
  EXPECT_NE(one.labels, draw_masks(rule, kText, 5, 18, 3).labels);
  EXPECT_NE(one.labels, draw_masks(rule, kText, 6, 17, 3).labels);
}

TEST(Masks, AtLeastOneTokenIsToldAndNoneThatIsSpecial) {
  const MaskRule rule{.rate = 1e-9, .mask = 9, .ids = 9, .special = {0, 0, 0, 0, 0, 0, 0, 1, 1}};
  for (std::uint64_t example = 0; example < 200; ++example) {
    const Masked drawn = draw_masks(rule, kText, 1, example, 1);
    EXPECT_EQ(std::count_if(drawn.labels.begin(), drawn.labels.end(), [](auto id) { return id >= 0; }), 1);
    EXPECT_EQ(drawn.labels.front(), -1);
    EXPECT_EQ(drawn.labels.back(), -1);
    EXPECT_EQ(std::count(drawn.tokens.begin(), drawn.tokens.end(), 8), 1);  // 8 is never drawn
  }
  const std::vector<std::int64_t> special{7, 8};
  EXPECT_EQ(draw_masks(rule, special, 1, 0, 1).labels, (std::vector<std::int64_t>{-1, -1}));
}

// 3 million draws: six standard deviations are below 0.0015.
TEST(Masks, SharesAreThoseOfTheRule) {
  const std::int64_t mask = 1000;
  const MaskRule rule{.rate = 0.15, .mask = mask, .ids = mask};
  const std::vector<std::int64_t> text(1000, 1);
  double told = 0, masked = 0, kept = 0;
  constexpr int kExamples = 3000;
  for (int example = 0; example < kExamples; ++example) {
    const Masked drawn = draw_masks(rule, text, 2, example, 1);
    for (std::size_t n = 0; n < text.size(); ++n) {
      if (drawn.labels[n] < 0) {
        ASSERT_EQ(drawn.tokens[n], 1);
        continue;
      }
      ++told;
      masked += drawn.tokens[n] == mask;
      kept += drawn.tokens[n] == 1;
    }
  }
  EXPECT_NEAR(told / (1000.0 * kExamples), 0.15, 0.0015);
  EXPECT_NEAR(masked / told, 0.8, 0.004);
  EXPECT_NEAR(kept / told, 0.1 + 0.1 / 1000, 0.003);
}

TEST(Masks, WholeWordsAreToldTogether) {
  // Ids 2 and 3 go on with the word before them; the text's first word is 1 2 3, its second 4 2 3.
  MaskRule rule{.rate = 0.5, .whole_words = true, .mask = 9, .ids = 9, .special = {}, .continues = {0, 0, 1, 1}};
  std::set<std::vector<bool>> seen;
  for (std::uint64_t example = 0; example < 300; ++example) {
    const Masked drawn = draw_masks(rule, kText, 1, example, 1);
    const auto told = [&](std::size_t n) { return drawn.labels[n] >= 0; };
    ASSERT_EQ(told(1), told(2));
    ASSERT_EQ(told(2), told(3));
    ASSERT_EQ(told(4), told(5));
    seen.insert({told(1), told(4)});
  }
  EXPECT_EQ(seen.size(), 4u);
}

ModelSpec small_spec(const std::string& kind) {
  know_models();
  ModelSpec spec;
  spec.kind = kind;
  spec.hidden = {8};
  spec.embedding = 8;
  spec.heads = 2;
  spec.longest = 32;
  return spec;
}

TEST(MaskedModel, TellsTheSameTokensInEveryEvaluation) {
  const ModelSpec spec = small_spec("transformer");
  core::ReproducibleRng rng(1);
  const auto model = make_masked_model(spec, 10, {.rate = 0.3, .mask = 9, .ids = 9}, {}, rng);
  EncodedExamples data;
  for (int e = 0; e < 4; ++e) {
    data.tokens.insert(data.tokens.end(), kText.begin(), kText.end());
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
  }
  const PackedBatch batch = test::collate_all(data);
  model->eval();
  model->set_dropout(1, 5);
  const ModelOutput first = model->forward(batch);
  model->set_dropout(2, 6);
  const MaskCounts counts = model->counts();
  const ModelOutput second = model->forward(batch);
  EXPECT_TRUE(at::equal(first.loss, second.loss));
  EXPECT_EQ(counts.told, model->counts().told);
  // Alone in its batch an example has the loss that it has among others.
  const std::int64_t third[] = {2};
  const ModelOutput alone = model->forward(collate(data, third));
  EXPECT_NEAR(alone.loss.item<float>(), first.loss[2].item<float>(), 1e-5);
  model->train();
  model->set_dropout(1, 5);
  const ModelOutput trained = model->forward(batch);
  model->set_dropout(1, 6);
  EXPECT_FALSE(at::equal(trained.loss, model->forward(batch).loss));
  for (std::size_t e = 0; e < 4; ++e) EXPECT_LE(counts.correct[e], counts.told[e]);
}

TEST(MaskedModel, RefusesWhatSeesOneSide) {
  const ModelSpec spec = small_spec("gpt");
  core::ReproducibleRng rng(1);
  EXPECT_THROW(make_masked_model(spec, 10, {.mask = 9, .ids = 9}, {}, rng), Error);
  EXPECT_THROW(make_span_model(small_spec("bilstm-crf"), 10, {}, rng), Error);
}

// The later pieces of a word stand between tags and take no part: B-a, (piece), I-a keeps the rules of
// B-a, I-a.
TEST(TaggedPieces, AreDecodedFromWordToWord) {
  ModelSpec spec = small_spec("bow");
  core::ReproducibleRng rng(4);
  const auto model = make_model(spec, {.vocabulary = 10, .tags = 5}, {}, rng);
  const std::vector<std::string> names = {"O", "B-a", "I-a", "B-b", "I-b"};
  model->set_tag_rules(bio_rules(names));
  model->eval();
  EncodedExamples data;
  for (int e = 0; e < 3; ++e) {
    data.tokens.insert(data.tokens.end(), kText.begin(), kText.end());
    for (std::size_t n = 0; n < kText.size(); ++n) data.tags.push_back(n % 3 == 1 || e == 2 ? -1 : 0);
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
  }
  const PackedBatch batch = test::collate_all(data);
  ModelOutput output = model->forward(batch);
  output.emissions = test::random_tensor({batch.token_count(), 5}, rng, at::kFloat);
  const std::vector<std::int64_t> tags = model->decode(batch, output).tags;
  for (int e = 0; e < 2; ++e) {
    std::vector<std::int64_t> rows, words;
    for (std::int64_t n = batch.offsets[e]; n < batch.offsets[e + 1]; ++n) {
      if (data.tags[n] < 0) {
        EXPECT_EQ(tags[n], 0);
        continue;
      }
      rows.push_back(n);
      words.push_back(tags[n]);
    }
    const std::vector<std::int64_t> offsets{0, static_cast<std::int64_t>(rows.size())};
    EXPECT_EQ(words, decode_by_rules(output.emissions.index_select(0, at::tensor(rows, at::kLong)), offsets,
                                     bio_rules(names)));
  }
}

}  // namespace
}  // namespace discreet::nn
