#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/calibrate.h"
#include "discreet/privacy/internal/convolve.h"
#include "discreet/privacy/internal/gaussian.h"
#include "discreet/privacy/internal/rdp.h"

namespace discreet::privacy {
namespace {

double epsilon_of(const std::string& name, const std::vector<Phase>& phases, double delta) {
  return make_accountant(name)->epsilon(event_of(phases), Delta(delta)).value;
}

/// Log-uniform from a seeded generator.
double draw_between(core::ReproducibleRng& rng, double low, double high) {
  return low * std::pow(high / low, rng.uniform());
}

/// The signed series of Mironov et al. 2019, section 3.3, as reference for the quadrature.
double log_a_series(double q, double s, double a) {
  const double z0 = s * s * std::log(1 / q - 1) + 0.5;
  double sum = 0, binomial = 1;
  for (int i = 0; i < 200000; ++i) {
    const double j = a - i, sign = binomial < 0 ? -1 : 1, lb = std::log(std::abs(binomial));
    const double s0 = lb + i * std::log(q) + j * std::log1p(-q) +
                      (static_cast<double>(i) * i - i) / (2 * s * s) +
                      internal::log_erfc((i - z0) / (std::sqrt(2.0) * s)) - std::log(2.0);
    const double s1 = lb + j * std::log(q) + i * std::log1p(-q) + (j * j - j) / (2 * s * s) +
                      internal::log_erfc((z0 - j) / (std::sqrt(2.0) * s)) - std::log(2.0);
    sum += sign * (std::exp(s0) + std::exp(s1));
    if (i > a && s0 < -36 && s1 < -36) break;
    binomial *= (a - i) / (i + 1);
  }
  return std::log(sum);
}

TEST(RenyiProperty, QuadratureEqualsTheSignedSeries) {
  for (const double q : {0.001, 0.04, 0.3}) {
    for (const double s : {0.6, 1.0, 2.5}) {
      for (const double a : {1.1, 1.5, 3.7, 10.9}) {
        const double rdp = internal::sampled_gaussian_rdp(q, s, {a})[0];
        const double expected = log_a_series(q, s, a) / (a - 1);
        EXPECT_NEAR(rdp, expected, 1e-9 * expected + 1e-12) << q << " " << s << " " << a;
      }
    }
  }
}

TEST(RenyiProperty, WholeOrdersEqualTheirNeighbours) {
  // The binomial sum at 3 and the quadrature at 3 +- 1e-9.
  for (const double q : {1e-8, 1e-3, 0.5, 0.999}) {
    for (const double s : {0.3, 1.0, 20.0}) {
      const auto rdp = internal::sampled_gaussian_rdp(q, s, {3 - 1e-9, 3, 3 + 1e-9});
      EXPECT_NEAR(rdp[1] / rdp[0], 1, 1e-7) << q << " " << s;
      EXPECT_NEAR(rdp[1] / rdp[2], 1, 1e-7) << q << " " << s;
    }
  }
}

TEST(RenyiProperty, LogMomentIsConvexInTheOrderAndNeverNegative) {
  std::vector<double> orders;
  for (double a = 1.05; a < 20; a += 0.05) orders.push_back(a);
  for (const double q : {1e-6, 1e-3, 0.1, 0.9}) {
    for (const double s : {0.4, 1.0, 5.0}) {
      const auto rdp = internal::sampled_gaussian_rdp(q, s, orders);
      std::vector<double> log_a;
      for (std::size_t i = 0; i < orders.size(); ++i) {
        ASSERT_GE(rdp[i], 0);
        log_a.push_back(rdp[i] * (orders[i] - 1));
      }
      for (std::size_t i = 1; i + 1 < orders.size(); ++i) {
        ASSERT_GE(log_a[i - 1] + log_a[i + 1], 2 * log_a[i] * (1 - 1e-9)) << q << " " << orders[i];
      }
    }
  }
}

TEST(RenyiProperty, TheChordBoundsFromAboveWhereTheGridWouldBeTooLarge) {
  // 0.05 is within the grid's limit for the usual orders and beyond it with an order of 9000.5.
  const auto exact = internal::sampled_gaussian_rdp(0.01, 0.05, {1.5, 2.5, 7.3});
  const auto chord = internal::sampled_gaussian_rdp(0.01, 0.05, {1.5, 2.5, 7.3, 9000.5});
  for (int i = 0; i < 3; ++i) {
    EXPECT_GE(chord[i], exact[i]);
    EXPECT_LE(chord[i], 1.6 * exact[i]);
  }
}

TEST(RenyiProperty, OrdersHaveALimit) {
  const auto rdp = internal::sampled_gaussian_rdp(1, 2, {1.5, 3});
  EXPECT_DOUBLE_EQ(rdp[0], 1.5 / 8);
  EXPECT_EQ(internal::sampled_gaussian_rdp(0, 1, {2})[0], 0);
  EXPECT_TRUE(std::isinf(internal::sampled_gaussian_rdp(0.1, 0, {2})[0]));
}

TEST(AccountantProperty, EpsilonFallsInNoiseAndDeltaAndRisesInRateAndSteps) {
  core::ReproducibleRng rng(20);
  for (int i = 0; i < 60; ++i) {
    const double z = draw_between(rng, 0.5, 5), q = draw_between(rng, 1e-3, 0.3);
    const auto steps = static_cast<std::int64_t>(draw_between(rng, 1, 3000));
    const double delta = draw_between(rng, 1e-8, 1e-3);
    for (const char* name : {"rdp", "prv", "pld", "gdp"}) {
      if (std::string(name).find("p") == 0 && i >= 4) continue;
      const double here = epsilon_of(name, {{z, q, steps}}, delta), slack = 1e-9 * here + 1e-12;
      // PRV's upper end carries its error of 0.01 and a grid that depends on the setting.
      const double prv = name[0] == 'p' ? 2e-3 : 0;
      EXPECT_LE(epsilon_of(name, {{z * 1.1, q, steps}}, delta), here + slack + prv) << name;
      EXPECT_LE(epsilon_of(name, {{z, q, steps}}, delta * 1.5), here + slack + prv) << name;
      EXPECT_GE(epsilon_of(name, {{z, q * 1.1, steps}}, delta), here - slack - prv) << name;
      EXPECT_GE(epsilon_of(name, {{z, q, steps * 2}}, delta), here - slack - prv) << name;
    }
  }
}

TEST(AccountantProperty, RenyiIsAboveTheLowerEndAndPrvIsBelowRenyi) {
  core::ReproducibleRng rng(21);
  for (int i = 0; i < 25; ++i) {
    const double z = draw_between(rng, 0.6, 4), q = draw_between(rng, 1e-3, 0.2);
    const auto steps = static_cast<std::int64_t>(draw_between(rng, 1, 2000));
    const double delta = draw_between(rng, 1e-7, 1e-4);
    const Event event = event_of({{z, q, steps}});
    const Bound prv = make_accountant("prv")->epsilon(event, Delta(delta));
    const double rdp = epsilon_of("rdp", {{z, q, steps}}, delta);
    EXPECT_GE(rdp, *prv.lower) << z << " " << q << " " << steps;
    EXPECT_GE(rdp + 0.011, prv.value) << z << " " << q << " " << steps;
    EXPECT_LE(*prv.lower, *prv.estimate);
    EXPECT_LE(*prv.estimate, prv.value);
  }
}

TEST(AccountantProperty, WithoutSamplingAllAgreeWithTheAnalyticGaussian) {
  for (const double z : {0.7, 1.0, 3.0, 20.0}) {
    for (const std::int64_t steps : {1, 100}) {
      const double exact = epsilon_of("analytic", {{z, 1, steps}}, 1e-5);
      EXPECT_GE(epsilon_of("rdp", {{z, 1, steps}}, 1e-5), exact);
      EXPECT_LE(epsilon_of("rdp", {{z, 1, steps}}, 1e-5), 1.25 * exact + 0.1);
      const Bound prv = make_accountant("prv")->epsilon(event_of({{z, 1, steps}}), Delta(1e-5));
      EXPECT_GE(prv.value, exact) << z << " " << steps;
      EXPECT_LE(*prv.lower, exact) << z << " " << steps;
      EXPECT_NEAR(*prv.estimate, exact, 1e-3) << z << " " << steps;
      const double pld = epsilon_of("pld", {{z, 1, steps}}, 1e-5);
      EXPECT_GE(pld, exact * (1 - 1e-9)) << z << " " << steps;
      EXPECT_LE(pld, exact + 2e-3) << z << " " << steps;
    }
  }
}

TEST(AccountantProperty, RoundingNeverLowersWhatConnectedDotsReport) {
  // Deltas that the transform's rounding can reach: the value may become loose, never too small.
  for (const Phase& phase : {Phase{2, 1, 4}, Phase{10, 1, 10000}}) {
    for (const double delta : {1e-8, 1e-10, 1e-12, 1e-13, 1e-14, 1e-16}) {
      const double exact = epsilon_of("analytic", {phase}, delta);
      EXPECT_GE(epsilon_of("pld", {phase}, delta), exact * (1 - 1e-9)) << phase.steps << " " << delta;
    }
  }
}

TEST(AccountantProperty, ConnectedDotsReachDownToLittleNoise) {
  for (const double z : {0.01, 0.05, 0.1, 0.3, 0.34}) {
    for (const std::int64_t steps : {1, 10, 1000}) {
      if (z * z < 1e-3 * static_cast<double>(steps)) continue;  // The test would take long.
      const double exact = epsilon_of("analytic", {{z, 1, steps}}, 1e-5);
      const double pld = epsilon_of("pld", {{z, 1, steps}}, 1e-5);
      EXPECT_GE(pld, exact * (1 - 1e-9)) << z << " " << steps;
      EXPECT_LE(pld, exact * (1 + 1e-6) + 1e-3) << z << " " << steps;
    }
  }
  // Nearly all units in every batch: between the curve at rate 1 and that at a little less.
  const double whole = epsilon_of("pld", {{0.2, 1, 3}}, 1e-5);
  EXPECT_NEAR(epsilon_of("pld", {{0.2, 1 - 1e-12, 3}}, 1e-5), whole, 1e-3);
  EXPECT_NEAR(epsilon_of("pld", {{0.2, 1 - 1e-16, 3}}, 1e-5), whole, 1e-3);
  // Together with sampled steps, both directions.
  const Bound mixed = make_accountant("pld")->epsilon(event_of({{0.2, 1, 3}, {1, 0.01, 100}}), Delta(1e-5));
  EXPECT_GT(mixed.value, whole);
  EXPECT_LT(mixed.value, whole + epsilon_of("pld", {{1, 0.01, 100}}, 1e-5));
  EXPECT_NEAR(*mixed.add, mixed.value, 0.1);
}

TEST(AccountantProperty, ConnectedDotsResolveSmallDeltas) {
  for (const auto& [phase, delta] : {std::pair(Phase{38.517, 0.0014583, 6477}, 1.05e-12),
                                     std::pair(Phase{0.4546, 0.003618, 24384}, 3.9e-11),
                                     std::pair(Phase{1, 0.01, 1000}, 1e-100)}) {
    const double pld = epsilon_of("pld", {phase}, delta), rdp = epsilon_of("rdp", {phase}, delta);
    EXPECT_LT(pld, rdp) << phase.noise_multiplier;
    EXPECT_GT(pld, rdp / 2) << phase.noise_multiplier;
  }
  EXPECT_LT(epsilon_of("pld", {{0.4546, 0.003618, 24384}}, 3.9e-11), 53.77);  // dp_accounting 0.4: 53.76.
  // The tail itself: relative to the exact one, however small it is.
  const auto pld = make_accountant("pld"), analytic = make_accountant("analytic");
  for (const double epsilon : {1.0, 30.0, 60.0}) {
    const Event event = event_of({{2, 1, 4}});
    const double exact = analytic->delta(event, Epsilon(epsilon)).value;
    EXPECT_GE(pld->delta(event, Epsilon(epsilon)).value, exact * (1 - 1e-6)) << epsilon;
    EXPECT_LE(pld->delta(event, Epsilon(epsilon)).value, exact * 1.01) << epsilon;
  }
}

TEST(AccountantEdges, HardlyAnyAndVeryMuchNoise) {
  for (const auto& name : accountant_names()) {
    const auto accountant = make_accountant(name);
    for (const double q : {1e-12, 0.5, 1.0}) {
      for (const double z : {1e-300, 1e-150, 1e-50, 1e-5, 1e8, 1e12, 1e80, 1e300}) {
        const Event event = event_of({{z, q, 10}});
        if (!accountant->supports(event)) continue;
        try {
          const Bound bound = accountant->epsilon(event, Delta(1e-5));
          if (z > 1) { EXPECT_LE(bound.value, 0.015) << name << " " << q << " " << z; }
          if (z < 1 && q == 1) { EXPECT_GT(bound.value, 1e9) << name << " " << q << " " << z; }
          if (z < 1 && q == 0.5) { EXPECT_GT(bound.value, 1e9) << name << " " << q << " " << z; }
        } catch (const Error& e) {
          EXPECT_EQ(e.code(), ErrorCode::kPrivacyRefused) << name << " " << q << " " << z << " " << e.what();
        }
      }
    }
  }
}

TEST(AccountantProperty, WiderCellsLoosenTheBoundButKeepItOne) {
  const Event event = event_of({{1.0, 0.02, 400}});
  double before = 0;
  for (const double mesh : {1e-4, 1e-3, 1e-2, 0.1}) {
    const double value = make_accountant("pld", {.mesh = mesh})->epsilon(event, Delta(1e-5)).value;
    EXPECT_GT(value, before) << mesh;
    before = value;
  }
  EXPECT_THROW(make_accountant("pld", {.mesh = 2}), Error);
}

TEST(AccountantProperty, CompositionIsAdditiveInOrdersAndOrderFree) {
  const Event a = event_of({{1.2, 0.01, 300}}), b = event_of({{0.8, 0.05, 50}});
  for (const char* name : {"rdp", "prv", "pld"}) {
    const auto accountant = make_accountant(name);
    const double ab = accountant->epsilon(Event::composed({a, b}), Delta(1e-5)).value;
    const double ba = accountant->epsilon(Event::composed({b, a}), Delta(1e-5)).value;
    EXPECT_NEAR(ab, ba, 1e-9);
    EXPECT_GE(ab, accountant->epsilon(a, Delta(1e-5)).value);
    EXPECT_GE(ab, accountant->epsilon(b, Delta(1e-5)).value);
    // One group split in two is the group.
    const Event split = event_of({{1.2, 0.01, 100}, {1.2, 0.01, 200}});
    EXPECT_NEAR(accountant->epsilon(split, Delta(1e-5)).value,
                accountant->epsilon(a, Delta(1e-5)).value, 1e-12);
  }
  const auto rdp = internal::rdp_of({{1.2, 0.01, 300}, {0.8, 0.05, 50}}, {4.0});
  EXPECT_DOUBLE_EQ(rdp[0], 300 * internal::sampled_gaussian_rdp(0.01, 1.2, {4.0})[0] +
                               50 * internal::sampled_gaussian_rdp(0.05, 0.8, {4.0})[0]);
}

TEST(AccountantProperty, DeltaAndEpsilonAreInverse) {
  for (const char* name : {"rdp", "gdp", "prv", "pld"}) {
    const auto accountant = make_accountant(name, {.delta_error = 1e-9});
    const Event event = event_of({{1.1, 0.02, 500}});
    const double epsilon = accountant->epsilon(event, Delta(1e-5)).value;
    EXPECT_NEAR(accountant->delta(event, Epsilon(epsilon)).value / 1e-5, 1,
                name[0] == 'p' ? 0.1 : 1e-9)
        << name;
  }
  const auto analytic = make_accountant("analytic");
  const Event event = event_of({{1.0, 1, 1}});
  EXPECT_NEAR(analytic->delta(event, Epsilon(4.377178095681)).value, 1e-5, 1e-15);
}

TEST(AccountantEdges, NothingSpentCertainFailureAndPureGuarantee) {
  for (const auto& name : accountant_names()) {
    const auto accountant = make_accountant(name);
    const Event nothing = event_of({{1.0, 1, 0}}), some = event_of({{1.0, 1, 3}});
    EXPECT_EQ(accountant->epsilon(nothing, Delta(1e-5)).value, 0) << name;
    EXPECT_EQ(accountant->epsilon(nothing, Delta(0)).value, 0) << name;
    EXPECT_EQ(accountant->epsilon(Event::composed({}), Delta(1e-5)).value, 0) << name;
    EXPECT_EQ(accountant->epsilon(some, Delta(1)).value, 0) << name;
    EXPECT_TRUE(std::isinf(accountant->epsilon(some, Delta(0)).value)) << name;
    EXPECT_TRUE(std::isinf(accountant->epsilon(Event::non_private(), Delta(1e-5)).value)) << name;
    EXPECT_TRUE(std::isinf(accountant->epsilon(event_of({{0, 1, 1}}), Delta(1e-5)).value)) << name;
    EXPECT_EQ(accountant->delta(Event::non_private(), Epsilon(3)).value, 1) << name;
    EXPECT_EQ(accountant->delta(nothing, Epsilon(0)).value, 0) << name;
    const Event unknown = Event::composed({some, Event::unsupported("tree aggregation")});
    EXPECT_NE(accountant->why_not(unknown).find("tree aggregation"), std::string::npos) << name;
    EXPECT_THROW(accountant->epsilon(unknown, Delta(1e-5)), Error) << name;
  }
  EXPECT_NE(make_accountant("analytic")->why_not(event_of({{1, 0.5, 1}})), "");
}

TEST(AccountantEdges, ExtremesGiveNumbers) {
  for (const double z : {0.1, 0.02, 1.0, 1e3}) {
    for (const double q : {1e-8, 1e-3, 0.5, 1 - 1e-12, 1.0}) {
      for (const std::int64_t steps : {std::int64_t{1}, std::int64_t{10'000'000}}) {
        for (const char* name : {"rdp", "gdp"}) {
          for (const bool refine : {false, true}) {
            const double value = make_accountant(name, {.refine = refine})
                                     ->epsilon(event_of({{z, q, steps}}), Delta(1e-6))
                                     .value;
            EXPECT_FALSE(std::isnan(value)) << name << " " << z << " " << q << " " << steps;
            EXPECT_GE(value, 0);
            if (z >= 1 && std::string(name) == "rdp") {
              EXPECT_TRUE(std::isfinite(value));
            }
          }
        }
        if (q != 1e-3 || z == 0.02 || z == 1e3) continue;  // The slow ones.
        const double pld =
            make_accountant("pld")->epsilon(event_of({{z, q, steps}}), Delta(1e-6)).value;
        EXPECT_TRUE(pld >= 0) << z << " " << q << " " << steps;
        try {
          const Bound prv = make_accountant("prv")->epsilon(event_of({{z, q, steps}}), Delta(1e-6));
          EXPECT_FALSE(std::isnan(prv.value)) << z << " " << q << " " << steps;
          EXPECT_GE(prv.value, *prv.lower);
        } catch (const Error& e) {  // A grid that does not fit is refused, never cut short.
          EXPECT_EQ(e.code(), ErrorCode::kPrivacyRefused) << z << " " << q << " " << steps;
        }
      }
    }
  }
}

TEST(AccountantEdges, PrvRefusesErrorsThatAreTooLarge) {
  EXPECT_THROW(make_accountant("prv", {.eps_error = 1.5}), Error);
  EXPECT_THROW(
      make_accountant("prv", {.delta_error = 1e-5})->epsilon(event_of({{1, 0.1, 10}}), Delta(1e-5)),
      Error);
  EXPECT_THROW(make_accountant("prv")->epsilon(event_of({{1, 0.1, 10}}), Delta(1e-13)), Error);
}

TEST(Convolve, EqualsTheLoop) {
  core::ReproducibleRng rng(4);
  const std::size_t size = internal::fast_length(211);
  EXPECT_EQ(size, 216u);
  EXPECT_EQ(internal::fast_length(2), 2u);
  for (const int times : {1, 2, 3, 6, 7}) {
    std::vector<double> first(size, 0.0), second(size, 0.0);
    const std::size_t zero = 100;
    for (std::size_t i = 95; i < 108; ++i) first[i] = rng.uniform(), second[i] = rng.uniform();
    std::vector<double> expected(size, 0.0);
    expected[zero] = 1;
    const auto add = [&](const std::vector<double>& mass) {
      std::vector<double> next(size, 0.0);
      for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t j = 0; j < size; ++j) {
          next[(i + j + size - zero) % size] += expected[i] * mass[j];
        }
      }
      expected = next;
    };
    for (int k = 0; k < times; ++k) add(first);
    add(second), add(second);
    double total = 0;
    for (const double p : expected) total += p;
    const auto got = internal::convolve_powers({{first, times}, {second, 2}}, zero);
    for (std::size_t i = 0; i < size; ++i) ASSERT_NEAR(got[i], expected[i], 1e-12 * total) << times;
  }
}

