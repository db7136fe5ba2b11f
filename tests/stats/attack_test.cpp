#include "discreet/stats/attack.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/stats/attack_support.h"
#include "discreet/core/error.h"
#include "discreet/stats/intervals.h"
#include "discreet/stats/logistic.h"
#include "discreet/stats/quantile_regression.h"
#include "discreet/stats/roc.h"

namespace discreet::stats {
namespace {

/// Two examples, three models each.
AttackData two_examples() {
  AttackData data;
  data.examples = 2;
  data.models = 3;
  data.signal = {2, 1};
  data.log_prob = {std::log(.8), std::log(.5)};
  data.shadow_signal = {1, 0, 2, 0, 1, 3};
  data.shadow_log_prob = {std::log(.6), std::log(.4), std::log(.7), std::log(.2), std::log(.4), std::log(.9)};
  data.in = {0, 0, 1, 0, 0, 1};
  return data;
}

TEST(Attack, LossAndDifficultyCalibration) {
  const AttackData data = two_examples();
  EXPECT_DOUBLE_EQ(run_attack("loss", data).score[1], std::log(.5));
  // Less the mean log p of the models without the example.
  EXPECT_NEAR(run_attack("difficulty-calibration", data).score[0], std::log(.8) - (std::log(.6) + std::log(.4)) / 2, 1e-15);
}

TEST(Attack, LiraOfflineIsTheUpperTail) {
  const AttackData data = two_examples();
  // Out signals 1, 0 and 0, 1: medians .5, variances .5 and .5; pooled deviation sqrt(.5).
  const AttackScores scores = run_attack("lira-offline", data);
  EXPECT_EQ(scores.settings["variance"], "fixed");
  EXPECT_NEAR(scores.settings["deviation_out"].get<double>(), std::sqrt(.5), 1e-15);
  EXPECT_NEAR(scores.score[0], std::log(normal_cdf(1.5 / std::sqrt(.5))), 1e-14);
  EXPECT_NEAR(scores.score[1], std::log(normal_cdf(.5 / std::sqrt(.5))), 1e-14);
}

TEST(Attack, LiraOfflineTwoSidedCallsLowSignalsMembersToo) {
  AttackData data = two_examples();
  data.signal = {2, -1};  // both 1.5 from the median .5
  const AttackScores both = run_attack("lira-offline", data, {"lira-offline.form=two-sided"});
  EXPECT_DOUBLE_EQ(both.score[0], both.score[1]);
  EXPECT_NEAR(both.score[0], 1.5 * 1.5 / (2 * .5) + std::log(std::sqrt(.5)) + std::log(2 * std::acos(-1.0)) / 2, 1e-14);
  const AttackScores one = run_attack("lira-offline", data);
  EXPECT_GT(one.score[0], one.score[1]);
}

TEST(Attack, LiraPoolsWithinExamples) {
  // Examples far apart, each with little variance: the spread between them must not enter.
  AttackData data;
  data.examples = 2;
  data.models = 2;
  data.signal = {.1, 100.1};
  data.shadow_signal = {0, .2, 100, 100.2};
  data.shadow_log_prob = {-1, -1, -1, -1};
  data.log_prob = {-1, -1};
  data.in = {0, 0, 0, 0};
  EXPECT_NEAR(run_attack("lira-offline", data).settings["deviation_out"].get<double>(), std::sqrt(.02), 1e-12);
}

TEST(Attack, LiraOnlineTakesEachSidesOwnVariance) {
  AttackData data;
  data.examples = 1;
  data.models = 4;
  data.signal = {3};
  data.shadow_signal = {0, 2, 3, 7};
  data.in = {0, 0, 1, 1};
  // In: median 5, variance 8; out: median 1, variance 2.
  const double in = -(3 - 5) * (3 - 5) / (2 * 8.0) - std::log(std::sqrt(8.0));
  const double out = -(3 - 1) * (3 - 1) / (2 * 2.0) - std::log(std::sqrt(2.0));
  const AttackScores scores = run_attack("lira-online", data);
  EXPECT_NEAR(scores.score[0], in - out, 1e-14);
  EXPECT_NEAR(scores.settings["deviation_in"].get<double>(), std::sqrt(8.0), 1e-14);
  EXPECT_NEAR(scores.settings["deviation_out"].get<double>(), std::sqrt(2.0), 1e-14);
}

TEST(Attack, PerExampleVarianceLeavesOutWhatHasNone) {
  AttackData data = two_examples();
  data.shadow_signal[0] = data.shadow_signal[1] = 1;  // example 0 without variance
  const AttackScores scores = run_attack("lira-offline", data, {"lira-offline.variance=per-example"});
  EXPECT_TRUE(std::isnan(scores.score[0]));
  EXPECT_FALSE(std::isnan(scores.score[1]));
  EXPECT_NE(scores.unscored_reason, "");
  EXPECT_THROW(run_attack("lira-offline", data, {"lira-offline.variance=none"}), Error);
  data.shadow_signal.assign(6, 1);
  EXPECT_THROW(run_attack("lira-offline", data), Error);
}

TEST(Attack, RmiaByHand) {
  const AttackData data = two_examples();
  // alpha .3: P = .65 mean_out + .35. Example 0: mean .5, P .675, ratio .8/.675 = 1.185; example 1: mean .3, P .545,
  // ratio .5/.545 = .917. Each has one other z.
  const AttackScores offline = run_attack("rmia-offline", data);
  EXPECT_EQ(offline.score, (std::vector<double>{1, 0}));
  // gamma 1.3 asks for more than 1.185/.917 = 1.292, 1.29 does not.
  EXPECT_EQ(run_attack("rmia-offline", data, {"rmia-offline.gamma=1.3"}).score[0], 0);
  EXPECT_EQ(run_attack("rmia-offline", data, {"rmia-offline.gamma=1.29"}).score[0], 1);
  // Online: P = (mean_in + mean_out)/2: (.7 + .5)/2 = .6, ratio 1.333; (.9 + .3)/2 = .6, ratio .833: quotient 1.6.
  EXPECT_EQ(run_attack("rmia-online", data, {"rmia-online.gamma=1.61"}).score[0], 0);
  EXPECT_EQ(run_attack("rmia-online", data, {"rmia-online.gamma=1.59"}).score[0], 1);
}

TEST(Attack, RmiaComparesWithThePopulation) {
  AttackData data = two_examples();
  data.population = {0, 1};
  const AttackScores scores = run_attack("rmia-offline", data);
  EXPECT_EQ(scores.score[0], 1);
  EXPECT_TRUE(std::isnan(scores.score[1]));  // known, not audited
}

TEST(Attack, TokensOfLanguageModels) {
  AttackData data;
  data.examples = 2;
  data.offsets = {0, 5, 6};
  data.token_log_prob = {-1, -5, -2, -4, -3, -7};
  data.token_mean = {-2, -3, -2, -4, -5, -7};
  data.token_deviation = {1, 2, 1, 0, 1, 1};
  data.log_prob = {-3, -7};
  data.compressed_bytes = {10, 14};
  data.neighbour_log_prob = {-3.5, -6};
  // 20 % of five tokens is one, 40 % are two; of one token one.
  EXPECT_EQ(run_attack("min-k", data).score, (std::vector<double>{-5, -7}));
  EXPECT_EQ(run_attack("min-k", data, {"min-k.share=0.4"}).score[0], -4.5);
  // Standardised: 1, -1, 0, (no deviation), 2.
  EXPECT_EQ(run_attack("min-k++", data).score, (std::vector<double>{-1, 0}));
  EXPECT_DOUBLE_EQ(run_attack("zlib-ratio", data).score[0], -.3);
  EXPECT_DOUBLE_EQ(run_attack("neighbourhood", data).score[0], .5);
  EXPECT_DOUBLE_EQ(run_attack("neighbourhood", data).score[1], -1);
}

TEST(Attack, SaysWhatItNeeds) {
  AttackData data;
  data.examples = 1;
  data.signal = data.log_prob = {-1};
  for (const core::Entry* entry : core::registry().list("attack")) {
    EXPECT_EQ(attack_misses(entry->name, data).empty(), entry->name == "loss") << entry->name;
  }
}

TEST(Attack, LogitsWithoutCancellation) {
  const std::vector<double> logits = {1, 2, 50};
  EXPECT_NEAR(label_logit(logits, 0), std::log(std::exp(1 - 50.0)) - std::log1p(std::exp(2 - 50.0)), 1e-12);
  EXPECT_NEAR(label_logit(logits, 2), 50 - std::log(std::exp(1) + std::exp(2)), 1e-12);
  EXPECT_NEAR(logit_of_log_prob(std::log(.8)), std::log(4), 1e-14);
  EXPECT_NEAR(logit_of_log_prob(-1e-20), 20 * std::log(10.0), 1e-9);
  EXPECT_TRUE(std::isfinite(logit_of_log_prob(0)));
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
}

TEST(Attack, LogNormalCdfKeepsItsOrder) {
  // mpmath: log Phi(-40) = -804.608442…, log Phi(-10) = -53.231285…
  EXPECT_NEAR(log_normal_cdf(-40), -804.608442013754, 1e-9);
  EXPECT_NEAR(log_normal_cdf(-10), -53.2312851505, 1e-9);
  EXPECT_NEAR(log_normal_cdf(1), std::log(normal_cdf(1)), 1e-15);
  double before = log_normal_cdf(-60);
  for (double z = -59.9; z < 60; z += .1) {
    EXPECT_GT(log_normal_cdf(z), before) << z;
    before = log_normal_cdf(z);
  }
}

TEST(Attack, LogisticRegressionFindsKnownWeights) {
  // Newton's fixed point on 2 x 2 counts: log odds 3 at x = 1 (3 of 4), 1/3 at x = 0 (1 of 4).
  const std::vector<double> rows = {1, 1, 1, 1, 0, 0, 0, 0};
  const std::vector<std::uint8_t> labels = {1, 1, 1, 0, 1, 0, 0, 0};
  const LogisticRegression model(rows, 1, labels, 0);
  EXPECT_NEAR(model.log_odds(std::vector<double>{1}), std::log(3), 1e-8);
  EXPECT_NEAR(model.log_odds(std::vector<double>{0}), -std::log(3), 1e-8);
  const std::vector<double> apart = {0, 1, 2, 3};
  const std::vector<std::uint8_t> sides = {0, 0, 1, 1};
  EXPECT_TRUE(std::isfinite(LogisticRegression(apart, 1, sides).log_odds(std::vector<double>{3})));
}

TEST(Attack, QuantileRegressionOfALine) {
  // y = 2 x + noise uniform on 0..1 in tenths: the .9 quantile is 2 x + .8 to .9.
  std::vector<double> x, y;
  for (int i = 0; i < 50; ++i) {
    for (int tenth = 0; tenth < 10; ++tenth) {
      x.push_back(i);
      y.push_back(2 * i + tenth / 10.0);
    }
  }
  const std::vector<double> w = quantile_regression(x, 1, y, .9);
  EXPECT_NEAR(w[1], 2, 1e-2);
  EXPECT_NEAR(w[0], .85, .06);
  // Without features: the quantile itself.
  const std::vector<double> values = {1, 2, 3, 4, 100};
  EXPECT_NEAR(quantile_regression({}, 0, values, .5)[0], 3, 1e-3);
}

TEST(Attack, QuantileAttackTakesDifficultyOut) {
  SimulatedAudit audit = simulate_audit(4000, 0, 1, 5);
  audit.data.population.assign(4000, 0);
  for (std::size_t i = 0; i < 4000; ++i) {
    if (audit.member[i] == 0 && i % 2 == 0) audit.data.population[i] = 1;
  }
  const auto [members, others] = by_side(run_attack("quantile-regression", audit.data).score, audit.member);
  const auto [plain_members, plain_others] = by_side(run_attack("loss", audit.data).score, audit.member);
  EXPECT_GT(delong(members, others).auc, delong(plain_members, plain_others).auc + .1);
}

TEST(Attack, StrongerAttacksAreStrongerOnSimulatedModels) {
  const SimulatedAudit audit = simulate_audit(2000, 16, 1, 1);
  const auto auc = [&](const std::string& name) {
    const auto [members, others] = by_side(run_attack(name, audit.data).score, audit.member);
    return delong(members, others).auc;
  };
  // Phi(1/(.5 sqrt(2))) = .921 knows the difficulty; the loss sees gain 1 in deviation 2.06: Phi(.343) = .634.
  EXPECT_NEAR(auc("loss"), .634, .03);
  EXPECT_NEAR(auc("lira-online"), .905, .03);
  EXPECT_NEAR(auc("lira-offline"), .895, .03);
  EXPECT_GT(auc("rmia-offline"), auc("loss") + .1);
  EXPECT_GT(auc("rmia-online"), auc("loss") + .1);
  EXPECT_NEAR(auc("shadow-models"), auc("loss"), .03);  // it sees no more of the example than the loss does
}

TEST(Attack, ShadowModelsLearnClassesApart) {
  // In class 0 members have higher signals, in class 1 lower ones: one model for both would be blind.
  core::ReproducibleRng rng(3);
  AttackData data;
  data.examples = 800;
  data.models = 2;
  std::vector<std::uint8_t> member;
  for (std::size_t i = 0; i < data.examples; ++i) {
    const auto label = static_cast<std::int64_t>(i % 2);
    const double gain = label == 0 ? 2 : -2;
    data.label.push_back(label);
    member.push_back(rng.below(2) == 1 ? 1 : 0);
    data.signal.push_back(rng.normal() + gain * member.back());
    for (int m = 0; m < 2; ++m) {
      data.in.push_back(rng.below(2) == 1 ? 1 : 0);
      data.shadow_signal.push_back(rng.normal() + gain * data.in.back());
    }
  }
  const auto [members, others] = by_side(run_attack("shadow-models", data).score, member);
  EXPECT_GT(delong(members, others).auc, .88);
  const auto [common_in, common_out] = by_side(run_attack("shadow-models", data, {"shadow-models.least=100000"}).score, member);
  EXPECT_LT(delong(common_in, common_out).auc, .6);
}

TEST(Attack, RmiaTunesAlphaOnAShadowModel) {
  const SimulatedAudit audit = simulate_audit(500, 4, 1, 2);
  const AttackScores scores = run_attack("rmia-offline", audit.data, {"rmia-offline.tune=true"});
  EXPECT_EQ(scores.settings["tuned"], true);
  AttackData one = audit.data;
  one.models = 1;
  one.shadow_log_prob.resize(500);
  one.in.assign(500, 0);
  EXPECT_THROW(run_attack("rmia-offline", one, {"rmia-offline.tune=true"}), Error);
}

}  // namespace
}  // namespace discreet::stats
