#include "discreet/core/error.h"
#include "discreet/nn/layers/activation.h"
#include "discreet/nn/layers/attention.h"
#include "discreet/nn/layers/conv1d.h"
#include "discreet/nn/layers/embedding.h"
#include "discreet/nn/layers/group_norm.h"
#include "discreet/nn/layers/gru.h"
#include "discreet/nn/layers/layer_norm.h"
#include "discreet/nn/layers/linear.h"
#include "discreet/nn/layers/loss.h"
#include "discreet/nn/layers/lstm.h"
#include "discreet/nn/layers/pool.h"
#include "tests/nn/support.h"

namespace discreet::nn::test {
namespace {

// Every length that has bitten: none, one, equal ones, long after short.
const std::vector<std::int64_t> kLengths{3, 0, 1, 5, 1, 5, 0, 9};

class Layers : public ::testing::Test {
 protected:
  core::ReproducibleRng rng{7, "layers"};
  EncodedExamples data = random_examples(kLengths, 11, 4, rng);
  PackedBatch batch = collate_all(data);
  std::int64_t rows = batch.token_count();

  at::Tensor random(at::IntArrayRef sizes) { return random_tensor(sizes, rng); }

  /// Applies `f` to each example's rows and puts the results end to end.
  at::Tensor by_example(const at::Tensor& x,
                        const std::function<at::Tensor(const at::Tensor&)>& f) {
    std::vector<at::Tensor> parts;
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      const std::int64_t first = batch.offsets[e], length = batch.offsets[e + 1] - first;
      parts.push_back(f(x.narrow(0, first, length)));
    }
    return at::cat(parts);
  }

  /// One recorded backward pass of f: parameters must get no gradient of their own.
  std::vector<Use> recorded(const Function& f, const std::vector<at::Tensor>& inputs,
                            std::vector<at::Tensor>* gradients = nullptr) {
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
    if (gradients != nullptr) {
      for (const at::Tensor& leaf : leaves) gradients->push_back(leaf.grad());
    }
    return recorder.uses;
  }
};

TEST_F(Layers, LinearIsTorchs) {
  const Function f = [&](const auto& in) {
    return linear(in[0], in[1], in[2], batch.token_segments);
  };
  const std::vector<at::Tensor> inputs{random({rows, 6}), random({5, 6}), random({5})};
  expect_same(
      f, [](const auto& in) { return at::linear(in[0], in[1], in[2]); }, inputs);
  const Function no_bias = [&](const auto& in) {
    return linear(in[0], in[1], at::Tensor(), batch.token_segments);
  };
  expect_same(no_bias, [](const auto& in) { return at::linear(in[0], in[1]); },
              {inputs[0], inputs[1]});
}

TEST_F(Layers, LinearRecordsWhatItsGradientIsMadeOf) {
  const Function f = [&](const auto& in) {
    return linear(in[0], in[1], in[2], batch.token_segments);
  };
  const std::vector<at::Tensor> inputs{random({rows, 6}), random({5, 6}), random({5})};
  const Evaluated ordinary = evaluate(f, inputs);
  std::vector<at::Tensor> gradients;
  const auto uses = recorded(f, inputs, &gradients);
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].kind, "linear");
  EXPECT_EQ(uses[0].segments->rows(), rows);
  EXPECT_LT(difference(gradients[0], ordinary.gradients[0]), 1e-12);
  EXPECT_FALSE(gradients[1].defined());
  EXPECT_FALSE(gradients[2].defined());
  EXPECT_LT(difference(at::mm(uses[0].gradients[0].t(), uses[0].inputs[0]), ordinary.gradients[1]),
            1e-12);
  EXPECT_LT(difference(uses[0].gradients[0].sum(0), ordinary.gradients[2]), 1e-12);
}

