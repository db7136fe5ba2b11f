// DP-FTRL audits its own plan: order, clip bound, correlated noise and divisor as production code
// runs them, or with a defect. A correct build fails with probability 1e-6; the noise is seeded, so
// that it does not.
#include <gtest/gtest.h>

#include <cmath>

#include "../support/gdp_audit.h"
#include "discreet/dp/ftrl_plan.h"
#include "discreet/nn/layers/linear.h"
#include "tensor_registry.h"

namespace discreet::dp {
namespace {

constexpr double kFtrlClip = 0.5, kFtrlMu = 0.55;
constexpr std::int64_t kFtrlUnits = 6, kFtrlBatch = 2, kFtrlSteps = 6,
                       kFtrlWide = 16;  // 2 passes of 3
constexpr int kFtrlTrials = 4000;

enum class FtrlDefect { kNone, kHalfNoise, kComesInEveryStep };

/// One weight row, so that an example's gradient is its input. Unit 0 is the canary, at -u far
/// beyond the bound; the others lie at +u.
class FtrlAudit {
 public:
  explicit FtrlAudit(FtrlDefect defect) : defect_(defect) {
    tensor_registry();
    core::ReproducibleRng rng(1, "audit");
    layer_ = nn::Linear(nn::LinearOptions{kFtrlWide, 1, false}, rng);
    direction_ = at::ones({kFtrlWide}) / std::sqrt(static_cast<double>(kFtrlWide));
  }

  /// The likelihood ratio's statistic, in standard deviations that the plan claims: C times what
  /// was released, along C times the canary's pattern.
  double score(bool with_canary, std::uint64_t trial) {
    const double z = std::sqrt(2.0) / kFtrlMu;
    const double used = defect_ == FtrlDefect::kHalfNoise ? z / 2 : z;
    PrivacyOptions options{.units = kFtrlUnits,
                           .expected_batch_size = kFtrlBatch,
                           .steps = kFtrlSteps,
                           .clip_norm = kFtrlClip,
                           .noise_multiplier = used,
                           .insecure_seed = trial};
    options.mechanism = "dp-ftrl";
    options.ftrl.order_seed = 3;
    FtrlPlan plan(options);
    const auto clipper = plan.make_clipper({{"weight", layer_->weight}});
    std::vector<double> stream;  // released along u, without what the others give
    std::vector<bool> pattern;
    for (std::int64_t step = 0; step < kFtrlSteps; ++step) {
      const auto batch = plan.begin_step(static_cast<std::uint64_t>(step));
      const bool drawn = std::find(batch.begin(), batch.end(), 0) != batch.end();
      const bool takes_part = drawn || defect_ == FtrlDefect::kComesInEveryStep;
      const auto others = static_cast<std::int64_t>(batch.size()) - (drawn ? 1 : 0);
      pattern.push_back(takes_part);
      const bool present = takes_part && with_canary;
      at::Tensor x = direction_.repeat({others + (present ? 1 : 0), 1}) * 3;
      if (present) x[others] = direction_ * -50;
      auto segments = std::make_shared<nn::Segments>();
      for (std::int64_t i = 1; i <= x.size(0); ++i) segments->offsets.push_back(i);
      clipper->begin(x.size(0));
      {
        nn::RecordingScope scope(*clipper);
        layer_->forward(x, segments).sum().backward();
      }
      clipper->finish();
      ClippedSum sum = clipper->take();
      const double released = plan.release(sum)[0].flatten().dot(direction_).item<double>();
      stream.push_back(static_cast<double>(others) * kFtrlClip - released * kFtrlBatch);
      clipper->recycle(std::move(sum));
    }
    return statistic(plan, stream, pattern, z);
  }

  test::GdpAudit run() {
    std::vector<double> without, with;
    for (int trial = 0; trial < kFtrlTrials; ++trial) {
      without.push_back(score(false, static_cast<std::uint64_t>(2 * trial)));
      with.push_back(score(true, static_cast<std::uint64_t>(2 * trial + 1)));
    }
    return test::gdp_audit(without, with, kFtrlMu);
  }

 private:
  static double statistic(const FtrlPlan& plan, const std::vector<double>& stream,
                          const std::vector<bool>& pattern, double claimed) {
    const auto& strategy = plan.strategy();
    const std::vector<double> c = strategy.matrix();
    const double column = strategy.sensitivity(plan.participation()) / std::sqrt(2.0);
    double product = 0, squares = 0;
    for (std::size_t row = 0; row < c.size(); row += kFtrlSteps) {
      double value = 0, canary = 0;
      for (std::size_t t = 0; t < stream.size(); ++t) {
        value += c[row + t] * stream[t];
        canary += pattern[t] ? c[row + t] : 0;
      }
      product += value * canary;
      squares += canary * canary;
    }
    return product / std::sqrt(squares) / (claimed * kFtrlClip * column);
  }

  FtrlDefect defect_;
  nn::Linear layer_{nullptr};
  at::Tensor direction_;
};

TEST(FtrlSelfAudit, ACorrectBuildPasses) {
  const test::GdpAudit result = FtrlAudit(FtrlDefect::kNone).run();
  EXPECT_FALSE(result.violated) << "mu is at least " << result.mu_lower;
  EXPECT_GT(result.mu_lower, 0.45 * kFtrlMu) << "the audit has lost its power";
}

TEST(FtrlSelfAudit, FindsHalfTheNoise) {
  EXPECT_TRUE(FtrlAudit(FtrlDefect::kHalfNoise).run().violated);
}

/// What the guard keeps from happening: a unit in every step, where the noise is for two of six.
TEST(FtrlSelfAudit, FindsAUnitThatComesTooOften) {
  EXPECT_TRUE(FtrlAudit(FtrlDefect::kComesInEveryStep).run().violated);
}

}  // namespace
}  // namespace discreet::dp
