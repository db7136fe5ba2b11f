// One matrix as embedding and output layer: its segments against autograd over examples one by one.
#include <gtest/gtest.h>

#include <cmath>

#include "discreet/dp/clipper.h"
#include "discreet/dp/plan.h"
#include "discreet/nn/layers/tied_embedding.h"
#include "conformance.h"
#include "tensor_registry.h"
#include "tests/nn/support.h"

namespace discreet::dp {
namespace {

struct TiedCase {
  std::int64_t entries = 13, width = 5;
  std::vector<std::int64_t> lengths{3, 0, 1, 12, 7};
  int lookups = 1, heads = 1;  // uses in one forward pass
  bool bias = true;
  nn::TiedLookup lookup{};
  at::ScalarType type = at::kDouble;
  SegmentPlan plan = SegmentPlan::kAuto;
};

struct TiedData {
  nn::TiedWeights weights;
  at::Tensor mixing;               // constant [d,d]
  std::vector<at::Tensor> ids, targets;  // of each example
};

TiedData make_tied(const TiedCase& c) {
  core::ReproducibleRng rng(3, "tied");
  TiedData data;
  const auto random = [&](at::IntArrayRef sizes) {
    return nn::test::random_tensor(sizes, rng, c.type);
  };
  data.weights.weight = (random({c.entries, c.width}) * 0.5).requires_grad_();
  if (c.bias) data.weights.bias = random({c.entries}).requires_grad_();
  data.mixing = random({c.width, c.width});
  for (const std::int64_t length : c.lengths) {
    const auto draw = [&] {
      at::Tensor ids = at::empty({length}, at::kLong);
      // Few words, so that they repeat and are targets of the example that holds them.
      const auto few = static_cast<std::uint64_t>(std::min<std::int64_t>(6, c.entries));
      for (std::int64_t t = 0; t < length; ++t) {
        ids.data_ptr<std::int64_t>()[t] = static_cast<std::int64_t>(rng.below(few));
      }
      return ids;
    };
    data.ids.push_back(draw());
    data.targets.push_back(draw());
  }
  return data;
}

using Lookup = std::function<at::Tensor(const at::Tensor& ids)>;
using Logits = std::function<at::Tensor(const at::Tensor& x)>;

/// Sum over the output layers of the mean cross-entropy of one example; 0 without tokens.
at::Tensor loss_of(const TiedCase& c, const TiedData& data, const at::Tensor& ids,
                   const at::Tensor& targets, const Lookup& lookup, const Logits& logits) {
  at::Tensor x = lookup(ids);
  for (int i = 1; i < c.lookups; ++i) x = x + lookup(ids.flip(0)) * 0.5;
  at::Tensor loss;
  for (int i = 0; i < c.heads; ++i) {
    x = at::tanh(x.mm(data.mixing));
    const at::Tensor scores = logits(x).log_softmax(1).gather(1, targets.unsqueeze(1)).neg();
    const at::Tensor one = scores.sum() / std::max<std::int64_t>(1, ids.size(0));
    loss = loss.defined() ? loss + one : one;
  }
  return loss;
}

at::Tensor flat_gradient(const TiedData& data) {
  std::vector<at::Tensor> pieces;
  for (const at::Tensor& p : {data.weights.weight, data.weights.bias}) {
    if (!p.defined()) continue;
    pieces.push_back((p.grad().defined() ? p.grad() : at::zeros_like(p)).flatten().to(at::kDouble));
    p.mutable_grad() = at::Tensor();
  }
  return at::cat(pieces);
}

/// The gradient of one example by torch's own operations.
at::Tensor reference_gradient(const TiedCase& c, const TiedData& data, std::size_t example) {
  const auto& w = data.weights;
  const Lookup lookup = [&](const at::Tensor& ids) {
    return at::embedding(w.weight, ids, c.lookup.padding) * c.lookup.scale;
  };
  const Logits logits = [&](const at::Tensor& x) { return at::linear(x, w.weight, w.bias); };
  loss_of(c, data, data.ids[example], data.targets[example], lookup, logits).backward();
  return flat_gradient(data);
}

nn::NamedTensors named(const TiedData& data) {
  nn::NamedTensors parameters{{"weight", data.weights.weight}};
  if (data.weights.bias.defined()) parameters.emplace_back("bias", data.weights.bias);
  return parameters;
}

/// A recorded pass over all examples; rows of look-ups and output layers are the tokens'.
void record_all(const TiedCase& c, const TiedData& data, SegmentClipper& clipper) {
  clipper.begin(static_cast<std::int64_t>(c.lengths.size()));
  {
    const nn::RecordingScope scope(clipper);
    auto segments = std::make_shared<nn::Segments>();
    for (const auto length : c.lengths) segments->offsets.push_back(segments->offsets.back() + length);
    const nn::Rows rows = segments;
    // All examples side by side: the reversed order of the second look-up is within each example.
    std::vector<at::Tensor> reversed;
    for (const at::Tensor& ids : data.ids) reversed.push_back(ids.flip(0));
    at::Tensor x = nn::tied_lookup(at::cat(data.ids), data.weights, rows, c.lookup);
    for (int i = 1; i < c.lookups; ++i) {
      x = x + nn::tied_lookup(at::cat(reversed), data.weights, rows, c.lookup) * 0.5;
    }
    std::vector<double> shares;
    for (const auto length : c.lengths) shares.insert(shares.end(), length, 1.0 / std::max<double>(1, length));
    const at::Tensor share = at::tensor(shares, at::kDouble).to(c.type);
    at::Tensor loss;
    for (int i = 0; i < c.heads; ++i) {
      x = at::tanh(x.mm(data.mixing));
      const at::Tensor scores = nn::tied_logits(x, data.weights, rows)
                                    .log_softmax(1)
                                    .gather(1, at::cat(data.targets).unsqueeze(1))
                                    .neg();
      const at::Tensor one = (scores.squeeze(1) * share).sum();
      loss = loss.defined() ? loss + one : one;
    }
    loss.backward();
  }
  clipper.finish();
}

void check_tied(const TiedCase& c) {
  SCOPED_TRACE(std::to_string(c.lookups) + " look-ups, " + std::to_string(c.heads) + " heads, plan " +
               std::to_string(static_cast<int>(c.plan)) + " " + c10::toString(c.type));
  const TiedData data = make_tied(c);
  const double tolerance = c.type == at::kDouble ? 1e-10 : 1e-5, clip_norm = 0.7;
  SegmentClipper clipper(named(data), privacy::ClipNorm(clip_norm), {.plan = c.plan});
  record_all(c, data, clipper);
  at::Tensor expected;
  for (std::size_t e = 0; e < c.lengths.size(); ++e) {
    const at::Tensor gradient = reference_gradient(c, data, e);
    const double norm = gradient.norm().item<double>();
    EXPECT_NEAR(clipper.norms()[e], norm, tolerance * (1 + norm)) << "example " << e;
    const at::Tensor clipped = gradient * clip_factor(norm, clip_norm);
    expected = expected.defined() ? expected + clipped : clipped;
  }
  const double error = (testing::clipped_sum(clipper, clip_norm) - expected).norm().item<double>();
  EXPECT_LE(error, tolerance * (1 + expected.norm().item<double>()));
}

TEST(TiedEmbedding, SegmentsEqualTheLoopOverExamples) {
  tensor_registry();
  for (const auto type : {at::kDouble, at::kFloat}) {
    for (const auto plan : {SegmentPlan::kAuto, SegmentPlan::kGram, SegmentPlan::kTiles}) {
      check_tied({.type = type, .plan = plan});
      check_tied({.bias = false, .type = type, .plan = plan});
      check_tied({.lookup = {.scale = 2.25, .padding = 3}, .type = type, .plan = plan});
      check_tied({.lookups = 2, .heads = 1, .type = type, .plan = plan});
      check_tied({.lookups = 1, .heads = 2, .type = type, .plan = plan});
      check_tied({.lookups = 2, .heads = 3, .lookup = {.padding = 1}, .type = type, .plan = plan});
    }
  }
}

TEST(TiedEmbedding, ThePaddingRowStillGetsTheOutputLayersGradient) {
  tensor_registry();
  const TiedCase c{.lengths = {6}, .lookup = {.padding = 2}};
  const TiedData data = make_tied(c);
  SegmentClipper clipper(named(data), privacy::ClipNorm(100));
  record_all(c, data, clipper);
  const at::Tensor row = testing::clipped_sum(clipper, 100).slice(0, 2 * c.width, 3 * c.width);
  EXPECT_GT(row.norm().item<double>(), 1e-3);
}

/// A clipper that left the cross term out would be off here by more than a percent.
TEST(TiedEmbedding, TheCrossTermMatters) {
  tensor_registry();
  const TiedCase c{.lengths = {40}, .lookup = {.scale = 2}};
  const TiedData data = make_tied(c);
  SegmentClipper clipper(named(data), privacy::ClipNorm(1));
  record_all(c, data, clipper);
  const double whole = clipper.norms()[0];
  // The same look-ups and outputs from two matrices: their norms add up without it.
  const nn::TiedWeights other{data.weights.weight.detach().clone().requires_grad_(),
                              data.weights.bias};
  const Logits logits = [&](const at::Tensor& x) {
    return at::linear(x, data.weights.weight, data.weights.bias);
  };
  const Lookup lookup = [&](const at::Tensor& ids) { return at::embedding(other.weight, ids) * 2; };
  loss_of(c, data, data.ids[0], data.targets[0], lookup, logits).backward();
  const double apart = std::hypot(flat_gradient(data).norm().item<double>(),
                                  other.weight.grad().norm().item<double>());
  EXPECT_GT(std::fabs(whole / apart - 1), 0.01);
}

/// The size of BERT's vocabulary, float32: no example moves the sum by more than the bound.
TEST(TiedEmbedding, TheBoundHoldsOnALargeVocabulary) {
  tensor_registry();
  for (const auto plan : {SegmentPlan::kGram, SegmentPlan::kTiles}) {
    for (const std::int64_t length : {1, 9, 40}) {
      const TiedCase c{.entries = 30522, .width = 64, .lengths = {length}, .type = at::kFloat,
                       .plan = plan};
      TiedData data = make_tied(c);
      data.mixing.mul_(20);
      SegmentClipper clipper(named(data), privacy::ClipNorm(0.01), {.plan = plan});
      record_all(c, data, clipper);
      EXPECT_GT(clipper.norms()[0], 0.1);
      EXPECT_LE(testing::clipped_sum(clipper, 0.01).norm().item<double>(), 0.01 * (1 + 1e-6));
    }
  }
}

}  // namespace
}  // namespace discreet::dp