TEST_F(Layers, FrozenParametersAreUndefinedOrMakeNoUse) {
  KeepingRecorder recorder;
  const RecordingScope scope(recorder);
  const at::Tensor x = random({rows, 6}).set_requires_grad(true);
  const at::Tensor weight = random({5, 6}), bias = random({5}).set_requires_grad(true);
  linear(x, weight, bias, batch.token_segments).sum().backward();
  ASSERT_EQ(recorder.uses.size(), 1u);
  EXPECT_FALSE(recorder.uses[0].params[0].defined());
  EXPECT_TRUE(recorder.uses[0].params[1].is_same(bias));
  linear(x, weight, bias.detach(), batch.token_segments).sum().backward();
  EXPECT_EQ(recorder.uses.size(), 1u);
  EXPECT_EQ(recorder.expected.size(), 1u);
}

TEST_F(Layers, WithoutGradientsNothingIsAnnounced) {
  KeepingRecorder recorder;
  const RecordingScope scope(recorder);
  const at::NoGradGuard no_grad;
  const at::Tensor weight = random({5, 6}).set_requires_grad(true);
  EXPECT_FALSE(linear(random({rows, 6}), weight, {}, batch.token_segments).requires_grad());
  EXPECT_TRUE(recorder.expected.empty());
}

TEST_F(Layers, EmbeddingIsTorchsAndRefusesForeignIds) {
  const Function f = [&](const auto& in) {
    return embedding(batch.tokens, in[0], batch.token_segments);
  };
  const at::Tensor weight = random({11, 6});
  expect_same(f, [&](const auto& in) { return at::embedding(in[0], batch.tokens); }, {weight});
  const auto uses = recorded(f, {weight});
  ASSERT_EQ(uses.size(), 1u);
  const at::Tensor sum =
      at::zeros({11, 6}, at::kDouble).index_add(0, uses[0].inputs[0], uses[0].gradients[0]);
  EXPECT_LT(difference(sum, evaluate(f, {weight}).gradients[0]), 1e-12);
  EXPECT_THROW(embedding(at::full({1}, 11, at::kLong), weight, batch.token_segments), Error);
  EXPECT_THROW(embedding(at::full({1}, -1, at::kLong), weight, batch.token_segments), Error);
}

TEST_F(Layers, EmbeddingBagIsTheMean) {
  const Function f = [&](const auto& in) { return embedding_bag(batch, in[0]); };
  const Function reference = [&](const auto& in) {
    return by_example(at::embedding(in[0], batch.tokens), [](const at::Tensor& x) {
      return x.size(0) == 0 ? at::zeros({1, x.size(1)}, x.options()) : x.mean(0, true);
    });
  };
  const at::Tensor weight = random({11, 6});
  expect_same(f, reference, {weight});
  const auto uses = recorded(f, {weight});
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].kind, "embedding_bag");
  EXPECT_EQ(uses[0].gradients[0].size(0), batch.examples());
  EXPECT_EQ(uses[0].segments->rows(), batch.examples());
}

TEST_F(Layers, LayerNormIsTorchs) {
  const Function f = [&](const auto& in) {
    return layer_norm(in[0], in[1], in[2], batch.token_segments);
  };
  const std::vector<at::Tensor> inputs{random({rows, 37}), random({37}), random({37})};
  expect_same(
      f, [](const auto& in) { return at::layer_norm(in[0], {37}, in[1], in[2]); }, inputs);
  const Evaluated ordinary = evaluate(f, inputs);
  const auto uses = recorded(f, inputs);
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_LT(difference((uses[0].gradients[0] * uses[0].inputs[0]).sum(0), ordinary.gradients[1]),
            1e-12);
}

