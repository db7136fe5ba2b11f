#include "discreet/nn/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"

namespace discreet::nn {
namespace {

/// The published update rules for one number, in plain arithmetic.
struct ScalarRule {
  OptimizerOptions options;
  double m = 0, v = 0;
  int t = 0;
  double operator()(double w, double g, double rate) {
    ++t;
    const bool coupled = options.kind != OptimizerKind::kAdamW;
    if (coupled) g += options.weight_decay * w;
    if (options.kind == OptimizerKind::kSgd) return w - rate * g;
    if (options.kind == OptimizerKind::kMomentum) return w - rate * (m = options.momentum * m + g);
    if (!coupled) w -= rate * options.weight_decay * w;
    m = options.beta1 * m + (1 - options.beta1) * g;
    v = options.beta2 * v + (1 - options.beta2) * g * g;
    const double m_hat = m / (1 - std::pow(options.beta1, t));
    const double v_hat = v / (1 - std::pow(options.beta2, t));
    return w - rate * m_hat / (std::sqrt(v_hat) + options.epsilon);
  }
};

const std::vector<OptimizerKind> kKinds{OptimizerKind::kSgd, OptimizerKind::kMomentum,
                                        OptimizerKind::kAdam, OptimizerKind::kAdamW};

TEST(Optimizer, FollowsThePublishedRules) {
  for (const OptimizerKind kind : kKinds) {
    for (const auto type : {at::kFloat, at::kDouble}) {
      const OptimizerOptions options{.kind = kind, .weight_decay = 0.01};
      at::Tensor w = at::linspace(-1, 1, 37, type);
      std::vector<ScalarRule> rules(37, ScalarRule{options});
      std::vector<double> expected(37);
      for (int i = 0; i < 37; ++i) expected[i] = w[i].item<double>();
      Optimizer optimizer({{"w", w}}, options);
      for (int step = 0; step < 5; ++step) {
        const at::Tensor g = (w * 3 + 0.1 * step).clone();
        for (int i = 0; i < 37; ++i) expected[i] = rules[i](expected[i], g[i].item<double>(), 0.05);
        const std::vector<at::Tensor> gradients{g};
        optimizer.step(gradients, 0.05);
      }
      for (int i = 0; i < 37; ++i) {
        EXPECT_NEAR(w[i].item<double>(), expected[i], type == at::kDouble ? 1e-12 : 2e-5)
            << optimizer_name(kind);
      }
    }
  }
}

TEST(Optimizer, PiecesGiveTheSameAsTheWhole) {
  for (const OptimizerKind kind : kKinds) {
    at::Tensor whole = at::linspace(-1, 1, 100), pieces = whole.clone();
    const at::Tensor g = at::linspace(1, 3, 100);
    Optimizer first({{"w", whole}}, {.kind = kind}), second({{"w", pieces}}, {.kind = kind});
    for (int step = 0; step < 3; ++step) {
      first.step(std::vector<at::Tensor>{g}, 0.1);
      second.begin_step(0.1);
      const std::span<const float> values(g.const_data_ptr<float>(), 100);
      second.update(0, 0, values.subspan(0, 33));
      second.update(0, 33, values.subspan(33));
    }
    EXPECT_TRUE(at::equal(whole, pieces));
  }
}

TEST(Optimizer, ResumesFromItsState) {
  for (const OptimizerKind kind : kKinds) {
    at::Tensor w = at::linspace(-1, 1, 10);
    const std::vector<at::Tensor> g{at::ones({10})};
    Optimizer first({{"w", w}}, {.kind = kind});
    first.step(g, 0.1);
    NamedTensors saved;
    for (const auto& [name, tensor] : first.state()) saved.emplace_back(name, tensor.clone());
    at::Tensor resumed = w.clone();
    first.step(g, 0.1);
    Optimizer second({{"w", resumed}}, {.kind = kind});
    second.load(saved);
    second.step(g, 0.1);
    EXPECT_TRUE(at::equal(w, resumed));
    EXPECT_EQ(second.steps(), 2);
  }
}

TEST(Optimizer, RefusesAStateThatDoesNotFit) {
  Optimizer adam({{"w", at::zeros({4})}}, {.kind = OptimizerKind::kAdam});
  Optimizer other({{"w", at::zeros({5})}}, {.kind = OptimizerKind::kAdam});
  EXPECT_THROW(adam.load(other.state()), Error);
  EXPECT_THROW(adam.load({{"steps", at::ones({1}, at::kLong)}}), Error);
  EXPECT_EQ(adam.steps(), 0);
}

TEST(Optimizer, Names) {
  for (const OptimizerKind kind : kKinds) EXPECT_EQ(parse_optimizer(optimizer_name(kind)), kind);
  EXPECT_THROW(parse_optimizer("sdg"), Error);
}

}  // namespace
}  // namespace discreet::nn
