#include "discreet/nn/average.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/nn/checkpoint.h"
#include "tests/core/temporary_folder.h"

namespace discreet::nn {
namespace {

TEST(WeightAverage, FollowsItsFormulaAndStandsInForTheWeights) {
  at::Tensor w = at::zeros({3}, at::kDouble);
  WeightAverage average({{"w", w}}, 0.5);
  double expected = 0;
  for (int t = 1; t <= 12; ++t) {
    w.fill_(t);
    average.update();
    const double decay = std::min(0.5, (1.0 + t) / (10.0 + t));
    expected = decay * expected + (1 - decay) * t;
  }
  EXPECT_NEAR(average.state()[1].second[0].item<double>(), expected, 1e-12);
  {
    const WeightAverage::InPlace scope(average);
    EXPECT_NEAR(w[2].item<double>(), expected, 1e-12);
  }
  EXPECT_EQ(w[2].item<double>(), 12);
  EXPECT_THROW(WeightAverage({{"w", w}}, 1), Error);
  EXPECT_THROW(average.load({{"steps", at::ones({1}, at::kLong)}}), Error);
}

/// Adds the learning rate to its one parameter.
class Adding final : public Step {
 public:
  explicit Adding(at::Tensor w) : w_(std::move(w)) {}
  LogicalBatch sample(std::int64_t) override { return {}; }
  StepReport run(const LogicalBatch&, double learning_rate) override {
    w_.add_(learning_rate);
    return {};
  }
  std::optional<double> epsilon(std::int64_t) const override { return std::nullopt; }
  Json save(const std::filesystem::path&) const override { return Json::object(); }
  void load(const std::filesystem::path&, const Json&) override {}

 private:
  at::Tensor w_;
};

TEST(AveragedStep, ResumesExactly) {
  const core::TemporaryFolder folder;
  at::Tensor w = at::linspace(-1, 1, 4), resumed = at::zeros({4});
  AveragedStep whole(std::make_shared<Adding>(w), {{"w", w}}, 0.9);
  for (int t = 0; t < 3; ++t) whole.run({}, 0.1);
  std::filesystem::create_directories(folder / "checkpoint");
  const Json saved = whole.save(folder / "checkpoint");
  resumed.copy_(w);
  AveragedStep second(std::make_shared<Adding>(resumed), {{"w", resumed}}, 0.9);
  second.load(folder / "checkpoint", saved);
  for (int t = 0; t < 3; ++t) {
    whole.run({}, 0.3);
    second.run({}, 0.3);
  }
  EXPECT_TRUE(at::equal(whole.average().state()[1].second, second.average().state()[1].second));
  EXPECT_FALSE(at::equal(whole.average().state()[1].second, w));
  EXPECT_THROW(second.load(folder / "checkpoint", Json::object()), Error);
}

}  // namespace
}  // namespace discreet::nn