TEST_F(Layers, LstmIsTorchsInBothDirections) {
  const std::int64_t width = 5, hidden = 19;
  std::vector<at::Tensor> inputs{random({rows, width})};
  for (int direction = 0; direction < 2; ++direction) {
    inputs.insert(inputs.end(), {random({4 * hidden, width}) * 0.5,
                                 random({4 * hidden, hidden}) * 0.3, random({4 * hidden})});
  }
  for (const bool both : {false, true}) {
    const Function f = [&](const auto& in) {
      std::vector<LstmWeights> weights{{in[1], in[2], in[3]}};
      if (both) weights.push_back({in[4], in[5], in[6]});
      return lstm(in[0], weights, batch);
    };
    const Function reference = [&](const auto& in) {
      return by_example(in[0], [&](const at::Tensor& x) {
        const std::int64_t directions = both ? 2 : 1;
        if (x.size(0) == 0) return at::zeros({0, directions * hidden}, x.options());
        std::vector<at::Tensor> params;
        const at::Tensor none = at::zeros({4 * hidden}, x.options());
        for (std::int64_t d = 0; d < directions; ++d) {
          params.insert(params.end(), {in[1 + 3 * d], in[2 + 3 * d], in[3 + 3 * d], none});
        }
        const at::Tensor start = at::zeros({directions, 1, hidden}, x.options());
        return std::get<0>(at::lstm(x.unsqueeze(1), {start, start}, params, true, 1, 0.0, true,
                                    both, false))
            .squeeze(1);
      });
    };
    const std::vector<at::Tensor> used(inputs.begin(), inputs.begin() + (both ? 7 : 4));
    expect_same(f, reference, used);
    const Evaluated ordinary = evaluate(f, used);
    const auto uses = recorded(f, used);
    ASSERT_EQ(uses.size(), both ? 2u : 1u);
    for (std::size_t d = 0; d < uses.size(); ++d) {
      const at::Tensor& gates = uses[d].gradients[0];
      EXPECT_LT(difference(at::mm(gates.t(), uses[d].inputs[0]), ordinary.gradients[1 + 3 * d]),
                1e-12);
      EXPECT_LT(difference(at::mm(gates.t(), uses[d].inputs[1]), ordinary.gradients[2 + 3 * d]),
                1e-12);
      EXPECT_LT(difference(gates.sum(0), ordinary.gradients[3 + 3 * d]), 1e-12);
    }
  }
}

TEST_F(Layers, GruIsTorchsInBothDirections) {
  const std::int64_t width = 5, hidden = 19;
  std::vector<at::Tensor> inputs{random({rows, width})};
  for (int direction = 0; direction < 2; ++direction) {
    inputs.insert(inputs.end(),
                  {random({3 * hidden, width}) * 0.5, random({3 * hidden, hidden}) * 0.3,
                   random({3 * hidden}), random({3 * hidden})});
  }
  for (const bool both : {false, true}) {
    const Function f = [&](const auto& in) {
      std::vector<GruWeights> weights{{in[1], in[2], in[3], in[4]}};
      if (both) weights.push_back({in[5], in[6], in[7], in[8]});
      return gru(in[0], weights, batch);
    };
    const Function reference = [&](const auto& in) {
      return by_example(in[0], [&](const at::Tensor& x) {
        const std::int64_t directions = both ? 2 : 1;
        if (x.size(0) == 0) return at::zeros({0, directions * hidden}, x.options());
        const std::vector<at::Tensor> params(in.begin() + 1, in.end());
        const at::Tensor start = at::zeros({directions, 1, hidden}, x.options());
        return std::get<0>(at::gru(x.unsqueeze(1), start, params, true, 1, 0.0, true, both, false))
            .squeeze(1);
      });
    };
    const std::vector<at::Tensor> used(inputs.begin(), inputs.begin() + (both ? 9 : 5));
    expect_same(f, reference, used);
    const Evaluated ordinary = evaluate(f, used);
    std::vector<at::Tensor> gradients;
    const auto uses = recorded(f, used, &gradients);
    EXPECT_LT(difference(gradients[0], ordinary.gradients[0]), 1e-12);
    ASSERT_EQ(uses.size(), both ? 2u : 1u);
    for (std::size_t d = 0; d < uses.size(); ++d) {
      for (std::size_t side = 0; side < 2; ++side) {
        const at::Tensor& gates = uses[d].gradients[side];
        EXPECT_LT(difference(at::mm(gates.t(), uses[d].inputs[side]),
                             ordinary.gradients[1 + 4 * d + side]),
                  1e-12);
        EXPECT_LT(difference(gates.sum(0), ordinary.gradients[3 + 4 * d + side]), 1e-12);
      }
    }
  }
}

