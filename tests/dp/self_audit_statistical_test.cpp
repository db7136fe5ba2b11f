#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "../support/gdp_audit.h"
#include "discreet/dp/plan.h"
#include "discreet/nn/layers/linear.h"
#include "tensor_registry.h"

// The library audits its own plan: sampler, clipper, noise and divisor as production code runs them,
// or with one test-only object in their place. A correct build fails one of these tests with
// probability 1e-6 per comparison; the noise is seeded, so that it does not happen at all.
namespace discreet::dp {
namespace {

constexpr double kClipNorm = 0.5;
constexpr double kMu = 0.55;  // of two steps: about epsilon 2 at delta 1e-5
constexpr int kSteps = 2;
constexpr int kTrials = 4000;
constexpr std::int64_t kOthers = 3, kWidth = 16;

class NoClipping final : public ClippingRule {
 public:
  NoClipping() : ClippingRule({kClipNorm}) {}
  double factor(std::size_t, double norm) const override { return std::isfinite(norm) ? 1 : 0; }
};

/// A bound twice as wide as the one that noise and accountant know of.
class DoubledBound final : public ClippingRule {
 public:
  DoubledBound() : ClippingRule({kClipNorm}) {}
  double factor(std::size_t, double norm) const override { return clip_factor(norm, 2 * kClipNorm); }
};

class ChangedNoise final : public privacy::NoiseSource {
 public:
  ChangedNoise(double size, bool reused, int times = 1) : size_(size), reused_(reused), times_(times) {}
  void begin_step(std::uint64_t step) override { inner_.begin_step(reused_ ? step / kSteps : step); }
  void add_gaussian(std::span<float> values, double std) override {
    for (int i = 0; i < times_; ++i) inner_.add_gaussian(values, size_ * std);
  }
  void add_gaussian(std::span<double> values, double std) override {
    for (int i = 0; i < times_; ++i) inner_.add_gaussian(values, size_ * std);
  }
  bool secure() const override { return false; }

 private:
  privacy::InsecureNoise inner_{17, "audit"};
  double size_;
  bool reused_;
  int times_;
};

enum class Clipping { kRight, kNone, kDoubled };

struct AuditedPlan final : public PrivatePlan {
  AuditedPlan(double noise_multiplier, std::unique_ptr<privacy::NoiseSource> noise)
      : PrivatePlan({.units = kOthers + 1, .expected_batch_size = kOthers + 1, .steps = kSteps,
                     .clip_norm = kClipNorm, .noise_multiplier = noise_multiplier,
                     .insecure_seed = 17},
                    nullptr, std::move(noise)) {}

  std::unique_ptr<ClippingRule> make_rule() const override {
    if (clipping == Clipping::kNone) return std::make_unique<NoClipping>();
    if (clipping == Clipping::kDoubled) return std::make_unique<DoubledBound>();
    return PrivatePlan::make_rule();
  }
  double divisor() const override { return realised > 0 ? realised : PrivatePlan::divisor(); }

  Clipping clipping = Clipping::kRight;
  double realised = 0;  // above 0: the divisor that a faulty build would take from the data
};

struct Defect {
  Clipping clipping = Clipping::kRight;
  double noise_size = 1;
  bool noise_reused = false;
  int noise_times = 1;
  bool divides_by_batch = false;
};

/// One weight row of `kWidth`, so that an example's gradient is its input: what a release moves by is
/// known exactly. The others lie at +u beyond the bound, the canary at -u far beyond it; all change
/// sign from step to step.
class Audit {
 public:
  explicit Audit(const Defect& defect) : defect_(defect) {
    tensor_registry();
    core::ReproducibleRng rng(1, "audit");
    layer_ = nn::Linear(nn::LinearOptions{kWidth, 1, false}, rng);
    direction_ = at::ones({kWidth}) / std::sqrt(static_cast<double>(kWidth));
  }

