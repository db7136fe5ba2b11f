// Dropout of attention weights: against torch's operations with the same masks; the masks themselves.
#include "discreet/nn/layers/attention.h"
#include "discreet/nn/layers/stream_attention.h"
#include "tests/nn/support.h"

namespace discreet::nn::test {
namespace {

constexpr std::int64_t kHeads = 2, kWidth = 3;  // of a head
const AttentionDropout kDrops{{5, 9, 0.4}, 17};

class AttentionDropoutTest : public ::testing::Test {
 protected:
  core::ReproducibleRng rng{7, "attention-dropout"};
  EncodedExamples data = random_examples({3, 0, 1, 5, 9}, 11, 11, rng);
  PackedBatch batch = collate_all(data);

  /// By torch: queries [L,h w] of example e over keys and values, with its mask.
  at::Tensor attended(std::int64_t e, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal) {
    const at::Tensor mask = attention_factors(kDrops, e, {kHeads, q.size(0), k.size(0)}, q.options());
    std::vector<at::Tensor> out;
    for (std::int64_t h = 0; h < kHeads; ++h) {
      const auto part = [&](const at::Tensor& x) { return x.narrow(1, h * kWidth, kWidth); };
      at::Tensor scores = at::mm(part(q), part(k).t()) / std::sqrt(static_cast<double>(kWidth));
      if (causal) scores = scores.masked_fill(at::ones_like(scores).to(at::kBool).triu(1), -HUGE_VAL);
      out.push_back(at::mm(scores.softmax(1) * mask[h], part(v)));
    }
    return at::cat(out, 1);
  }
};

TEST_F(AttentionDropoutTest, WeightsMeetTheirMaskBeforeTheValues) {
  const std::int64_t d = kHeads * kWidth;
  for (const bool causal : {false, true}) {
    const AttentionOptions options{.heads = kHeads, .causal = causal, .dropout = kDrops};
    expect_same([&](const auto& in) { return attention(in[0], batch, options); },
                [&](const auto& in) {
                  std::vector<at::Tensor> parts;
                  for (std::int64_t e = 0; e < batch.examples(); ++e) {
                    const at::Tensor x = in[0].narrow(0, batch.offsets[e], batch.offsets[e + 1] - batch.offsets[e]);
                    parts.push_back(attended(e, x.narrow(1, 0, d), x.narrow(1, d, d), x.narrow(1, 2 * d, d), causal));
                  }
                  return at::cat(parts);
                },
                {random_tensor({batch.token_count(), 3 * d}, rng)});
  }
}

TEST_F(AttentionDropoutTest, StreamsDropTheirsToo) {
  const std::int64_t d = kHeads * kWidth;
  const AttentionSpans spans = AttentionSpans::between(batch.offsets, {0, 2, 4, 7, 8, 12});
  const StreamAttentionOptions options{.heads = kHeads, .dropout = kDrops};
  expect_same([&](const auto& in) { return stream_attention(in[0], in[1], spans, options); },
              [&](const auto& in) {
                std::vector<at::Tensor> parts;
                for (std::int64_t e = 0; e < batch.examples(); ++e) {
                  const std::int64_t first = batch.offsets[e], length = batch.offsets[e + 1] - first;
                  const at::Tensor kv = in[1].narrow(0, spans.firsts[e], spans.lengths[e]);
                  parts.push_back(
                      attended(e, in[0].narrow(0, first, length), kv.narrow(1, 0, d), kv.narrow(1, d, d), false));
                }
                return at::cat(parts);
              },
              {random_tensor({batch.token_count(), d}, rng), random_tensor({12, 2 * d}, rng)});
}

TEST_F(AttentionDropoutTest, AnExamplesMaskIsItsOwnInEveryBatch) {
  const std::vector<std::int64_t> some{4, 3};
  const PackedBatch part = collate(data, some);
  const AttentionOptions options{.heads = kHeads, .dropout = kDrops};
  const at::Tensor x = random_tensor({batch.token_count(), 3 * kHeads * kWidth}, rng);
  const auto rows = [&](const at::Tensor& of, std::int64_t e) {
    return of.narrow(0, batch.offsets[e], batch.offsets[e + 1] - batch.offsets[e]);
  };
  const at::Tensor whole = attention(x, batch, options);
  const at::Tensor again = attention(at::cat({rows(x, 4), rows(x, 3)}), part, options);
  EXPECT_TRUE(at::allclose(again, at::cat({rows(whole, 4), rows(whole, 3)}), 1e-12, 1e-12));
  // Without their places in the data set, they would have the masks of the first two.
  EXPECT_FALSE(at::allclose(attention(x, batch, AttentionOptions{kHeads}), whole));
}

TEST(AttentionMasks, KeepTheirShareAndAreToldApart) {
  const at::TensorOptions plain(at::kFloat);
  const at::Tensor mask = attention_factors(kDrops, 3, {4, 50, 50}, plain);
  // 10,000 draws at 0.6: five standard deviations are 0.0245.
  EXPECT_NEAR(mask.gt(0).to(at::kFloat).mean().item<double>(), 0.6, 0.0245);
  EXPECT_TRUE(mask.eq(0).logical_or(mask.sub(1 / 0.6).abs().lt(1e-6)).all().item<bool>());
  EXPECT_FALSE(at::equal(mask[0], mask[1])) << "heads";
  const auto changed = [&](const auto& change) {
    AttentionDropout other = kDrops;
    change(other);
    return !at::equal(attention_factors(other, 3, {4, 50, 50}, plain), mask);
  };
  EXPECT_FALSE(changed([](AttentionDropout&) {}));
  EXPECT_TRUE(changed([](AttentionDropout& d) { d.layer = 18; }));
  EXPECT_TRUE(changed([](AttentionDropout& d) { d.key.step = 10; }));
  EXPECT_TRUE(changed([](AttentionDropout& d) { d.key.seed = 6; }));
  EXPECT_TRUE(changed([](AttentionDropout& d) { d.examples = {0, 1, 2, 4}; }));
}

}  // namespace
}  // namespace discreet::nn::test