TEST_F(Layers, ConvolutionIsTorchsOnEachSequence) {
  const std::int64_t in = 6, out = 9;
  const std::vector<std::pair<Windowing, std::int64_t>> cases{
      {Windowing::same(3), 1},
      {Windowing::same(4), 3},
      {{.width = 2, .stride = 2, .dilation = 2, .left = 1, .right = 1}, 3},
      {{.width = 3, .stride = 3, .left = 2, .right = 0}, 1},
      {{.width = 5}, 3},  // wider than some sequences: those give no rows
      {{.width = 1}, 1}};
  for (const auto& [windowing, groups] : cases) {
    const Windowing w = windowing;
    const std::int64_t parts = groups;
    SCOPED_TRACE("width " + std::to_string(w.width) + ", groups " + std::to_string(parts));
    const Function f = [&](const auto& x) {
      return conv1d(x[0], x[1], x[2], batch.token_sequences(), w, parts);
    };
    const Function reference = [&](const auto& x) {
      // Ours turned to torch's [out, in / groups, width].
      const at::Tensor weight = x[1].view({out, w.width, in / parts}).transpose(1, 2);
      return by_example(x[0], [&](const at::Tensor& rows) {
        if (w.outputs(rows.size(0)) == 0) return at::zeros({0, out}, rows.options());
        const at::Tensor padded = at::constant_pad_nd(rows.t(), {w.left, w.right}).unsqueeze(0);
        return at::conv1d(padded, weight, x[2], w.stride, at::IntArrayRef({0}), w.dilation, parts)
            .squeeze(0)
            .t();
      });
    };
    const std::vector<at::Tensor> inputs{random({rows, in}), random({out, w.width * in / parts}),
                                         random({out})};
    expect_same(f, reference, inputs);
    const Evaluated ordinary = evaluate(f, inputs);
    std::vector<at::Tensor> gradients;
    const auto uses = recorded(f, inputs, &gradients);
    ASSERT_EQ(uses.size(), 1u);
    EXPECT_LT(difference(gradients[0], ordinary.gradients[0]), 1e-12);
    ASSERT_EQ(uses[0].inputs.size(), static_cast<std::size_t>(parts));
    EXPECT_EQ(uses[0].segments->rows(), uses[0].gradients[0].size(0));
    std::vector<at::Tensor> weight;
    for (std::int64_t g = 0; g < parts; ++g) {
      const at::Tensor dy = uses[0].gradients[0].narrow(1, g * out / parts, out / parts);
      weight.push_back(at::mm(dy.t(), uses[0].inputs[g]));
    }
    EXPECT_LT(difference(at::cat(weight), ordinary.gradients[1]), 1e-12);
    EXPECT_LT(difference(uses[0].gradients[0].sum(0), ordinary.gradients[2]), 1e-12);
  }
}

TEST_F(Layers, ConvolvedSequencesKeepTheirSegments) {
  const std::vector<std::int64_t> lengths{3, 0, 1, 5};
  Sequences sequences;
  for (const std::int64_t length : lengths) sequences.offsets.push_back(sequences.rows() + length);
  sequences.segments = std::make_shared<Segments>(Segments{{0, 0, 3, 4, 4, 9}});
  const Sequences out = convolved(sequences, {.width = 2, .stride = 2});
  EXPECT_EQ(out.offsets, (std::vector<std::int64_t>{0, 1, 1, 1, 3}));
  EXPECT_EQ(out.segments->offsets, (std::vector<std::int64_t>{0, 0, 1, 1, 1, 3}));
  EXPECT_EQ((Windowing{.width = 3, .left = 4, .right = 4}).outputs(0), 0);
  core::ReproducibleRng generator(1, "sizes");
  EXPECT_THROW(
      Conv1d(Conv1dOptions{.in = 4, .out = 6, .windowing = {.width = 1}, .groups = 3}, generator),
      Error);
  EXPECT_THROW(Conv1d(Conv1dOptions{.in = 4, .out = 6, .windowing = {.width = 0}}, generator),
               Error);
}

