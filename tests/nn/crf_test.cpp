#include "discreet/nn/layers/crf.h"

#include "discreet/core/error.h"
#include "tests/nn/support.h"

namespace discreet::nn::test {
namespace {

constexpr std::int64_t kTags = 3;

/// Calls visit(path) for every tag sequence of the given length.
void for_each_path(std::int64_t length,
                   const std::function<void(const std::vector<std::int64_t>&)>& visit) {
  std::vector<std::int64_t> path(length, 0);
  for (;;) {
    visit(path);
    std::int64_t t = 0;
    while (t < length && ++path[t] == kTags) path[t++] = 0;
    if (t == length) return;
  }
}

at::Tensor path_score(const at::Tensor& emissions, const CrfWeights& w,
                      const std::vector<std::int64_t>& path) {
  at::Tensor score = w.start[path.front()] + w.end[path.back()];
  for (std::size_t t = 0; t < path.size(); ++t) {
    score = score + emissions[static_cast<std::int64_t>(t)][path[t]];
    if (t > 0) score = score + w.transitions[path[t - 1]][path[t]];
  }
  return score;
}

class RandomField : public ::testing::Test {
 protected:
  core::ReproducibleRng rng{3, "crf"};
  PackedBatch batch = collate_all(random_examples({4, 0, 1, 2, 5}, 7, kTags, rng));
  std::vector<at::Tensor> inputs{random_tensor({batch.token_count(), kTags}, rng) * 2,
                                 random_tensor({kTags, kTags}, rng), random_tensor({kTags}, rng),
                                 random_tensor({kTags}, rng)};
  CrfWeights weights_of(const std::vector<at::Tensor>& in) { return {in[1], in[2], in[3]}; }

  /// Each example's tags by `decoded` are the best path of all that `allowed` takes, by enumeration.
  void expect_best(const std::vector<std::int64_t>& decoded, const CrfWeights& weights,
                   const std::function<bool(const std::vector<std::int64_t>&)>& allowed) {
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      const std::int64_t first = batch.offsets[e], length = batch.offsets[e + 1] - first;
      if (length == 0) continue;
      const at::Tensor emissions = inputs[0].narrow(0, first, length);
      double best = -INFINITY;
      std::vector<std::int64_t> best_path;
      for_each_path(length, [&](const auto& path) {
        const double score = path_score(emissions, weights, path).template item<double>();
        if (allowed(path) && score > best) {
          best = score;
          best_path = path;
        }
      });
      EXPECT_EQ(std::vector<std::int64_t>(decoded.begin() + first, decoded.begin() + first + length), best_path);
    }
  }

  /// The definition, by enumeration, differentiated by autograd; a broken rule costs kBrokenRule.
  at::Tensor enumerated_loss(std::vector<at::Tensor> in, const TagRules& rules = {}) {
    for (std::int64_t k = 0; !rules.empty() && k < kTags * kTags; ++k) {
      at::Tensor barred = at::zeros({kTags, kTags}, in[1].options()), first = at::zeros({kTags}, in[2].options());
      if (rules.follows[k] == 0) barred.view(-1)[k] = kBrokenRule;
      if (k < kTags && rules.start[k] == 0) first[k] = kBrokenRule;
      in[1] = in[1] - barred;
      in[2] = in[2] - first;
    }
    std::vector<at::Tensor> losses;
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      const std::int64_t first = batch.offsets[e], length = batch.offsets[e + 1] - first;
      if (length == 0) {
        losses.push_back(at::zeros({}, in[0].options()));
        continue;
      }
      const at::Tensor emissions = in[0].narrow(0, first, length);
      const auto* gold = batch.tags.data_ptr<std::int64_t>() + first;
      std::vector<at::Tensor> scores;
      for_each_path(length, [&](const auto& path) {
        scores.push_back(path_score(emissions, weights_of(in), path));
      });
      const at::Tensor own = path_score(emissions, weights_of(in), {gold, gold + length});
      losses.push_back((at::stack(scores).logsumexp(0) - own) / static_cast<double>(length));
    }
    return at::stack(losses);
  }
};

TEST_F(RandomField, LossAndGradientsAreTheEnumeratedOnes) {
  expect_same([&](const auto& in) { return crf_loss(in[0], weights_of(in), batch); },
              [&](const auto& in) { return enumerated_loss(in); }, inputs);
}

TEST_F(RandomField, LargeScoresKeepTheirPrecision) {
  std::vector<at::Tensor> large = inputs;
  for (at::Tensor& input : large) input = input * 30;
  const Evaluated expected = evaluate([&](const auto& in) { return enumerated_loss(in); }, large);
  const Evaluated got =
      evaluate([&](const auto& in) { return crf_loss(in[0], weights_of(in), batch); }, large);
  EXPECT_LT(difference(got.value, expected.value), 1e-10);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_LT(difference(got.gradients[i], expected.gradients[i]), 1e-10);
}

