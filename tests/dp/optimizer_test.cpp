#include "discreet/nn/optimizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"

namespace discreet::nn {
namespace {

/// The published update rules for one number, in plain arithmetic.
struct ScalarRule {
  OptimizerOptions options;
  double m = 0, v = 0, noise = 0;
  int t = 0;
  double operator()(double w, double g, double rate, double variance = 0) {
    ++t;
    const bool coupled = options.kind != OptimizerKind::kAdamW && options.kind != OptimizerKind::kAdamBc;
    if (coupled) g += options.weight_decay * w;
    if (options.kind == OptimizerKind::kSgd) return w - rate * g;
    if (options.kind == OptimizerKind::kMomentum) return w - rate * (m = options.momentum * m + g);
    if (options.kind == OptimizerKind::kNesterov) {
      m = options.momentum * m + g;
      return w - rate * (g + options.momentum * m);
    }
    if (!coupled) w -= rate * options.weight_decay * w;
    m = options.beta1 * m + (1 - options.beta1) * g;
    v = options.beta2 * v + (1 - options.beta2) * g * g;
    const double m_hat = m / (1 - std::pow(options.beta1, t));
    const double v_hat = v / (1 - std::pow(options.beta2, t));
    if (options.kind == OptimizerKind::kAdamBc) {
      noise = options.beta2 * noise + (1 - options.beta2) * variance;
      const double noise_hat = noise / (1 - std::pow(options.beta2, t));
      return w - rate * m_hat / std::sqrt(std::max(v_hat - noise_hat, options.floor));
    }
    return w - rate * m_hat / (std::sqrt(v_hat) + options.epsilon);
  }
};

const std::vector<OptimizerKind> kKinds{OptimizerKind::kSgd, OptimizerKind::kMomentum,
                                        OptimizerKind::kNesterov, OptimizerKind::kAdam,
                                        OptimizerKind::kAdamW, OptimizerKind::kAdamBc};

TEST(Optimizer, FollowsThePublishedRules) {
  for (const OptimizerKind kind : kKinds) {
    for (const auto type : {at::kFloat, at::kDouble}) {
      const OptimizerOptions options{.kind = kind, .weight_decay = 0.01, .floor = 0.5};
      at::Tensor w = at::linspace(-1, 1, 37, type);
      std::vector<ScalarRule> rules(37, ScalarRule{options});
      std::vector<double> expected(37);
      for (int i = 0; i < 37; ++i) expected[i] = w[i].item<double>();
      Optimizer optimizer({{"w", w}}, options);
      for (int step = 0; step < 5; ++step) {
        const at::Tensor g = (w * 3 + 0.1 * step).clone();
        const std::vector<double> variance{0.3 + 0.1 * step};
        for (int i = 0; i < 37; ++i) {
          expected[i] = rules[i](expected[i], g[i].item<double>(), 0.05, variance[0]);
        }
        const std::vector<at::Tensor> gradients{g};
        optimizer.step(gradients, 0.05, variance);
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
      second.begin_step(0.1, std::vector<double>{});
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

/// E[(g + xi)^2] - Phi = g^2, also where Phi changes from step to step and differs between parameters:
/// after a long run the denominator is the gradient's own size, where Adam's is the noise's.
TEST(Optimizer, AdamBcTakesTheNoiseOutOfTheSecondMoment) {
  constexpr std::int64_t kSize = 20000;
  constexpr double kGradient = 0.2, kRate = 1e-3;
  at::Tensor a = at::zeros({kSize}, at::kDouble), b = at::zeros({kSize}, at::kDouble);
  Optimizer optimizer({{"a", a}, {"b", b}},
                      {.kind = OptimizerKind::kAdamBc, .beta1 = 0, .beta2 = 0.999, .floor = 1e-3});
  core::ReproducibleRng rng(3, "noise");
  const auto noisy = [&](double deviation) {
    at::Tensor g = at::empty({kSize}, at::kDouble);
    for (std::int64_t i = 0; i < kSize; ++i) g.data_ptr<double>()[i] = kGradient + deviation * rng.normal();
    return g;
  };
  for (int step = 0; step < 300; ++step) {
    const double deviation = step < 150 ? 0.1 : 0.05;
    const std::vector<at::Tensor> gradients{noisy(deviation), noisy(2 * deviation)};
    optimizer.step(gradients, kRate,
                   std::vector<double>{deviation * deviation, 4 * deviation * deviation});
  }
  NamedTensors state = optimizer.state();
  const double correction = 1 - std::pow(0.999, 300);
  const double* noise = state[1].second.data_ptr<double>();
  EXPECT_EQ(state[1].first, "noise_variance");
  const double left_a = (state[3].second.mean().item<double>() - noise[0]) / correction;
  const double left_b = (state[5].second.mean().item<double>() - noise[1]) / correction;
  // 300 steps of 20,000 values: the mean square is known to about 2e-5.
  EXPECT_NEAR(left_a, kGradient * kGradient, 2e-4);
  EXPECT_NEAR(left_b, kGradient * kGradient, 4e-4);
}

TEST(Optimizer, TheFloorIsTheStandardErrorOfANoisySecondMoment) {
  constexpr double kVariance = 0.7, kBeta2 = 0.9;
  core::ReproducibleRng rng(4, "noise");
  for (const int steps : {1, 3, 40}) {
    double sum = 0, squares = 0;
    constexpr int kTrials = 20000;
    for (int trial = 0; trial < kTrials; ++trial) {
      double v = 0;
      for (int t = 0; t < steps; ++t) {
        const double g = std::sqrt(kVariance) * rng.normal();
        v = kBeta2 * v + (1 - kBeta2) * g * g;
      }
      v /= 1 - std::pow(kBeta2, steps);
      sum += v;
      squares += v * v;
    }
    const double mean = sum / kTrials;
    const double deviation = std::sqrt(squares / kTrials - mean * mean);
    EXPECT_NEAR(mean, kVariance, 0.05);
    EXPECT_NEAR(deviation / second_moment_floor(kVariance, kBeta2, steps), 1, 0.06) << steps;
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
  std::size_t listed = 0;
  for (const core::Entry* entry : core::registry().list("optimizer")) {
    EXPECT_EQ(optimizer_name(parse_optimizer(entry->name)), entry->name);
    ++listed;
  }
  EXPECT_EQ(listed, kKinds.size());
}

}  // namespace
}  // namespace discreet::nn
