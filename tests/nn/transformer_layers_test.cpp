// Layers of transformers against torch's own operations, in float64 and float32.
#include "discreet/core/error.h"
#include "discreet/nn/layers/activation.h"
#include "discreet/nn/layers/attention.h"
#include "discreet/nn/layers/embedding.h"
#include "discreet/nn/layers/expanded.h"
#include "discreet/nn/layers/loss.h"
#include "discreet/nn/layers/rms_norm.h"
#include "discreet/nn/layers/tied_embedding.h"
#include "tests/nn/support.h"

namespace discreet::nn::test {
namespace {

class TransformerLayers : public ::testing::Test {
 protected:
  core::ReproducibleRng rng{7, "transformer-layers"};
  EncodedExamples data = random_examples({3, 0, 1, 5, 1, 5, 0, 9}, 11, 11, rng);
  PackedBatch batch = collate_all(data);
  std::int64_t rows = batch.token_count();

  at::Tensor random(at::IntArrayRef sizes) { return random_tensor(sizes, rng); }

  at::Tensor by_example(const at::Tensor& x,
                        const std::function<at::Tensor(const at::Tensor&)>& f) {
    std::vector<at::Tensor> parts;
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      parts.push_back(f(x.narrow(0, batch.offsets[e], batch.offsets[e + 1] - batch.offsets[e])));
    }
    return at::cat(parts);
  }

  std::vector<Use> recorded(const Function& f, const std::vector<at::Tensor>& inputs) {
    KeepingRecorder recorder;
    std::vector<at::Tensor> leaves;
    for (const at::Tensor& input : inputs) leaves.push_back(input.clone().set_requires_grad(true));
    {
      const RecordingScope scope(recorder);
      const at::Tensor value = f(leaves);
      const at::Tensor wave = at::arange(value.numel(), at::kDouble).mul(0.7).sin();
      (value * wave.view(value.sizes())).sum().backward();
    }
    EXPECT_EQ(recorder.expected.size(), recorder.uses.size());
    return recorder.uses;
  }
};

TEST_F(TransformerLayers, RmsNormIsTorchs) {
  const Function f = [&](const auto& in) {
    return rms_norm(in[0], in[1], batch.token_segments, 1e-5);
  };
  const std::vector<at::Tensor> inputs{random({rows, 37}), random({37})};
  expect_same(f, [](const auto& in) { return at::rms_norm(in[0], {37}, in[1], 1e-5); }, inputs);
  const auto uses = recorded(f, inputs);
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].kind, "rms_norm");
  EXPECT_LT(difference((uses[0].gradients[0] * uses[0].inputs[0]).sum(0),
                       evaluate(f, inputs).gradients[1]),
            1e-12);
}

TEST_F(TransformerLayers, PaddingKeepsItsRowAndGetsNoGradient) {
  const Function f = [&](const auto& in) {
    return embedding(batch.tokens, in[0], batch.token_segments, 4);
  };
  const at::Tensor weight = random({11, 6});
  ASSERT_TRUE(batch.tokens.eq(4).any().item<bool>());
  expect_same(f, [&](const auto& in) { return at::embedding(in[0], batch.tokens, 4); }, {weight});
  const auto uses = recorded(f, {weight});
  const at::Tensor padded = uses[0].gradients[0] * batch.tokens.eq(4).unsqueeze(1);
  EXPECT_EQ(padded.abs().sum().item<double>(), 0);
}

TEST_F(TransformerLayers, TiedEmbeddingIsTorchs) {
  const Function f = [&](const auto& in) {
    const TiedWeights weights{in[0], in[1]};
    const at::Tensor x =
        tied_lookup(batch.tokens, weights, batch.token_segments, {.scale = 1.5, .padding = 3});
    return tied_logits(at::tanh(x.mm(in[2])), weights, batch.token_segments);
  };
  const Function reference = [&](const auto& in) {
    const at::Tensor x = at::embedding(in[0], batch.tokens, 3) * 1.5;
    return at::linear(at::tanh(x.mm(in[2])), in[0], in[1]);
  };
  const std::vector<at::Tensor> inputs{random({11, 6}), random({11}), random({6, 6})};
  expect_same(f, reference, inputs);
  const auto uses = recorded(f, inputs);
  ASSERT_EQ(uses.size(), 2u);
  for (const Use& use : uses) EXPECT_EQ(use.kind, "tied_embedding");
  EXPECT_THROW(tied_lookup(at::full({1}, 11, at::kLong), {inputs[0], {}}, batch.token_segments), Error);
}