TEST_F(RandomField, RecordsPerExampleGradients) {
  const Function f = [&](const auto& in) { return crf_loss(in[0], weights_of(in), batch); };
  const Evaluated ordinary = evaluate(f, inputs);
  KeepingRecorder recorder;
  {
    const RecordingScope scope(recorder);
    const Evaluated recorded = evaluate(f, inputs);
    EXPECT_FALSE(recorded.gradients[1].defined());
    EXPECT_LT(difference(recorded.gradients[0], ordinary.gradients[0]), 1e-12);
  }
  ASSERT_EQ(recorder.uses.size(), 1u);
  const Use& use = recorder.uses[0];
  EXPECT_EQ(use.kind, "crf");
  EXPECT_EQ(use.segments->rows(), batch.examples());
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(use.gradients[i].size(0), batch.examples());
    EXPECT_LT(difference(use.gradients[i].sum(0), ordinary.gradients[i + 1]), 1e-12);
    EXPECT_EQ(use.gradients[i][1].abs().max().item<double>(), 0) << "an empty example";
  }
}

TEST_F(RandomField, DecodesTheBestPath) {
  const CrfWeights weights = weights_of(inputs);
  expect_best(crf_decode(inputs[0], weights, batch), weights, [](const auto&) { return true; });
}

TEST_F(RandomField, AScaleIsOfItsScoresAlone) {
  const auto scaled = [](const std::vector<at::Tensor>& in) { return CrfWeights{in[1], in[2], in[3], 3.5}; };
  const auto by_hand = [](const std::vector<at::Tensor>& in) {
    return std::vector<at::Tensor>{in[0], in[1] * 3.5, in[2] * 3.5, in[3] * 3.5};
  };
  expect_same([&](const auto& in) { return crf_loss(in[0], scaled(in), batch); },
              [&](const auto& in) { return enumerated_loss(by_hand(in)); }, inputs);
  EXPECT_EQ(crf_decode(inputs[0], scaled(inputs), batch), crf_decode(inputs[0], weights_of(by_hand(inputs)), batch));
  KeepingRecorder recorder;
  Evaluated recorded, ordinary = evaluate([&](const auto& in) { return crf_loss(in[0], scaled(in), batch); }, inputs);
  {
    const RecordingScope scope(recorder);
    recorded = evaluate([&](const auto& in) { return crf_loss(in[0], scaled(in), batch); }, inputs);
  }
  ASSERT_EQ(recorder.uses.size(), 1u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_LT(difference(recorder.uses[0].gradients[i].sum(0), ordinary.gradients[i + 1]), 1e-12);
  }
}

TEST_F(RandomField, DecodesTheBestPathThatTheRulesAllow) {
  const TagRules rules = bio_rules(std::vector<std::string>{"O", "B-a", "I-a"});
  const CrfWeights weights = weights_of(inputs);
  const std::vector<std::int64_t> decoded = crf_decode(inputs[0], weights, batch, rules);
  expect_best(decoded, weights, [&](const auto& path) {
    bool allowed = rules.start[path[0]] != 0;
    for (std::size_t t = 1; t < path.size(); ++t) allowed = allowed && rules.follows[path[t - 1] * kTags + path[t]] != 0;
    return allowed;
  });
  EXPECT_NE(decoded, crf_decode(inputs[0], weights, batch)) << "the rules have to matter in this test";
}

TEST_F(RandomField, RulesInTheLossCostWhoeverBreaksThem) {
  const TagRules rules = bio_rules(std::vector<std::string>{"O", "B-a", "I-a"});
  const Function ruled = [&](const auto& in) { return crf_loss(in[0], weights_of(in), batch, rules); };
  expect_same(ruled, [&](const auto& in) { return enumerated_loss(in, rules); }, inputs);
  // The random gold tags break rules: their loss is larger by what that costs, and no other is.
  const at::Tensor free = evaluate([&](const auto& in) { return crf_loss(in[0], weights_of(in), batch); }, inputs).value;
  const at::Tensor more = evaluate(ruled, inputs).value - free;
  std::int64_t breaking = 0;
  for (std::int64_t e = 0; e < batch.examples(); ++e) {
    const std::int64_t first = batch.offsets[e], length = batch.offsets[e + 1] - first;
    const auto* gold = batch.tags.data_ptr<std::int64_t>() + first;
    int broken = length > 0 && rules.start[gold[0]] == 0 ? 1 : 0;
    for (std::int64_t t = 1; t < length; ++t) broken += rules.follows[gold[t - 1] * kTags + gold[t]] == 0 ? 1 : 0;
    breaking += broken > 0 ? 1 : 0;
    if (broken == 0) {
      EXPECT_LE(more[e].item<double>(), 0);
    } else {
      EXPECT_GT(more[e].item<double>(), 0);
      EXPECT_LE(more[e].item<double>(), kBrokenRule * broken / static_cast<double>(length));
    }
  }
  EXPECT_GT(breaking, 0) << "the rules have to matter in this test";
}

TEST_F(RandomField, RefusesTokensWithoutATag) {
  PackedBatch partly = batch;
  partly.tags = batch.tags.clone();
  partly.tags[0] = -1;
  EXPECT_THROW(crf_loss(inputs[0], weights_of(inputs), partly), Error);
}

TEST_F(RandomField, BadScoresStayInTheirExample) {
  at::Tensor emissions = inputs[0].clone();
  emissions[0][1] = std::nan("");
  emissions.set_requires_grad(true);
  const at::Tensor loss = crf_loss(emissions, weights_of(inputs), batch);
  loss.sum().backward();
  EXPECT_TRUE(loss[0].isnan().item<bool>());
  EXPECT_TRUE(loss.narrow(0, 1, 4).isfinite().all().item<bool>());
  EXPECT_TRUE(emissions.grad().narrow(0, 4, batch.token_count() - 4).isfinite().all().item<bool>());
}

}  // namespace
}  // namespace discreet::nn::test