TEST_F(Layers, GroupNormIsTorchsOnEachExample) {
  const Function reference = [&](const auto& in) {
    return by_example(in[0], [&](const at::Tensor& x) {
      if (x.size(0) == 0) return x;
      return at::group_norm(x.t().unsqueeze(0), 3, in[1], in[2], 1e-5).squeeze(0).t();
    });
  };
  const Function f = [&](const auto& in) {
    return group_norm(in[0], in[1], in[2], batch.token_sequences(), 3);
  };
  const std::vector<at::Tensor> inputs{random({rows, 6}) * 2 + 1, random({6}), random({6})};
  expect_same(f, reference, inputs);
  const Evaluated ordinary = evaluate(f, inputs);
  const auto uses = recorded(f, inputs);
  ASSERT_EQ(uses.size(), 1u);
  const at::Tensor &dy = uses[0].gradients[0], &xhat = uses[0].inputs[0];
  EXPECT_LT(difference((dy * xhat).sum(0), ordinary.gradients[1]), 1e-12);
  EXPECT_LT(difference(dy.sum(0), ordinary.gradients[2]), 1e-12);
  EXPECT_THROW(GroupNorm(GroupNormOptions{6, 4}), Error);
}

TEST_F(Layers, AttentionStaysWithinExamples) {
  const std::int64_t heads = 3, width = 12;
  const Function reference = [&](const auto& in) {
    return by_example(in[0], [&](const at::Tensor& x) {
      std::vector<at::Tensor> out;
      for (std::int64_t h = 0; h < heads; ++h) {
        const auto part = [&](std::int64_t k) { return x.narrow(1, k * width + h * 4, 4); };
        out.push_back(at::mm((at::mm(part(0), part(1).t()) / 2.0).softmax(1), part(2)));
      }
      return at::cat(out, 1);
    });
  };
  expect_same([&](const auto& in) { return attention(in[0], batch, heads); }, reference,
              {random({rows, 3 * width})});
}

TEST_F(Layers, ActivationsAreTorchs) {
  const at::Tensor x =
      at::cat({random({500}) * 3, at::tensor({0.0, -20.0, 20.0, 1e-4}, at::kDouble)});
  expect_same([](const auto& in) { return activate(in[0], Activation::kGelu); },
              [](const auto& in) { return at::gelu(in[0]); }, {x});
  expect_same([](const auto& in) { return activate(in[0], Activation::kTanh); },
              [](const auto& in) { return at::tanh(in[0]); }, {x});
}

TEST_F(Layers, PoolsEachExample) {
  const auto reference = [&](const std::function<at::Tensor(const at::Tensor&)>& f,
                             std::int64_t width) {
    return [&, f, width](const std::vector<at::Tensor>& in) {
      return by_example(in[0], [&](const at::Tensor& x) {
        return x.size(0) == 0 ? at::zeros({1, width}, x.options()) : f(x).unsqueeze(0);
      });
    };
  };
  const auto check = [&](Pooling pooling, const std::function<at::Tensor(const at::Tensor&)>& f) {
    const std::int64_t width = pooled_width(pooling, 6);
    expect_same([&](const auto& in) { return pool(in[0], batch, pooling); }, reference(f, width),
                {random({rows, 6})});
  };
  const auto mean = [](const at::Tensor& x) { return x.mean(0); };
  const auto maximum = [](const at::Tensor& x) { return x.amax(0); };
  check(Pooling::kMean, mean);
  check(Pooling::kMax, maximum);
  check(Pooling::kMeanMax, [&](const at::Tensor& x) { return at::cat({mean(x), maximum(x)}); });
  check(Pooling::kFirst, [](const at::Tensor& x) { return x[0]; });
  check(Pooling::kEnds, [](const at::Tensor& x) {
    return at::cat({x[x.size(0) - 1].narrow(0, 0, 3), x[0].narrow(0, 3, 3)});
  });
  EXPECT_THROW(parse_pooling("median"), Error);
}

