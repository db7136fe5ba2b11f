// Events beyond Poisson-sampled Gaussians. Values by dp_accounting 0.6 on the orders of internal/rdp.h
// and cells of 1e-4; its series for sampled Gaussians takes all terms positive, hence 5e-5 there.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "discreet/core/error.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/group.h"
#include "discreet/privacy/internal/binomial.h"
#include "discreet/privacy/internal/gaussian.h"
#include "discreet/privacy/internal/rdp.h"

namespace discreet::privacy {
namespace {

Bound epsilon_by(const std::string& accountant, const Event& event, double delta,
                 const AccountantOptions& options = {}) {
  return make_accountant(accountant, options)->epsilon(event, Delta(delta));
}

Event laplace(double scale, std::int64_t times) {
  return Event::self_composed(Event::laplace(NoiseMultiplier(scale)), times);
}

Event gaussian(double z) { return Event::gaussian(NoiseMultiplier(z)); }

TEST(EventGolden, Laplace) {
  const Bound one = epsilon_by("rdp", laplace(2, 1), 1e-5);
  EXPECT_NEAR(one.value, 0.5028243238705594, 1e-10);
  EXPECT_EQ(one.order, 1024);
  const Bound fifty = epsilon_by("rdp", laplace(10, 50), 1e-5);
  EXPECT_NEAR(fifty.value, 2.99766356954596, 1e-9);
  EXPECT_EQ(fifty.order, 8.1);
  EXPECT_NEAR(epsilon_by("pld", laplace(10, 50), 1e-5, {.mesh = 1e-4}).value, 2.7966011043422645,
              2e-6);
  const Bound prv = epsilon_by("prv", laplace(10, 50), 1e-5);  // Two atoms between wide cells.
  EXPECT_NEAR(*prv.estimate, 2.7966, 5e-3);
  EXPECT_LE(*prv.lower, 2.7966);
  EXPECT_GE(prv.value, 2.7966);
  // With the steps of a training run.
  const Event both = Event::composed({laplace(10, 50), event_of({{1, .01, 1000}})});
  EXPECT_NEAR(epsilon_by("rdp", both, 1e-5).value, 3.721145663722863, 1e-5);
  EXPECT_NEAR(epsilon_by("pld", both, 1e-5, {.mesh = 1e-4}).value, 3.4362201808967874, 2e-6);
  EXPECT_NEAR(*epsilon_by("prv", both, 1e-5).estimate, 3.4362201808967874, 1e-3);
  // One release: delta(epsilon) = 1 - exp((epsilon - 1/b)/2), and pure beyond 1/b.
  EXPECT_NEAR(make_accountant("pld")->delta(laplace(1, 1), Epsilon(.4)).value, -std::expm1(-.3), 1e-6);
  EXPECT_NEAR(epsilon_by("pld", laplace(1, 1), 0.1).value, 1 + 2 * std::log(.9), 1e-4);
}

TEST(EventGolden, PureEpsilonIsRandomisedResponse) {
  // dp_accounting rdp test line 720: a divergence of 1.1 at every order.
  std::vector<double> orders, rdp;
  for (int a = 2; a <= 32; ++a) orders.push_back(a), rdp.push_back(1.1);
  const auto converted = internal::rdp_epsilon(orders, rdp, 1e-5);
  EXPECT_NEAR(converted.value, 1.32783806176, 1e-10);
  EXPECT_EQ(orders[converted.index], 32);
  // The exact divergence is below the bound at every order, and near it at high ones.
  EXPECT_NEAR(internal::pure_rdp(1.1, 1e6), 1.1, 1e-6);
  EXPECT_NEAR(internal::pure_rdp(.01, 2), 1e-4, 1e-6) << "2 epsilon^2 / 2 for small epsilon";
  const Event one = Event::pure_dp(Epsilon(1.1));
  EXPECT_LE(epsilon_by("pld", one, 1e-5).value, 1.1 + 1e-4);
  EXPECT_GT(epsilon_by("pld", one, 1e-5).value, 1.0999);
  // delta(epsilon) = p - exp(epsilon) (1 - p) for one, and for three by the binomial sum.
  const double p = 1 / (1 + std::exp(-1.1));
  const auto pld = make_accountant("pld");
  EXPECT_NEAR(pld->delta(one, Epsilon(.5)).value, p - std::exp(.5) * (1 - p), 2e-5);
  const Event three = Event::self_composed(one, 3);
  const double exact = p * p * p * (1 - std::exp(1.5 - 3.3));  // 3.3 and 1.1: only the first is above.
  EXPECT_NEAR(pld->delta(three, Epsilon(1.5)).value, exact, 1e-4);
  EXPECT_GE(pld->delta(three, Epsilon(1.5)).value, exact - 1e-9);
  EXPECT_GE(epsilon_by("prv", three, 1e-5).value, epsilon_by("pld", three, 1e-5).value - 1e-3);
  // On a Poisson sample: ln(1 + q (e^epsilon - 1)).
  const auto flat = flatten(Event::poisson_sampled(SamplingRate(.1), one));
  ASSERT_EQ(flat.others.size(), 1u);
  EXPECT_DOUBLE_EQ(flat.others[0].event.epsilon(), std::log1p(.1 * std::expm1(1.1)));
  EXPECT_TRUE(flatten(Event::pure_dp(Epsilon(HUGE_VAL))).non_private);
}

Event truncated(double q, std::int64_t n, std::int64_t cap, double z, std::int64_t steps) {
  return Event::self_composed(
      Event::truncated_poisson_sampled(SamplingRate(q), n, cap, gaussian(z)), steps);
}

TEST(EventGolden, TruncatedPoisson) {
  const auto check = [](const Event& event, double remove, double add) {
    const Bound bound = epsilon_by("pld", event, 1e-5, {.mesh = 1e-4});
    EXPECT_NEAR(*bound.remove, remove, 2e-5);
    EXPECT_NEAR(*bound.add, add, 2e-5);
    EXPECT_EQ(bound.value, *bound.remove);
  };
  check(truncated(.01, 10000, 110, 1, 1000), 7.681989203475916, 7.66634047417853);
  check(truncated(.01, 10000, 130, 1, 1000), 3.684074987292583, 3.6623121300227015);
  check(truncated(.05, 1000, 60, 1.5, 200), 4.510546909686429, 4.435453911864612);
  check(truncated(.01, 10000, 200, 1, 1000), 1.8282436452828885, 1.4166724954505754);
  // A cap that nothing reaches is no cap.
  EXPECT_EQ(flatten(truncated(.01, 100, 100, 1, 5)).phases, (std::vector<Phase>{{1, .01, 5}}));
  EXPECT_NEAR(internal::binomial_survival(9999, .01, 130), .0021, 2e-4);
  EXPECT_EQ(internal::binomial_survival(10, .5, 0), 1);
  EXPECT_EQ(internal::binomial_survival(10, .5, 11), 0);
  EXPECT_DOUBLE_EQ(internal::binomial_survival(3, .5, 2), .5);
}

Event without_replacement(std::int64_t n, std::int64_t batch, double z, std::int64_t steps) {
  return Event::self_composed(Event::sampled_without_replacement(n, batch, gaussian(z)), steps);
}

TEST(EventGolden, WithoutReplacement) {
  const auto check = [](const Event& event, double epsilon, double order) {
    const Bound bound = epsilon_by("rdp", event, 1e-5);
    EXPECT_NEAR(bound.value, epsilon, 1e-6);
    EXPECT_EQ(bound.order, order);
  };
  check(without_replacement(10000, 100, 1, 1000), 3.576111482350549, 6);
  check(without_replacement(1000, 50, 2, 500), 6.0389354170907765, 5);
  check(without_replacement(1000, 100, 4, 100), 2.294113990558764, 9);
  EXPECT_EQ(epsilon_by("rdp", without_replacement(10, 10, 2, 3), 1e-5).value,
            epsilon_by("rdp", event_of({{2, 1, 3}}), 1e-5).value);
  EXPECT_EQ(epsilon_by("rdp", without_replacement(10, 0, 2, 3), 1e-5).value, 0);
}

TEST(EventProperty, WithoutReplacementIsAboveItsHardestPairAndNeverAboveNoSampling) {
  // One unit's values +1/2 and -1/2, all others 0: P = (1-q) N(0) + q N(1/2), Q with -1/2.
  for (const double q : {.01, .1, .5}) {
    for (const double s : {.7, 1.0, 3.0, 30.0}) {
      const std::vector<double> orders = {1.5, 2, 4.5, 16, 60};
      const auto bound = internal::without_replacement_rdp(q, s, orders);
      for (std::size_t i = 0; i < orders.size(); ++i) {
        const double a = orders[i], h = s / 20;
        double log_sum = -HUGE_VAL;
        for (double x = -a - 12 * s; x < a + 12 * s; x += h) {
          const double up = (x - .25) / (2 * s * s), down = (-x - .25) / (2 * s * s);
          const double log_p = internal::log_add(std::log1p(-q), std::log(q) + up);
          const double log_q = internal::log_add(std::log1p(-q), std::log(q) + down);
          log_sum = internal::log_add(log_sum, a * log_p + (1 - a) * log_q - x * x / (2 * s * s));
        }
        const double log_a = log_sum + std::log(h / (s * std::sqrt(2 * std::numbers::pi)));
        const double exact = log_a / (a - 1);
        EXPECT_GE(bound[i], exact * (1 - 1e-9) - 1e-13) << q << " " << s << " " << a;
        EXPECT_LE(bound[i], a / (2 * s * s));
      }
    }
  }
}

TEST(EventGolden, PrivateSelection) {
  const Event run = event_of({{1, .01, 1000}});
  const auto check = [&](double shape, double mean, double epsilon, double order) {
    const Bound bound =
        epsilon_by("rdp", Event::repeat_and_select({shape, mean}, run), 1e-5);
    EXPECT_NEAR(bound.value, epsilon, 5e-5 * epsilon) << shape;
    EXPECT_LE(bound.value, epsilon) << "the exact series is the smaller one";
    EXPECT_EQ(bound.order, order) << shape;
  };
  check(0, 10, 3.5226334451373686, 8.0);
  check(1, 10, 4.10327065640215, 8.0);
  check(HUGE_VAL, 10, 4.329497680252047, 7.6);
  check(HUGE_VAL, 30, 8.139232535923092, 6.0);
  check(2.5, 10, 4.785134396321993, 8.0);
  check(.5, 5, 3.482732749790206, 7.9);
  // More runs cost more; one run costs at least itself; all runs added up cost far more.
  EXPECT_GE(epsilon_by("rdp", Event::repeat_and_select({1, 1}, run), 1e-5).value,
            epsilon_by("rdp", run, 1e-5).value);
  EXPECT_LT(epsilon_by("rdp", Event::repeat_and_select({0, 100}, run), 1e-5).value,
            epsilon_by("rdp", Event::self_composed(run, 100), 1e-5).value);
  for (const char* name : {"prv", "pld", "analytic", "gdp"}) {
    const std::string why = make_accountant(name)->why_not(Event::repeat_and_select({1, 10}, run));
    EXPECT_NE(why.find("rdp"), std::string::npos) << name << ": " << why;
  }
  EXPECT_THROW(Event::repeat_and_select({1, .5}, run), Error);
  EXPECT_THROW(Event::repeat_and_select({-1, 2}, run), Error);
}

TEST(EventGolden, TreeAggregationIsOneGaussian) {
  // dp_accounting rdp test line 829: 1600 leaves, 11 levels, one participation each.
  const auto tree = [](double sigma) {
    return Event::matrix_mechanism(NoiseMultiplier(sigma / std::sqrt(11.0)),
                                   {"tree", 1600, 1, 0, std::sqrt(11.0)});
  };
  EXPECT_LT(epsilon_by("rdp", tree(1.13), 1e-6).value, 19.74);
  EXPECT_GT(epsilon_by("rdp", tree(1.13), 1e-6).value, 18.6) << "their conversion was the older one";
  EXPECT_LT(epsilon_by("rdp", tree(8.83), 1e-6).value, 2.04);
  EXPECT_GT(epsilon_by("rdp", tree(8.83), 1e-6).value, 1.7);
  EXPECT_LT(epsilon_by("analytic", tree(8.83), 1e-6).value, 2.04);
  EXPECT_EQ(flatten(tree(2)).phases, (std::vector<Phase>{{2 / std::sqrt(11.0), 1, 1}}));
}

TEST(EventGolden, CyclicBandsAreSampledGaussians) {
  // 1,000 steps in 9 bands: 112 rounds at the rate within a group.
  const auto flat =
      flatten(Event::cyclic_poisson_banded(NoiseMultiplier(1.2), SamplingRate(.09), 1000, 9));
  EXPECT_EQ(flat.phases, (std::vector<Phase>{{1.2, .09, 112}}));
  EXPECT_THROW(Event::cyclic_poisson_banded(NoiseMultiplier(1), SamplingRate(.1), 10, 0), Error);
}

TEST(EventGolden, AdaptiveClippingSplitsTheMultiplier) {
  // Andrew et al. 2021; Opacus adaptive_clipping_utils.py: batch 32, count noise 32/20.
  const double z = adaptive_clipping_multiplier(1, 1.6);
  EXPECT_NEAR(z, 1.05272271, 1e-8);
  const auto flat =
      flatten(adaptive_clipping_step(SamplingRate(.1), NoiseMultiplier(z), 1.6));
  ASSERT_EQ(flat.phases.size(), 1u);
  EXPECT_NEAR(flat.phases[0].noise_multiplier, 1, 1e-12);
  EXPECT_EQ(adaptive_clipping_multiplier(1, HUGE_VAL), 1);
  try {
    adaptive_clipping_multiplier(3.2, 1.6);
    ADD_FAILURE() << "nothing was left";
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), 5);
  }
  EXPECT_THROW(adaptive_clipping_multiplier(0, 1), Error);
  EXPECT_THROW(adaptive_clipping_multiplier(1, 0), Error);
}

