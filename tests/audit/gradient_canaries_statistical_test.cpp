// One run of gradient canaries through the private step: the one-run bounds at alpha 1e-6 stay below the claim for the
// library as it is, and pass it where noise or clipping are not what the plan says. Noise and coins are seeded, so
// that the chance of 1e-6 is not drawn anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../dp/tensor_registry.h"
#include "../support/gdp_audit.h"
#include "discreet/audit/gradient_canaries.h"
#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/privacy/lower_bound.h"

namespace discreet::audit {
namespace {

constexpr std::int64_t kDiracs = 20000;
constexpr double kDiracDelta = 1e-5, kDiracAlpha = 1e-6;
constexpr double kSmallDelta = 1e-10;  // the plain one-run bound adds 2 m delta to its p-value

dp::PrivacyOptions dirac_options(double epsilon, std::int64_t steps) {
  dp::tensor_registry();
  dp::PrivacyOptions options;
  options.steps = steps;
  options.clip_norm = 0.7;
  options.epsilon = epsilon;
  options.delta = kDiracDelta;
  options.accountant = "prv";
  options.insecure_seed = 11;
  return options;
}

/// A tenth of the canaries are guessed, the highest scores as in and the lowest as out; fixed beforehand.
privacy::OneRun guesses_of(const GradientCanaries& found) {
  std::vector<std::pair<double, bool>> all;
  for (const double score : found.included) all.emplace_back(score, true);
  for (const double score : found.left_out) all.emplace_back(score, false);
  std::ranges::sort(all);
  const std::size_t half = all.size() / 20;
  privacy::OneRun run{.canaries = all.size(), .guesses = 2 * half, .correct = 0};
  for (std::size_t i = 0; i < half; ++i) {
    run.correct += all[i].second ? 0 : 1;
    run.correct += all[all.size() - 1 - i].second ? 1 : 0;
  }
  return run;
}

/// Noise smaller than the plan says.
class SmallNoise final : public privacy::NoiseSource {
 public:
  explicit SmallNoise(double size) : size_(size) {}
  void begin_step(std::uint64_t step) override { inner_.begin_step(step); }
  void add_gaussian(std::span<float> values, double std) override { inner_.add_gaussian(values, size_ * std); }
  void add_gaussian(std::span<double> values, double std) override { inner_.add_gaussian(values, size_ * std); }
  bool secure() const override { return false; }

 private:
  privacy::InsecureNoise inner_{17, "dirac"};
  double size_;
};

class UnboundedRule final : public dp::ClippingRule {
 public:
  UnboundedRule() : ClippingRule({0.7}) {}
  double factor(std::size_t, double) const override { return 1; }
};

class UnboundedPlan final : public dp::PrivatePlan {
 public:
  using PrivatePlan::PrivatePlan;
  std::unique_ptr<dp::ClippingRule> make_rule() const override { return std::make_unique<UnboundedRule>(); }
};

/// The largest mu below which this run would have had a chance of 1e-6; the rule is fixed at the claimed mu.
double mu_bound(const GradientCanaries& found) {
  const std::vector<privacy::AttackCounts> counts = {
      privacy::counts_at(found.included, found.left_out, found.mu * (1 - 1e-6))};
  return privacy::gdp_mu_lower_bound(counts, kDiracAlpha);
}

TEST(GradientCanariesAudit, ACorrectBuildStaysBelowItsClaimAndNotFarBelow) {
  for (const double epsilon : {1.0, 4.0}) {
    for (const std::int64_t steps : {1, 4}) {
      const GradientCanaries found = train_gradient_canaries(dirac_options(epsilon, steps), {.canaries = kDiracs, .seed = 5});
      EXPECT_EQ(static_cast<std::int64_t>(found.included.size() + found.left_out.size()), kDiracs);
      EXPECT_NEAR(found.epsilon, epsilon, 0.02 * epsilon);
      EXPECT_LE(mu_bound(found), found.mu);
      EXPECT_GT(mu_bound(found), (epsilon < 2 ? 0.3 : 0.6) * found.mu) << "the audit has lost its power";
      EXPECT_LE(privacy::one_run_gaussian_epsilon(guesses_of(found), kDiracDelta, kDiracAlpha), found.epsilon);
      EXPECT_LT(std::abs(test::std_sigmas(found.left_out, 1)), 4.9) << "the noise is as claimed";
    }
  }
}

TEST(GradientCanariesAudit, SamplingHidesTheCanariesInPart) {
  dp::PrivacyOptions options = dirac_options(2, 20);
  options.delta = kSmallDelta;
  const GradientCanaries found = train_gradient_canaries(options, {.canaries = kDiracs, .sampling_rate = 0.2, .seed = 5});
  const double bound = privacy::one_run_epsilon(guesses_of(found), kSmallDelta, kDiracAlpha);
  EXPECT_LE(bound, found.epsilon);
  EXPECT_GT(bound, 0.05) << "canaries are seen at all";
  EXPECT_EQ(found.mu, 0);
}

TEST(GradientCanariesAudit, FindsHalfTheNoise) {
  const GradientCanaries found = train_gradient_canaries(
      dirac_options(2, 2), {.canaries = kDiracs, .seed = 5}, [](dp::PrivacyOptions options) {
        return std::make_unique<dp::PrivatePlan>(std::move(options), nullptr, std::make_unique<SmallNoise>(0.5));
      });
  EXPECT_GT(mu_bound(found), found.mu);
}

TEST(GradientCanariesAudit, FindsMissingClippingEvenByThePlainBound) {
  dp::PrivacyOptions options = dirac_options(1, 2);
  options.delta = kSmallDelta;
  const GradientCanaries found =
      train_gradient_canaries(options, {.canaries = kDiracs, .seed = 5},
                              [](dp::PrivacyOptions asked) { return std::make_unique<UnboundedPlan>(std::move(asked)); });
  EXPECT_GT(privacy::one_run_epsilon(guesses_of(found), kSmallDelta, kDiracAlpha), found.epsilon);
  EXPECT_GT(mu_bound(found), found.mu);
}

TEST(GradientCanariesAudit, RefusesWhatItDoesNotAudit) {
  EXPECT_THROW(train_gradient_canaries(dirac_options(1, 1), {.canaries = 9}), Error);
  dp::PrivacyOptions slots = dirac_options(1, 1);
  slots.mechanism = "edp-sgd";
  EXPECT_THROW(train_gradient_canaries(slots, {.canaries = 100}), Error);
}

}  // namespace
}  // namespace discreet::audit