TEST_F(TransformerLayers, GroupedAndCausalAttentionIsTheDefinition) {
  const std::int64_t part = 4;
  for (const std::int64_t heads : {1, 4, 6}) {
    for (const std::int64_t kv_heads : {1, 2, 6}) {
      if (heads % kv_heads != 0) continue;
      for (const bool causal : {false, true}) {
        SCOPED_TRACE(std::to_string(heads) + "/" + std::to_string(kv_heads) + (causal ? " causal" : ""));
        const Function reference = [&](const auto& in) {
          return by_example(in[0], [&](const at::Tensor& x) {
            const std::int64_t length = x.size(0);
            std::vector<at::Tensor> out;
            for (std::int64_t h = 0; h < heads; ++h) {
              const std::int64_t g = h / (heads / kv_heads);
              const auto block = [&](std::int64_t b) { return x.narrow(1, b * part, part); };
              at::Tensor scores = at::mm(block(h), block(heads + g).t()) / 2.0;
              if (causal) {
                scores = scores.masked_fill(
                    at::ones({length, length}, at::kBool).triu(1), -HUGE_VAL);
              }
              out.push_back(at::mm(scores.softmax(1), block(heads + kv_heads + g)));
            }
            return at::cat(out, 1);
          });
        };
        expect_same(
            [&](const auto& in) {
              return attention(in[0], batch, AttentionOptions{heads, kv_heads, causal});
            },
            reference, {random({rows, (heads + 2 * kv_heads) * part})});
      }
    }
  }
  EXPECT_THROW(attention(random({rows, 24}), batch, AttentionOptions{4, 3}), Error);
}

TEST_F(TransformerLayers, RotaryTurnsPairsByTheirPositions) {
  const RotaryOptions options{3, 6, 100};
  const Function reference = [&](const auto& in) {
    return by_example(in[0], [&](const at::Tensor& x) {
      std::vector<at::Tensor> out;
      const at::Tensor positions = at::arange(x.size(0), at::kDouble);
      const at::Tensor rates = at::pow(at::Scalar(100.0), at::arange(3, at::kDouble) * (-2.0 / 6));
      const at::Tensor angles = at::outer(positions, rates);
      for (std::int64_t h = 0; h < 3; ++h) {
        const at::Tensor low = x.narrow(1, 6 * h, 3), high = x.narrow(1, 6 * h + 3, 3);
        out.push_back(low * angles.cos() - high * angles.sin());
        out.push_back(high * angles.cos() + low * angles.sin());
      }
      out.push_back(x.narrow(1, 18, 5));
      return at::cat(out, 1);
    });
  };
  const at::Tensor x = random({rows, 23});
  expect_same([&](const auto& in) { return rotary(in[0], batch, options); }, reference, {x});
  // Narrow types take the path of other devices, where tables and rows are tensors.
  const at::Tensor narrow = x.to(at::kBFloat16);
  const at::Tensor exact = reference({narrow.to(at::kDouble)});
  EXPECT_LE((rotary(narrow, batch, options).to(at::kDouble) - exact).abs().max().item<double>(),
            0.02 * exact.abs().max().item<double>());
  at::Tensor leaf = narrow.clone().requires_grad_(true);
  const at::Tensor turned = rotary(leaf, batch, options);
  (turned.to(at::kDouble) * exact).sum().backward();
  // Turning back what was turned forward gives what there was.
  EXPECT_LE((leaf.grad().to(at::kDouble) - narrow.to(at::kDouble)).abs().max().item<double>(),
            0.04 * x.abs().max().item<double>());
  EXPECT_THROW(rotary(x, batch, {3, 5}), Error);
  EXPECT_THROW(rotary(x, batch, {4, 6}), Error);
}