TEST(EventGolden, Groups) {
  const auto analytic = make_accountant("analytic"), rdp = make_accountant("rdp");
  // Without sampling: k times the sensitivity.
  EXPECT_NEAR(group_epsilon(*analytic, event_of({{4, 1, 4}}), 2, Delta(1e-5)).value, 4.377178095681,
              1e-9);
  EXPECT_EQ(group_epsilon(*rdp, laplace(10, 3), 2, Delta(1e-5)).value,
            rdp->epsilon(laplace(5, 3), Delta(1e-5)).value);
  // With sampling: what it returns fits the general bound, and hardly less would.
  const Event run = event_of({{2, .01, 1000}});
  for (const std::int64_t k : {2, 5}) {
    const double e = group_epsilon(*rdp, run, k, Delta(1e-5)).value / static_cast<double>(k);
    const auto spent = [&](double one) {
      const double growth = std::expm1(static_cast<double>(k) * one) / std::expm1(one);
      return rdp->delta(run, Epsilon(one)).value * growth;
    };
    EXPECT_LE(spent(e), 1e-5 * (1 + 1e-9));
    EXPECT_GT(spent(e * (1 - 1e-6)), 1e-5);
  }
  EXPECT_EQ(group_epsilon(*rdp, run, 1, Delta(1e-5)).value, rdp->epsilon(run, Delta(1e-5)).value);
  EXPECT_TRUE(std::isinf(group_epsilon(*rdp, event_of({{.5, .5, 1000}}), 50, Delta(1e-5)).value));
  EXPECT_THROW(group_epsilon(*rdp, run, 0, Delta(1e-5)), Error);
}

