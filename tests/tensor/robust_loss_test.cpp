// Losses of wrong labels: values by hand, corrections unbiased, gradients that exist.
#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/federated/engine/robust_loss.h"

namespace discreet::federated {
namespace {

const std::vector<double> kP = {0.5, 0.3, 0.2};

at::Tensor logits_of(const std::vector<double>& p, std::int64_t rows) {
  at::Tensor logits = at::empty({rows, 3}, at::kFloat);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < 3; ++c) logits[r][c] = std::log(p[static_cast<std::size_t>(c)]);
  }
  return logits;
}

double loss_of(const LabelOptions& options, const DeviceLabel& label, std::vector<double> transition = {}) {
  core::ReproducibleRng rng(1, "loss");
  const RobustLoss loss(options, 3, transition);
  return loss(logits_of(kP, 1), std::vector<DeviceLabel>{label}, rng)[0].item<double>();
}

TEST(RobustLoss, HandComputed) {
  const DeviceLabel is{.label = 1, .weight = 1}, no{.label = 1, .weight = 1, .says = LabelSays::kNo};
  const DeviceLabel yes{.label = 1, .weight = 2, .says = LabelSays::kYes};
  LabelOptions options;
  EXPECT_NEAR(loss_of(options, is), -std::log(0.3), 1e-6);
  EXPECT_NEAR(loss_of(options, no), -std::log(0.7), 1e-6);
  EXPECT_NEAR(loss_of(options, yes), -2 * std::log(0.3), 1e-6);
  options.label_loss = "generalised";
  EXPECT_NEAR(loss_of(options, is), (1 - std::pow(0.3, 0.7)) / 0.7, 1e-6);
  EXPECT_NEAR(loss_of(options, no), (1 - std::pow(0.7, 0.7)) / 0.7, 1e-6);
  options.label_gce = 1;
  EXPECT_NEAR(loss_of(options, is), 0.7, 1e-6);  // the mean absolute error, halved
  options.label_loss = "symmetric";
  EXPECT_NEAR(loss_of(options, is), -0.1 * std::log(0.3) + 4 * 0.7, 1e-6);
  options.label_loss = "forward";
  options.label_noise = 0.1;
  const std::vector<double> t = {.8, .1, .1, .2, .7, .1, 0, 0, 1};
  EXPECT_NEAR(loss_of(options, is, t), -std::log(.5 * .1 + .3 * .7), 1e-6);
  EXPECT_NEAR(loss_of(options, no, t), -std::log(.9 * .7 + .1 * .3), 1e-6);
  EXPECT_NEAR(loss_of(options, {.label = 1, .weight = 1, .says = LabelSays::kCertain}, t), -std::log(0.3), 1e-6);
}

TEST(RobustLoss, BackwardIsRightOnAverage) {
  LabelOptions options{.label_noise = 0.2, .label_loss = "backward"};
  const std::vector<double> t = {.8, .1, .1, .2, .7, .1, .05, .05, .9};
  for (std::int64_t truth = 0; truth < 3; ++truth) {
    double mean = 0;
    for (std::int64_t label = 0; label < 3; ++label) {
      mean += t[static_cast<std::size_t>(truth * 3 + label)] * loss_of(options, {.label = label, .weight = 1}, t);
    }
    EXPECT_NEAR(mean, -std::log(kP[static_cast<std::size_t>(truth)]), 1e-5) << truth;
  }
  // Answers: "yes" wrong one time in five.
  const double yes = loss_of(options, {.label = 1, .weight = 1, .says = LabelSays::kYes}, t);
  const double no = loss_of(options, {.label = 1, .weight = 1, .says = LabelSays::kNo}, t);
  EXPECT_NEAR(0.8 * yes + 0.2 * no, -std::log(0.3), 1e-5);
  EXPECT_THROW(loss_of(options, {.label = 1, .weight = 1}, std::vector<double>(9, 1.0 / 3)), Error);
}

TEST(RobustLoss, LeftOutExamplesHaveNeitherLossNorGradient) {
  for (const char* name : {"cross-entropy", "generalised", "symmetric", "forward", "backward", "peer"}) {
    const LabelOptions options{.label_noise = 0.1, .label_loss = name};
    const RobustLoss loss(options, 3, std::vector<double>{.8, .1, .1, .1, .8, .1, .1, .1, .8});
    at::Tensor logits = at::zeros({4, 3});
    logits[0][0] = 200;  // sure, and wrong
    logits.set_requires_grad(true);
    core::ReproducibleRng rng(1, "loss");
    const std::vector<DeviceLabel> labels = {{.label = 1, .weight = 1, .says = LabelSays::kNo},
                                             {.label = -1, .weight = 0},
                                             {.label = 2, .weight = 1},
                                             {.label = 0, .weight = 1}};
    const at::Tensor losses = loss(logits, labels, rng);
    losses.sum().backward();
    EXPECT_EQ(losses[1].item<double>(), 0) << name;
    EXPECT_TRUE(at::isfinite(losses).all().item<bool>()) << name;
    EXPECT_TRUE(at::isfinite(logits.grad()).all().item<bool>()) << name;
    if (std::string(name) != "peer") {
      EXPECT_EQ(logits.grad()[1].abs().sum().item<double>(), 0) << name;
    }
    EXPECT_GT(logits.grad()[2].abs().sum().item<double>(), 0) << name;
  }
}

TEST(RobustLoss, PeerLossOfLabelsByChanceIsNothing) {
  // Labels that have nothing to do with the texts: the expected peer loss is 0.
  const LabelOptions options{.label_loss = "peer"};
  const RobustLoss loss(options, 3, {});
  core::ReproducibleRng rng(2, "peer"), labels(3, "labels");
  at::Tensor logits = at::empty({4000, 3});
  std::vector<DeviceLabel> random;
  for (std::int64_t i = 0; i < 4000; ++i) {
    for (std::int64_t c = 0; c < 3; ++c) logits[i][c] = labels.normal();
    random.push_back({.label = labels.uniform() < 0.6 ? 0 : 2, .weight = 1});
  }
  const at::Tensor losses = loss(logits, random, rng);
  EXPECT_NEAR(losses.mean().item<double>(), 0, 6 * losses.std().item<double>() / std::sqrt(4000.0));
}

}  // namespace
}  // namespace discreet::federated