  /// Score of one trial, in standard deviations that the plan claims, along the canary's direction.
  double score(AuditedPlan& plan, SegmentClipper& clipper, bool with_canary, std::uint64_t trial,
               double origin) {
    const std::int64_t examples = kOthers + (with_canary ? 1 : 0);
    plan.realised = defect_.divides_by_batch ? static_cast<double>(examples) : 0;
    double total = 0;
    for (int step = 0; step < kSteps; ++step) {
      const double sign = step % 2 == 0 ? 1 : -1;
      at::Tensor x = direction_.repeat({examples, 1}) * (3 * sign);
      if (with_canary) x[kOthers] = direction_ * (-50 * sign);
      auto segments = std::make_shared<nn::Segments>();
      for (std::int64_t i = 1; i <= examples; ++i) segments->offsets.push_back(i);
      plan.begin_step(trial * kSteps + static_cast<std::uint64_t>(step));
      clipper.begin(examples);
      {
        nn::RecordingScope scope(clipper);
        layer_->forward(x, segments).sum().backward();
      }
      clipper.finish();
      ClippedSum sum = clipper.take();
      const at::Tensor released = plan.release(sum)[0];
      total -= sign * released.flatten().dot(direction_).item<double>();
      clipper.recycle(std::move(sum));
    }
    const double multiplier = std::sqrt(static_cast<double>(kSteps)) / kMu;
    const double claimed = multiplier * kClipNorm / static_cast<double>(kOthers + 1);
    return (total - origin) / (claimed * std::sqrt(static_cast<double>(kSteps)));
  }

  std::vector<double> scores(bool with_canary) {
    const double origin = noiseless_origin();
    AuditedPlan plan(std::sqrt(static_cast<double>(kSteps)) / kMu, noise());
    plan.clipping = defect_.clipping;
    const auto clipper = plan.make_clipper({{"weight", layer_->weight}}, {});
    std::vector<double> scores;
    for (int trial = 0; trial < kTrials; ++trial) {
      const auto number = static_cast<std::uint64_t>(2 * trial + (with_canary ? 1 : 0));
      scores.push_back(score(plan, *clipper, with_canary, number, origin));
    }
    return scores;
  }

  test::GdpAudit run() {
    const auto without = scores(false), with = scores(true);
    return test::gdp_audit(without, with, kMu);
  }

 private:
  std::unique_ptr<privacy::NoiseSource> noise() const {
    return std::make_unique<ChangedNoise>(defect_.noise_size, defect_.noise_reused,
                                          defect_.noise_times);
  }
  /// The known mean without the canary: what the same build releases without noise.
  double noiseless_origin() {
    AuditedPlan plan(0, noise());
    plan.clipping = defect_.clipping;
    const auto clipper = plan.make_clipper({{"weight", layer_->weight}}, {});
    const double multiplier = std::sqrt(static_cast<double>(kSteps)) / kMu;
    const double unit = multiplier * kClipNorm / static_cast<double>(kOthers + 1) *
                        std::sqrt(static_cast<double>(kSteps));
    return unit * score(plan, *clipper, false, 0, 0);
  }

  Defect defect_;
  nn::Linear layer_{nullptr};
  at::Tensor direction_;
};

TEST(SelfAudit, ACorrectBuildPasses) {
  Audit audit({});
  const test::GdpAudit result = audit.run();
  EXPECT_FALSE(result.violated) << "mu is at least " << result.mu_lower;
  EXPECT_GT(result.mu_lower, 0.5 * kMu) << "the audit has lost its power";
}

TEST(SelfAudit, FindsMissingClipping) { EXPECT_TRUE(Audit({.clipping = Clipping::kNone}).run().violated); }

TEST(SelfAudit, FindsABoundTwiceAsWideAsClaimed) {
  EXPECT_TRUE(Audit({.clipping = Clipping::kDoubled}).run().violated);
}

TEST(SelfAudit, FindsHalfTheNoise) { EXPECT_TRUE(Audit({.noise_size = 0.5}).run().violated); }

TEST(SelfAudit, FindsReusedNoise) { EXPECT_TRUE(Audit({.noise_reused = true}).run().violated); }

TEST(SelfAudit, FindsADivisorTakenFromTheBatch) {
  EXPECT_TRUE(Audit({.divides_by_batch = true}).run().violated);
}

/// Too much noise is no privacy defect, so only the two-sided test of its size can see it.
TEST(SelfAudit, SeesNoiseAddedOncePerPartByItsVariance) {
  for (const int times : {1, 2}) {
    const std::vector<double> scores = Audit({.noise_times = times}).scores(false);
    const double sigmas = test::std_sigmas(scores, 1);
    if (times == 1) {
      EXPECT_LT(std::abs(sigmas), 4.9);
    } else {
      EXPECT_GT(sigmas, 4.9);
    }
  }
}

}  // namespace
}  // namespace discreet::dp
