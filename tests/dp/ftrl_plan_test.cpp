#include "discreet/dp/ftrl_plan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "discreet/dp/mechanism.h"
#include "discreet/dp/private_step.h"
#include "discreet/privacy/accountant.h"
#include "small_model.h"
#include "tests/core/temporary_folder.h"

namespace discreet::dp {
namespace {

/// 20 units in batches of 4: a pass is 5 steps; 3 passes.
PrivacyOptions ftrl_options(const std::string& matrix = "banded") {
  tensor_registry();
  PrivacyOptions options{.units = 20,
                         .expected_batch_size = 4,
                         .steps = 15,
                         .clip_norm = 0.7,
                         .noise_multiplier = 1.3,
                         .insecure_seed = 5};
  options.mechanism = "dp-ftrl";
  options.ftrl = {.matrix = matrix, .bands = matrix == "banded" ? 5 : 0, .order_seed = 3};
  return options;
}

double epsilon_of(const privacy::Event& event) {
  return privacy::make_accountant("rdp")->epsilon(event, privacy::Delta(1e-5)).guarantee();
}

ErrorCode refusal(const PrivacyOptions& options) {
  try {
    make_plan(options);
  } catch (const Error& e) {
    return e.code();
  }
  ADD_FAILURE() << "accepted";
  return ErrorCode::kInternal;
}

TEST(FtrlPlan, AParticipationIsAnEventAndAPassIsPaidForAtItsBeginning) {
  for (const char* matrix : {"banded", "tree"}) {
    FtrlPlan plan(ftrl_options(matrix));
    EXPECT_EQ(plan.participation().most, 3);
    EXPECT_EQ(plan.participation().separation, 5);
    EXPECT_NEAR(plan.epsilon(15), epsilon_of(privacy::event_of({{1.3, 1, 3}})), 1e-9);
    EXPECT_NEAR(plan.epsilon(6), epsilon_of(privacy::event_of({{1.3, 1, 2}})), 1e-9);
    EXPECT_EQ(plan.event(6).provenance().participations, 2);
    EXPECT_EQ(plan.event(6).provenance().separation, 5);
    EXPECT_EQ(plan.relation(), privacy::Relation::kZeroOut);
    std::vector<privacy::Event> ledger;
    for (std::int64_t step = 0; step < 15; ++step) {
      ledger.push_back(plan.step_event(step));
      EXPECT_EQ(privacy::flatten(ledger.back()).phases.empty(), step % 5 != 0) << step;
      // What the ledger holds is never less than what was released.
      EXPECT_NEAR(epsilon_of(privacy::Event::composed(ledger)), plan.epsilon(step + 1), 1e-9);
    }
    const auto run = plan.describe(15, 100);
    EXPECT_EQ(run.sampling, privacy::Sampling::kFixedOrder);
    EXPECT_EQ(run.relation, privacy::Relation::kZeroOut);
    ASSERT_TRUE(run.matrix.has_value());
    EXPECT_LT(run.matrix->prefix_noise, run.matrix->independent_prefix_noise);
  }
}

TEST(FtrlPlan, CyclicPoissonCostsSampledEvents) {
  PrivacyOptions options = ftrl_options();
  options.ftrl.cyclic_poisson = true;
  options.ftrl.bands = 4;
  options.expected_batch_size = 2;
  FtrlPlan plan(options);
  EXPECT_NEAR(plan.epsilon(15), epsilon_of(privacy::event_of({{1.3, 0.4, 4}})), 1e-9);
  EXPECT_EQ(plan.participation().separation, 4);
  for (std::uint64_t step = 0; step < 15; ++step) plan.begin_step(step);
  options.ftrl.matrix = "tree";
  EXPECT_EQ(refusal(options), ErrorCode::kUsage);
}

TEST(FtrlPlan, CalibratedNoiseNeverExceedsTheTarget) {
  PrivacyOptions options = ftrl_options();
  options.noise_multiplier.reset();
  options.epsilon = 2;
  const FtrlPlan plan(options);
  EXPECT_LE(plan.epsilon(15), 2);
  EXPECT_GT(plan.epsilon(15), 1.9);
  EXPECT_LT(plan.epsilon(5), plan.epsilon(15));
  EXPECT_EQ(plan.epsilon(1), plan.epsilon(5));
}

/// A sampler that lets units come again before a pass is over.
class TooSoon final : public privacy::Sampler {
 public:
  TooSoon() : Sampler({20, 1, 4}) {}
  std::vector<std::uint64_t> sample(std::uint64_t step) override {
    return {step % 3, 5 + step % 5};
  }
  privacy::Sampling sampling() const override { return privacy::Sampling::kFixedOrder; }
  bool secure() const override { return true; }
  privacy::Relation relation() const override { return privacy::Relation::kZeroOut; }
};

TEST(FtrlPlan, BatchesThatBreakThePatternAreRefused) {
  FtrlPlan plan(ftrl_options(), std::make_unique<TooSoon>());
  for (std::uint64_t step = 0; step < 3; ++step) plan.begin_step(step);
  try {
    plan.begin_step(3);
    ADD_FAILURE() << "a unit came again after three steps";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kPrivacyRefused);
  }
}

TEST(FtrlPlan, RefusesWhatItsNoiseCannotCarry) {
  const auto with = [](auto&& change) {
    PrivacyOptions options = ftrl_options();
    change(options);
    return refusal(options);
  };
  EXPECT_EQ(with([](auto& o) { o.ftrl.bands = 6; }), ErrorCode::kPrivacyRefused);
  EXPECT_EQ(with([](auto& o) { o.ftrl.matrix = "triangle"; }), ErrorCode::kUsage);
  EXPECT_EQ(with([](auto& o) { o.slots = 4; }), ErrorCode::kUsage);
  EXPECT_EQ(with([](auto& o) { o.clipping.rule = "adaptive"; }), ErrorCode::kUsage);
  EXPECT_EQ(with([](auto& o) {
              o.schedule.kind = privacy::NoiseSchedule::Kind::kExponential;
              o.schedule.decay = 0.9;
            }),
            ErrorCode::kUsage);
  EXPECT_EQ(with([](auto& o) { o.expected_batch_size = 3.5; }), ErrorCode::kUsage);
}

/// A private step by DP-FTRL over a small model of twenty examples.
struct FtrlFixture {
  PrivacyOptions privacy = ftrl_options();
  PrivateStepOptions options{};
  std::vector<std::int64_t> lengths = std::vector<std::int64_t>(20, 3);
  std::vector<std::vector<std::int64_t>> users;
  std::shared_ptr<nn::Model> model;
  nn::EncodedExamples data;
  std::vector<privacy::Event> charged;

