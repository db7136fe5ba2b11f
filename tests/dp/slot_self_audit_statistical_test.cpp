#include <gtest/gtest.h>

#include <cmath>

#include "../support/gdp_audit.h"
#include "toy_layers.h"

// eDP-SGD audits itself: one step, every unit in it, white box. A canary turns the mean of its slot
// around in every layer. With q = 1 the mechanism is exactly mu-GDP, mu = 1 / (multiplier that counts).
// A correct build fails one of these tests with probability 1e-6 per comparison; seeds are fixed.
namespace discreet::dp {
namespace {

using testing::ToyLayers;

constexpr int kSlotTrials = 4000;
constexpr std::int64_t kLayers = 4, kRowWidth = 4, kCalm = 3;
constexpr double kSlotClip = 0.5;

PrivacyOptions audited_options(NoisePlacement placement, double multiplier) {
  PrivacyOptions options{.units = 2 * kCalm + 1, .expected_batch_size = 2 * kCalm + 1, .steps = 1,
                         .clip_norm = kSlotClip, .noise_multiplier = multiplier, .insecure_seed = 23};
  options.mechanism = "edp-sgd";
  options.clipping.rule = "per-layer";
  options.clipping.clip_norms = {0.1, 0.2, 0.3, std::sqrt(0.25 - 0.01 - 0.04 - 0.09)};
  options.placement = placement;
  options.slots = 2;
  return options;
}

/// Noise of sigma C_l in layer l under a plan that counts noise of sigma C everywhere.
class PerLayerNoiseCountedAsOne final : public PrivatePlan {
 public:
  using PrivatePlan::PrivatePlan;
  std::vector<double> deviations(const ClippedSum& sum) const override {
    return privacy::placed_noise(NoisePlacement::kPerLayer, sum.bounds(), noise_multiplier(), 2);
  }
};

struct SlotAudit {
  NoisePlacement placement = NoisePlacement::kGlobal;
  bool planted = false;

  /// Scores along the canary's direction, in standard deviations of the noise that is in the release.
  std::vector<double> scores(ToyLayers& toy, PrivatePlan& plan, bool with_canary) const {
    const std::int64_t members = kCalm + (with_canary ? 1 : 0);
    const at::Tensor direction = at::ones({kLayers * kRowWidth}, at::kDouble) / 2;  // norm 1 by layer
    at::Tensor gradients = (direction * 3).repeat({members + kCalm, 1});
    if (with_canary) gradients[kCalm] = direction * -50;
    at::Tensor weights = at::full({members + kCalm}, 1.0 / kCalm, at::kDouble);
    weights.slice(0, 0, members).fill_(1.0 / static_cast<double>(members));
    const std::vector<double> norms = plan.options().clipping.clip_norms;
    const bool by_layer = planted || placement == NoisePlacement::kPerLayer;
    const double sigma = plan.noise_multiplier();
    // The best test weighs each layer by its clip norm over its variance.
    std::vector<double> weight, deviation;
    double variance = 0;
    for (const double norm : norms) {
      deviation.push_back(sigma * (by_layer ? norm : kSlotClip) / 2);  // divided by two slots
      weight.push_back(norm / (deviation.back() * deviation.back()));
      variance += weight.back() * weight.back() * deviation.back() * deviation.back();
    }
    auto clipper = plan.make_clipper(toy.parameters());
    std::vector<double> scores;
    for (int trial = 0; trial < kSlotTrials; ++trial) {
      toy.run(*clipper, gradients, {0, members, members + kCalm}, weights);
      const at::Tensor released = testing::released_of(
          plan, *clipper, static_cast<std::uint64_t>(2 * trial + (with_canary ? 1 : 0)));
      double score = 0;
      for (std::int64_t l = 0; l < kLayers; ++l) {
        const auto place = static_cast<std::size_t>(l);
        const at::Tensor e = direction.slice(0, 0, kRowWidth);
        const double along =
            released.slice(0, l * kRowWidth, (l + 1) * kRowWidth).dot(e).item<double>();
        const double calm = norms[place];  // two slots at +C_l e, divided by two
        score += weight[place] * (calm - along);
      }
      scores.push_back(score / std::sqrt(variance));
    }
    return scores;
  }

  test::GdpAudit run(double multiplier, const std::function<double(const PrivatePlan&)>& claim) const {
    ToyLayers toy(kLayers, kRowWidth);
    PrivacyOptions options = audited_options(placement, multiplier);
    options.layers = toy.clip_layers();
    std::unique_ptr<PrivatePlan> plan =
        planted ? std::make_unique<PerLayerNoiseCountedAsOne>(options)
                : std::make_unique<PrivatePlan>(options);
    const auto without = scores(toy, *plan, false), with = scores(toy, *plan, true);
    return test::gdp_audit(without, with, claim(*plan));
  }
};

double corrected(const PrivatePlan& plan) { return 1 / plan.effective_multiplier_at(0); }
double published(const PrivatePlan& plan) { return 1 / plan.noise_multiplier_at(0); }

TEST(SlotSelfAudit, TheCorrectedClaimHolds) {
  for (const auto placement : {NoisePlacement::kGlobal, NoisePlacement::kPerLayer}) {
    const double multiplier = placement == NoisePlacement::kGlobal ? 2 / 0.55 : 4 / 0.55;
    const test::GdpAudit result = SlotAudit{placement}.run(multiplier, corrected);
    EXPECT_FALSE(result.violated) << "mu is at least " << result.mu_lower;
    EXPECT_GT(result.mu_lower, 0.5 * 0.55) << "the audit has lost its power";
  }
}

/// Sensitivity C claimed for slots: mu is twice what the published method states.
TEST(SlotSelfAudit, FindsSensitivityCClaimedForSlots) {
  EXPECT_TRUE(SlotAudit{NoisePlacement::kGlobal}.run(1 / 0.55, published).violated);
}

/// Noise of sigma C_l by layer, taken for one Gaussian of sigma: mu is sqrt(4) times too large even
/// with the right sensitivity.
TEST(SlotSelfAudit, FindsPerLayerNoiseCountedAsOneGaussian) {
  const SlotAudit audit{.placement = NoisePlacement::kGlobal, .planted = true};
  EXPECT_TRUE(audit.run(2 / 0.55, corrected).violated);
}

}  // namespace
}  // namespace discreet::dp