TEST_F(Layers, SpreadRepeatsTheExamplesRow) {
  const Function reference = [&](const auto& in) {
    std::vector<at::Tensor> parts;
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      parts.push_back(in[0][e].expand({batch.offsets[e + 1] - batch.offsets[e], 6}));
    }
    return at::cat(parts);
  };
  expect_same([&](const auto& in) { return spread(in[0], batch); }, reference,
              {random({batch.examples(), 6})});
}

TEST_F(Layers, ContextWindowStopsAtTheEnds) {
  for (const double scale : {1.0, 0.3, 0.0}) {
    const Function reference = [&](const auto& in) {
      return by_example(in[0], [&](const at::Tensor& x) {
        const at::Tensor padded = at::constant_pad_nd(x, {0, 0, 2, 2});
        std::vector<at::Tensor> shifted;
        for (std::int64_t k = 0; k < 5; ++k) shifted.push_back(padded.narrow(0, k, x.size(0)) * (k == 2 ? 1.0 : scale));
        return at::cat(shifted, 1);
      });
    };
    expect_same([&](const auto& in) { return context_window(in[0], batch, 2, scale); }, reference,
                {random({rows, 6})});
  }
}

TEST_F(Layers, CrossEntropyIsTorchsAndMeansOverScoredTokens) {
  expect_same([&](const auto& in) { return cross_entropy(in[0], batch.intent); },
              [&](const auto& in) {
                return -in[0].log_softmax(1).gather(1, batch.intent.unsqueeze(1)).squeeze(1);
              },
              {random({batch.examples(), 3}) * 4});
  PackedBatch partly = batch;
  partly.tags = batch.tags.clone();
  partly.tags[1] = -1;
  partly.tags[3] = -100;
  const Function reference = [&](const auto& in) {
    const at::Tensor scored = partly.tags.ge(0).to(in[0].scalar_type());
    const at::Tensor each =
        -in[0].log_softmax(1).gather(1, partly.tags.clamp_min(0).unsqueeze(1)).squeeze(1);
    return by_example(at::stack({each * scored, scored}, 1), [](const at::Tensor& x) {
      const at::Tensor sums = x.sum(0);
      return (sums[0] / sums[1].clamp_min(1)).unsqueeze(0);
    });
  };
  expect_same([&](const auto& in) { return token_cross_entropy(in[0], partly); }, reference,
              {random({rows, 4}) * 4});
  EXPECT_THROW(
      cross_entropy(random({batch.examples(), 1}), at::ones({batch.examples()}, at::kLong)), Error);
}

TEST_F(Layers, NaNReachesTheGradient) {
  // One bad example must be seen by whoever clips: nothing on the way may turn it into a number.
  for (const double bad : {std::nan(""), static_cast<double>(INFINITY)}) {
    at::Tensor x = random({rows, 5}).to(at::kFloat);
    x[0][2] = bad;
    x.set_requires_grad(true);
    const at::Tensor gamma = at::ones({5}), beta = at::zeros({5});
    const at::Tensor y = layer_norm(x, gamma, beta, batch.token_segments);
    const at::Tensor seen = conv1d(activate(y, Activation::kGelu), at::ones({5, 15}), {},
                                   batch.token_sequences(), Windowing::same(3));
    const at::Tensor z = group_norm(seen, gamma, beta, batch.token_sequences(), 1);
    const at::Tensor weight = at::ones({8, 5}), recurrent = at::ones({8, 2}), bias = at::ones({8});
    const at::Tensor lstm_states = lstm(z, {{weight, recurrent, bias}}, batch);
    const at::Tensor states = gru(
        lstm_states, {{at::ones({6, 2}), at::ones({6, 2}), at::ones({6}), at::ones({6})}}, batch);
    token_cross_entropy(at::cat({states, states}, 1), batch).sum().backward();
    EXPECT_FALSE(x.grad()[0].isfinite().all().item<bool>());
    // … and no other example may catch it.
    EXPECT_TRUE(x.grad()
                    .narrow(0, batch.offsets[1], rows - batch.offsets[1])
                    .isfinite()
                    .all()
                    .item<bool>());
  }
}

}  // namespace
}  // namespace discreet::nn::test