TEST(Calibrate, GoldenValuesOfOpacus) {
  // Opacus tests/accountants_test.py lines 146 and 177; the exact root for RDP is 1.4157871.
  const auto event = [](double z) { return event_of({{z, .04, 2250}}); };
  const auto rdp = make_accountant("rdp"), prv = make_accountant("prv");
  const auto by_rdp = calibrate_noise_multiplier({8, 1e-5, rdp.get()}, event);
  EXPECT_NEAR(by_rdp.value, 1.4157871, 3e-5);
  EXPECT_GE(by_rdp.value, 1.4157871);
  EXPECT_LE(by_rdp.epsilon.value, 8);
  const auto by_prv = calibrate_noise_multiplier({8, 1e-5, prv.get()}, event);
  EXPECT_NEAR(by_prv.value, 1.34765625, 2e-3);  // Theirs is within 0.01 of epsilon.
  EXPECT_LE(by_prv.epsilon.value, 8);
}

TEST(Calibrate, NeverExceedsAndHardlyFallsShort) {
  core::ReproducibleRng rng(30);
  const auto rdp = make_accountant("rdp");
  for (int i = 0; i < 60; ++i) {
    const double target = draw_between(rng, 0.05, 30), delta = draw_between(rng, 1e-9, 1e-3);
    const double q = i % 5 == 0 ? 1 : draw_between(rng, 1e-4, 0.9);
    const auto steps = static_cast<std::int64_t>(draw_between(rng, 1, 1e5));
    const auto event = [&](double z) { return event_of({{z, q, steps}}); };
    const auto found = calibrate_noise_multiplier({target, delta, rdp.get()}, event);
    EXPECT_LE(found.epsilon.value, target);
    EXPECT_EQ(rdp->epsilon(event(found.value), Delta(delta)).value, found.epsilon.value);
    EXPECT_GT(rdp->epsilon(event(found.value * (1 - 1e-3)), Delta(delta)).value,
              target * (1 - 1e-2));
    const auto rate = calibrate_sampling_rate({target, delta, rdp.get()}, [&](double r) {
      return event_of({{found.value, r, steps}});
    });
    EXPECT_LE(rate.epsilon.value, target);
    EXPECT_GE(rate.value, q * (1 - 1e-4));
    const auto most = calibrate_steps(
        {target, delta, rdp.get()},
        [&](std::int64_t n) {
          return event_of({{found.value, q, n}});
        },
        1'000'000'000);
    EXPECT_LE(most.epsilon.value, target);
    EXPECT_GE(most.value, steps);
    EXPECT_GT(rdp->epsilon(event_of({{found.value, q, most.value + 1}}), Delta(delta)).value,
              target);
  }
}

TEST(Calibrate, HoldsForEveryAccountantAndForTheScaleOfPhases) {
  const std::vector<Phase> decaying = {{1.5, 1.0 / 70, 70}, {1.2, 1.0 / 70, 70}, {.96, 1.0 / 70, 70}};
  for (const auto& name : accountant_names(/*guarantees_only=*/true)) {
    const auto accountant = make_accountant(name);
    for (const double target : {.3, 2.0, 9.0}) {
      const auto event = [&](double scale) {
        if (name == "analytic") return event_of({{scale, 1, 9}});
        auto phases = decaying;
        for (Phase& phase : phases) phase.noise_multiplier *= scale;
        return event_of(phases);
      };
      const auto found = calibrate_noise_multiplier({target, 1e-5, accountant.get()}, event);
      EXPECT_LE(accountant->epsilon(event(found.value), Delta(1e-5)).value, target) << name;
      EXPECT_GT(accountant->epsilon(event(found.value * (1 - 1e-3)), Delta(1e-5)).value,
                target * (1 - 1e-2))
          << name << " " << target;
    }
  }
}

TEST(Calibrate, NeedsFewEvaluations) {
  const auto rdp = make_accountant("rdp");
  int evaluations = 0;
  calibrate_noise_multiplier({8, 1e-5, rdp.get()}, [&](double z) {
    ++evaluations;
    return event_of({{z, .04, 2250}});
  });
  EXPECT_LE(evaluations, 14);
}

TEST(Calibrate, RefusesWhatCannotBeReached) {
  const auto rdp = make_accountant("rdp"), gdp = make_accountant("gdp");
  const auto event = [](double z) { return event_of({{z, 0.5, 1000}}); };
  EXPECT_THROW(calibrate_noise_multiplier({1, 0, rdp.get()}, event), Error);
  EXPECT_THROW(calibrate_noise_multiplier({0, 1e-5, rdp.get()}, event), Error);
  EXPECT_THROW(calibrate_noise_multiplier({1, 1e-5, gdp.get()}, event), Error);
  EXPECT_THROW(calibrate_steps({1, 1e-5, rdp.get()},
                               [](std::int64_t n) {
                                 return event_of({{0.5, 1, n}});
                               }),
               Error);
  EXPECT_LE(calibrate_noise_multiplier({1e9, 1e-5, rdp.get()}, event).epsilon.value, 1e9);
}

}  // namespace
}  // namespace discreet::privacy