TEST(EventGolden, DirectionsOfConnectedDots) {
  struct Row {
    Phase phase;
    double remove, add;
  };
  for (const Row& row : {Row{{1.5, .04, 2250}, 6.768788, 6.178561},
                         Row{{1, .01, 1000}, 1.828244, 1.416672},
                         Row{{1.3, .0025, 6000}, .640111, .604739}}) {
    const Bound bound = epsilon_by("pld", event_of({row.phase}), 1e-5, {.mesh = 1e-4});
    EXPECT_NEAR(*bound.remove, row.remove, 2e-6);
    EXPECT_NEAR(*bound.add, row.add, 2e-6);
  }
}

TEST(EventRefusals, AccountantsSayWhichAndWhy) {
  const Event trunc = truncated(.01, 1000, 20, 1, 10), wor = without_replacement(1000, 10, 1, 10);
  EXPECT_NE(make_accountant("rdp")->why_not(trunc).find("pld"), std::string::npos);
  EXPECT_NE(make_accountant("prv")->why_not(trunc).find("pld"), std::string::npos);
  EXPECT_NE(make_accountant("pld")->why_not(wor).find("rdp"), std::string::npos);
  EXPECT_NE(make_accountant("gdp")->why_not(laplace(1, 1)).find("laplace"), std::string::npos);
  // Inside of a selection, too.
  const Event inside = Event::repeat_and_select({1, 5}, trunc);
  EXPECT_NE(make_accountant("rdp")->why_not(inside).find("pld"), std::string::npos);
  const Event mixed = Event::poisson_sampled(
      SamplingRate(.1), Event::composed({gaussian(1), Event::laplace(NoiseMultiplier(1))}));
  EXPECT_NE(make_accountant("rdp")->why_not(mixed), "");
  const Event nested = Event::poisson_sampled(SamplingRate(.1), trunc);
  EXPECT_NE(make_accountant("pld")->why_not(nested), "");
}

