// Tied weights under the library's own audit: one matrix in several uses whose gradients point the same way. A clipper
// that takes each use's norm by itself misses the cross terms, and a segment moves the sum by up to sqrt(uses) times the
// bound. One step, every unit in it, white box: exactly mu-GDP. A correct build fails with probability 1e-6; seeds are
// fixed.
#include <gtest/gtest.h>

#include <cmath>

#include "../support/gdp_audit.h"
#include "discreet/dp/plan.h"
#include "discreet/nn/layers/tied_embedding.h"
#include "tensor_registry.h"

namespace discreet::dp {
namespace {

constexpr double kTiedClip = 0.5, kTiedMu = 0.55;  // about epsilon 2 at delta 1e-5
constexpr int kTiedTrials = 4000;
constexpr std::int64_t kTiedCalm = 3, kTiedWidth = 8, kTiedEntries = 3;

/// Bounds nothing by itself: the planted recorder has scaled already.
class BoundedElsewhere final : public ClippingRule {
 public:
  BoundedElsewhere() : ClippingRule({kTiedClip}) {}
  double factor(std::size_t, double) const override { return 1; }
};

class TiedPlan final : public PrivatePlan {
 public:
  TiedPlan(PrivacyOptions options, bool bounded_elsewhere)
      : PrivatePlan(std::move(options)), bounded_elsewhere_(bounded_elsewhere) {}
  std::unique_ptr<ClippingRule> make_rule() const override {
    if (bounded_elsewhere_) return std::make_unique<BoundedElsewhere>();
    return PrivatePlan::make_rule();
  }

 private:
  bool bounded_elsewhere_;
};

/// The defect: squared norms are added up use by use, then all uses are scaled and handed on.
class CountsEachUseAlone final : public nn::Recorder {
 public:
  explicit CountsEachUseAlone(SegmentClipper& clipper) : clipper_(clipper) {}
  void expect(std::string_view kind, const std::vector<at::Tensor>& params) override { clipper_.expect(kind, params); }
  void record(nn::Use use) override {
    uses_.push_back(std::move(use));
    if (uses_.size() < 4) return;
    const std::int64_t segments = uses_.front().segments->count();
    std::vector<double> squared(static_cast<std::size_t>(segments), 0.0);
    for (const nn::Use& one : uses_) {
      make_segment_rule(one.kind, {})->add_squared_norms({one}, squared);
    }
    at::Tensor factors = at::empty({segments, 1}, at::kFloat);
    for (std::int64_t s = 0; s < segments; ++s) {
      const double norm = std::sqrt(squared[static_cast<std::size_t>(s)]);
      factors.data_ptr<float>()[s] = static_cast<float>(std::min(1.0, kTiedClip / norm));
    }
    for (nn::Use& one : uses_) {
      one.gradients[0] = one.gradients[0] * factors;  // one row for each segment
      clipper_.record(std::move(one));
    }
  }

 private:
  SegmentClipper& clipper_;
  std::vector<nn::Use> uses_;
};

struct TiedAudit {
  bool planted = false;

  /// Two look-ups of row 0 and two output layers read at row 0, all with gradient `size` times u on that row.
  std::vector<double> scores(bool with_canary) const {
    tensor_registry();
    const std::int64_t examples = kTiedCalm + (with_canary ? 1 : 0);
    TiedPlan plan({.units = kTiedCalm + 1, .expected_batch_size = kTiedCalm + 1, .steps = 1, .clip_norm = kTiedClip,
                   .noise_multiplier = 1 / kTiedMu, .insecure_seed = with_canary ? 31U : 32U},
                  planted);
    core::ReproducibleRng rng(1, "tied");
    nn::TiedEmbedding table(nn::TiedEmbeddingOptions{.entries = kTiedEntries, .width = kTiedWidth}, rng);
    const auto clipper = plan.make_clipper({{"weight", table->weight}});
    const at::Tensor direction = at::ones({kTiedWidth}) / std::sqrt(static_cast<double>(kTiedWidth));
    at::Tensor size = at::full({examples, 1}, 3.0);
    if (with_canary) size[kTiedCalm] = -50.0;
    auto segments = std::make_shared<nn::Segments>();
    for (std::int64_t i = 1; i <= examples; ++i) segments->offsets.push_back(i);
    const at::Tensor ids = at::zeros({examples}, at::kLong);
    std::vector<double> scores;
    for (int trial = 0; trial < kTiedTrials; ++trial) {
      plan.begin_step(static_cast<std::uint64_t>(trial));
      CountsEachUseAlone alone(*clipper);
      clipper->begin(examples);
      {
        nn::RecordingScope scope(planted ? static_cast<nn::Recorder&>(alone) : *clipper);
        at::Tensor loss = at::zeros({});
        for (int use = 0; use < 2; ++use) {
          loss = loss + (table->forward(ids, segments) * direction * size).sum();
          loss = loss + table->logits(direction.expand({examples, kTiedWidth}) * size, segments).select(1, 0).sum();
        }
        loss.backward();
      }
      clipper->finish();
      ClippedSum sum = clipper->take();
      const double along = plan.release(sum)[0][0].dot(direction.to(at::kFloat)).item<double>() * (kTiedCalm + 1);
      clipper->recycle(std::move(sum));
      // Without the canary the sum along u is the calm ones' bound each, of the build that is audited.
      const double calm = kTiedCalm * kTiedClip * (planted ? 2 : 1);
      scores.push_back((calm - along) / (kTiedClip / kTiedMu));
    }
    return scores;
  }

  test::GdpAudit run() const {
    const auto without = scores(false), with = scores(true);
    EXPECT_LT(std::abs(test::std_sigmas(without, 1)), 4.9) << "the noise is as claimed, and the origin known";
    return test::gdp_audit(without, with, kTiedMu);
  }
};

TEST(TiedSelfAudit, ACorrectBuildPasses) {
  const test::GdpAudit result = TiedAudit{}.run();
  EXPECT_FALSE(result.violated) << "mu is at least " << result.mu_lower;
  EXPECT_GT(result.mu_lower, 0.5 * kTiedMu) << "the audit has lost its power";
}

TEST(TiedSelfAudit, FindsTiedWeightsCountedUseByUse) {
  EXPECT_TRUE(TiedAudit{.planted = true}.run().violated);
}

}  // namespace
}  // namespace discreet::dp