/// What a causal layer says of a row depends on no later row.
TEST_F(TransformerLayers, CausalAttentionIsBlindToTheFuture) {
  const at::Tensor x = random({rows, 3 * 8});
  const AttentionOptions options{2, 2, true};
  const at::Tensor before = attention(x, batch, options);
  at::Tensor changed = x.clone();
  changed[rows - 1].fill_(7);
  const at::Tensor after = attention(changed, batch, options);
  EXPECT_TRUE(at::equal(before.narrow(0, 0, rows - 1), after.narrow(0, 0, rows - 1)));
  EXPECT_FALSE(at::equal(before[rows - 1], after[rows - 1]));
}

TEST_F(TransformerLayers, ActivationsAreTorchs) {
  expect_same([](const auto& in) { return activate(in[0], Activation::kGeluTanh); },
              [](const auto& in) { return at::gelu(in[0], "tanh"); }, {random({50}) * 3});
  expect_same([](const auto& in) { return activate(in[0], Activation::kSwiGlu); },
              [](const auto& in) { return at::silu(in[0].narrow(1, 0, 9)) * in[0].narrow(1, 9, 9); },
              {random({rows, 18}) * 3});
  EXPECT_EQ(parse_activation("silu"), Activation::kSilu);
  EXPECT_EQ(parse_activation("quick-gelu"), Activation::kQuickGelu);
  const at::Tensor x = at::tensor({-2.0, 0.5, 3.0});
  EXPECT_TRUE(at::allclose(activate(x, Activation::kSilu), x / (1 + (-x).exp())));
  EXPECT_TRUE(at::allclose(activate(x, Activation::kQuickGelu), x / (1 + (-1.702 * x).exp())));
  const at::Tensor pair = random({3, 4});
  EXPECT_TRUE(at::allclose(activate_gated(pair, Activation::kSilu), activate(pair, Activation::kSwiGlu)));
  EXPECT_TRUE(at::allclose(activate_gated(pair, Activation::kTanh), pair.narrow(1, 0, 2).tanh() * pair.narrow(1, 2, 2)));
  EXPECT_EQ(parse_activation("swiglu"), Activation::kSwiGlu);
  EXPECT_THROW(parse_activation("swish"), Error);
  EXPECT_THROW(activate(random({2, 3}), Activation::kSwiGlu), Error);
}

TEST_F(TransformerLayers, ConsumingCrossEntropyIsThePlainOne) {
  batch.tags = batch.tags.clone();
  batch.tags[1].fill_(-1);
  batch.tags[3].fill_(-1);  // the only token of its example
  const at::Tensor x = random({rows, 11}) * 3;
  // A copy per call: the loss writes over its input.
  expect_same([&](const auto& in) { return consuming_cross_entropy(in[0] * 1.0, batch); },
              [&](const auto& in) { return token_cross_entropy(in[0], batch); }, {x});
  const at::Tensor logits = x.clone();
  consuming_cross_entropy(logits, batch);
  EXPECT_FALSE(at::equal(logits, x));
  EXPECT_EQ(logits[1].abs().sum().item<double>(), 0);
  batch.tags[0].fill_(11);
  EXPECT_THROW(consuming_cross_entropy(x.clone(), batch), Error);
}

TEST_F(TransformerLayers, ExpandedGivesOneGradientPerSegment) {
  const Function f = [&](const auto& in) {
    const at::Tensor copies = expanded(in[0], batch.token_segments);
    return copies.index_select(0, run_numbers(batch.token_segments->offsets, at::kCPU)) * in[1];
  };
  const std::vector<at::Tensor> inputs{random({6}), random({rows, 6})};
  expect_same(f, [](const auto& in) { return in[0] * in[1]; }, inputs);
  const auto uses = recorded(f, inputs);
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].kind, "generic");
  EXPECT_EQ(uses[0].gradients[0].size(0), batch.examples());
  EXPECT_LT(difference(uses[0].gradients[0].sum(0), evaluate(f, inputs).gradients[0]), 1e-12);
}

}  // namespace
}  // namespace discreet::nn::test