TEST(EventRelations, SamplingLimitsTheClaim) {
  const auto why = [](const Event& event, Relation relation) {
    return why_not_relation(event, relation);
  };
  const Event poisson = event_of({{1, .1, 10}}), full = event_of({{1, 1, 10}});
  const Event shuffled = Event::shuffled_epoch(gaussian(1));
  const Event trunc = truncated(.01, 1000, 20, 1, 10), wor = without_replacement(1000, 10, 1, 10);
  const Event bands = Event::cyclic_poisson_banded(NoiseMultiplier(1), SamplingRate(.1), 10, 2);
  for (const auto relation :
       {Relation::kAddOrRemoveOne, Relation::kZeroOut, Relation::kReplaceOne}) {
    EXPECT_EQ(why(full, relation), "");
    EXPECT_EQ(why(poisson, relation).empty(), relation != Relation::kReplaceOne);
    EXPECT_EQ(why(shuffled, relation).empty(), relation != Relation::kAddOrRemoveOne);
    EXPECT_EQ(why(trunc, relation).empty(), relation == Relation::kZeroOut);
    EXPECT_EQ(why(bands, relation).empty(), relation == Relation::kZeroOut);
    EXPECT_EQ(why(wor, relation).empty(), relation == Relation::kReplaceOne);
    // Somewhere inside is inside.
    EXPECT_EQ(why(Event::repeat_and_select({1, 2}, wor), relation).empty(),
              relation == Relation::kReplaceOne);
  }
  // No amplification by shuffling.
  EXPECT_EQ(epsilon_by("analytic", shuffled, 1e-5).value,
            epsilon_by("analytic", gaussian(1), 1e-5).value);
}

}  // namespace
}  // namespace discreet::privacy