  std::unique_ptr<PrivateStep> make() {
    model = testing::small_model("bow", at::kFloat);
    data = testing::random_examples(lengths, 21);
    return std::make_unique<PrivateStep>(
        *model, make_plan(privacy),
        PrivateStep::Data{
            lengths, users,
            [this](auto indices, auto offsets) { return nn::collate(data, indices, offsets); }},
        options, [this](std::uint64_t, const privacy::Event& event) { charged.push_back(event); });
  }
  at::Tensor weights() const {
    std::vector<at::Tensor> pieces;
    for (const auto& [name, parameter] : testing::trainable_of(*model)) {
      pieces.push_back(parameter.detach().flatten().clone());
    }
    return at::cat(pieces);
  }
};

/// Batches without an example leave nothing but noise: its sums have the strategy's variances. Each
/// of 30 sums is off by 5.3 standard errors with probability 1e-7.
TEST(FtrlPlan, SumsOfUpdatesHaveTheStrategysNoise) {
  for (const char* matrix : {"banded", "tree"}) {
    FtrlFixture fixture;
    fixture.privacy = ftrl_options(matrix);
    const auto step = fixture.make();
    const at::Tensor before = fixture.weights();
    const FtrlPlan plan(fixture.privacy);
    const auto expected = plan.strategy().prefix_variances();
    const double column = plan.strategy().sensitivity({3, 5}) / std::sqrt(3.0);
    for (std::int64_t t = 0; t < 15; ++t) {
      step->sample(t);
      step->run({{}, {0}, nullptr}, 1);
      const at::Tensor change = (fixture.weights() - before).to(at::kDouble);
      const double unit = 1.3 * 0.7 / 4 * column;
      const double ratio = change.square().mean().item<double>() /
                           (unit * unit * expected[static_cast<std::size_t>(t)]);
      EXPECT_NEAR(ratio, 1, 5.3 * std::sqrt(2.0 / static_cast<double>(change.numel())))
          << matrix << " " << t;
    }
    EXPECT_EQ(fixture.charged.size(), 15U);
  }
}

TEST(FtrlPlan, AnInsecureRunResumesBitForBit) {
  for (const char* matrix : {"banded", "tree"}) {
    FtrlFixture whole, first, second;
    whole.privacy = first.privacy = second.privacy = ftrl_options(matrix);
    const auto one = whole.make(), two = first.make(), three = second.make();
    for (std::int64_t t = 0; t < 12; ++t) one->run(one->sample(t), 0.1);
    for (std::int64_t t = 0; t < 7; ++t) two->run(two->sample(t), 0.1);
    const core::TemporaryFolder folder;
    std::filesystem::create_directories(folder / "saved");
    const Json state = two->save(folder / "saved");
    {
      at::NoGradGuard no_grad;
      const auto from = testing::trainable_of(*first.model),
                 to = testing::trainable_of(*second.model);
      for (std::size_t i = 0; i < to.size(); ++i) to[i].second.detach().copy_(from[i].second);
    }
    three->load(folder / "saved", state);
    three->go_on(7, 0);
    for (std::int64_t t = 7; t < 12; ++t) three->run(three->sample(t), 0.1);
    EXPECT_TRUE(at::equal(whole.weights(), second.weights())) << matrix;
  }
}

/// A secure run that lost steps goes on where the ledger ends: with fresh noise, and no unit more
/// often.
TEST(FtrlPlan, ASecureRunGoesOnBehindTheStepsItLost) {
  PrivacyOptions options = ftrl_options();
  options.insecure_seed.reset();
  FtrlPlan whole(options), resumed(options);
  resumed.go_on(7, 2);
  for (std::uint64_t step = 0; step < 9; ++step) whole.begin_step(step);
  for (std::int64_t step = 7; step < 13; ++step) {
    EXPECT_EQ(resumed.begin_step(static_cast<std::uint64_t>(step)),
              whole.begin_step(static_cast<std::uint64_t>(step + 2)));
    EXPECT_EQ(resumed.step_event(step), whole.step_event(step + 2));
  }
  EXPECT_THROW(resumed.begin_step(13), Error);  // the fourth time for its units
  const core::TemporaryFolder folder;
  whole.save(folder.path());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "secure noise was written down";
}

/// What adam-bc takes out is the variance of what the optimiser gets: that of the plan's noise over
/// the divisor, and by DP-FTRL that of the step's row of the inverse.
TEST(PrivatePlan, TellsTheOptimizerHowLargeItsNoiseIs) {
  for (const char* mechanism : {"dp-sgd", "dp-ftrl"}) {
    FtrlFixture fixture;
    fixture.options.optimizer.kind = nn::OptimizerKind::kAdamBc;
    fixture.privacy.mechanism = mechanism;
    const auto step = fixture.make();
    const FtrlPlan plan(ftrl_options());
    double expected = 0;
    for (std::int64_t t = 0; t < 4; ++t) {
      step->sample(t);
      step->run({{}, {0}, nullptr}, 0.01);
      const double unit = 1.3 * 0.7 / 4;
      const double variance =
          unit * unit *
          (std::string(mechanism) == "dp-ftrl" ? plan.strategy().step_variance(t) : 1);
      expected = 0.999 * expected + 0.001 * variance;
    }
    const auto state = step->optimizer().state();
    ASSERT_EQ(state[1].first, "noise_variance");
    EXPECT_NEAR(state[1].second[0].item<double>() / expected, 1, 1e-9) << mechanism;
  }
}

TEST(FtrlPlan, RunsWithUsersLayersPartsAndEveryOptimizer) {
  for (const auto kind : {nn::OptimizerKind::kMomentum, nn::OptimizerKind::kAdamBc}) {
    FtrlFixture fixture;
    fixture.options.optimizer.kind = kind;
    fixture.options.part_tokens = 4;
    fixture.privacy.unit = privacy::Unit::kUser;
    fixture.privacy.units = 10;
    fixture.privacy.expected_batch_size = 2;
    fixture.privacy.insecure_seed.reset();
    for (std::int64_t user = 0; user < 10; ++user)
      fixture.users.push_back({2 * user, 2 * user + 1});
    const auto step = fixture.make();
    const at::Tensor before = fixture.weights();
    for (std::int64_t t = 0; t < 15; ++t) {
      const auto report = step->run(step->sample(t), 0.01);
      EXPECT_EQ(report.examples, 4);
    }
    EXPECT_TRUE(at::isfinite(fixture.weights()).all().item<bool>());
    EXPECT_FALSE(at::equal(fixture.weights(), before));
  }
}

}  // namespace
}  // namespace discreet::dp
