// Values of public implementations, as listed in each test. Tolerances: RDP 1e-7 relative; PRV 2e-6
// absolute; analytic Gaussian 1e-10 relative.
#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/internal/gaussian.h"
#include "discreet/privacy/internal/rdp.h"

namespace discreet::privacy {
namespace {

Bound bound_of(const std::string& accountant, const std::vector<Phase>& phases, double delta) {
  return make_accountant(accountant)->epsilon(event_of(phases), Delta(delta));
}

struct Row {
  double sigma, q;
  std::int64_t steps;
  double delta, rdp, order, prv_estimate, prv_upper, gdp;
};

/// One setting by every accountant. RDP: Opacus' orders with the signs of the exact series; PRV:
/// the implementation of its authors and Opacus', epsilon error 0.01, delta error delta/1000; GDP:
/// Opacus.
const Row kRows[] = {
    {1.5, .04, 2250, 1e-5, 7.32911117, 3.9, 6.76878148, 6.77913208, 6.60156709},
    {1.5, .04, 2249, 1e-5, 7.32727797, 3.9, 6.76704519, 6.77739572, 6.59982077},
    {1.0, .01, 1000, 1e-5, 2.10136527, 7.8, 1.82823957, 1.83837164, 1.61771181},
    {1.0, .001, 10000, 1e-6, 0.97954163, 13, 0.55515011, 0.56518293, 0.53015127},
    {0.8, .005, 1000, 1e-6, 2.62653624, 6.2, 2.00410809, 2.01429537, 1.32452888},
    {1.3, .0025, 6000, 1e-5, 0.72422340, 19, 0.64001176, 0.65005806, 0.62299693},
    {1.0, .001, 30000, 1e-7, 1.41549885, 13, 1.09768389, 1.10773122, 1.06641871},
};

TEST(AccountantGolden, RenyiRows) {
  for (const Row& row : kRows) {
    const Bound bound = bound_of("rdp", {{row.sigma, row.q, row.steps}}, row.delta);
    EXPECT_NEAR(bound.value, row.rdp, 1e-7 * row.rdp) << row.sigma << " " << row.q;
    EXPECT_DOUBLE_EQ(bound.order.value(), row.order);
    EXPECT_EQ(bound.kind, BoundKind::kUpper);
  }
}

TEST(AccountantGolden, LossVariableRows) {
  for (const Row& row : kRows) {
    const Bound bound = bound_of("prv", {{row.sigma, row.q, row.steps}}, row.delta);
    // Rounding of the transforms, to the power of 30,000: theirs is 0.6e-6 from the value in extended
    // precision.
    const double tolerance = row.steps == 30000 ? 3e-6 : 2e-6;
    EXPECT_NEAR(bound.value, row.prv_upper, tolerance) << row.sigma << " " << row.q;
    EXPECT_NEAR(bound.estimate.value(), row.prv_estimate, tolerance) << row.sigma << " " << row.q;
    EXPECT_LT(bound.lower.value(), bound.estimate.value());
    EXPECT_EQ(bound.kind, BoundKind::kUpper);
  }
}

TEST(AccountantGolden, ConnectedDotsRows) {
  // dp_accounting with cells of 1e-4, the larger of both directions.
  const double expected[] = {6.76878738, 6.76705109, 1.82824365, 0.55539236,
                             2.00411173, 0.64011093, 1.09819895};
  const auto pld = make_accountant("pld", {.mesh = 1e-4});
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    const Row& row = kRows[i];
    const Bound bound = pld->epsilon(event_of({{row.sigma, row.q, row.steps}}), Delta(row.delta));
    const double tolerance = row.steps == 30000 ? 3e-6 : 2e-6;  // Rounding of both transforms.
    EXPECT_NEAR(bound.value, expected[i], tolerance) << row.sigma << " " << row.q;
    EXPECT_NEAR(bound.value, row.prv_estimate, 6e-4);
    EXPECT_GE(bound.value, row.prv_estimate) << "it is an upper bound";
    EXPECT_LT(bound.value, row.rdp);
    EXPECT_EQ(bound.kind, BoundKind::kUpper);
  }
}

TEST(AccountantGolden, CentralLimitRowsAreDiagnostics) {
  for (const Row& row : kRows) {
    const Bound bound = bound_of("gdp", {{row.sigma, row.q, row.steps}}, row.delta);
    EXPECT_NEAR(bound.value, row.gdp, 1e-7 * row.gdp);
    EXPECT_EQ(bound.kind, BoundKind::kDiagnostic);
    EXPECT_LT(bound.value, row.prv_estimate) << "it is below the truth, hence no bound";
    EXPECT_THROW(bound.guarantee(), Error);
  }
}

TEST(AccountantGolden, OpacusTests) {
  // Opacus tests/accountants_test.py lines 104, 116, 130; tests/prv_accountant.py lines 23, 40, 50.
  EXPECT_NEAR(bound_of("rdp", {{1.5, .04, 2250}}, 1e-5).value, 7.32911117143, 7e-7);
  const double gdp = bound_of("gdp", {{1.5, .04, 2249}}, 1e-5).value;
  EXPECT_GT(gdp, 6.59);
  EXPECT_LT(gdp, 6.60);
  EXPECT_NEAR(bound_of("prv", {{1.5, .04, 2249}}, 1e-5).value, 6.777395712150674, 2e-6);
  EXPECT_NEAR(bound_of("prv", {{0.8, .001, 100}}, 1e-6).value, 0.270403364, 2e-6);
  EXPECT_NEAR(bound_of("prv", {{1.5, .05, 1000}}, 1e-6).value, 6.209969247, 2e-6);
  EXPECT_NEAR(bound_of("prv", {{3.0, .05, 20000}}, 1e-6).value, 13.961114699, 2e-6);
}

TEST(AccountantGolden, OpacusRenyiGroups) {
  // Opacus analysis/rdp.py line 43, on whole orders 2..32.
  std::vector<double> orders;
  for (int a = 2; a <= 32; ++a) orders.push_back(a);
  const auto rdp = internal::rdp_of({{1, 1e-5, 10}, {3, 1e-4, 4}}, orders);
  const auto best = internal::rdp_epsilon(orders, rdp, 1e-5);
  EXPECT_NEAR(best.value, 0.33634406, 1e-8);
  EXPECT_EQ(orders[best.index], 23);
}

TEST(AccountantGolden, TensorFlowPrivacyTests) {
  // TF Privacy compute_dp_sgd_privacy_test.py lines 42, 43; dp_accounting's looser series differs
  // by less than 1e-7 here.
  const Bound mnist = bound_of("rdp", {{1.3, 150.0 / 60000, 6000}}, 1e-5);
  EXPECT_NEAR(mnist.value, 0.7242234026, 1e-7);
  EXPECT_EQ(mnist.order, 19);
  const Bound larger = bound_of("rdp", {{1.0, 100.0 / 1e5, 30000}}, 1e-7);
  EXPECT_NEAR(larger.value, 1.4154988495, 2e-7);
  EXPECT_EQ(larger.order, 13);
  // Lines 199-295, micro-batches: once per epoch, and Poisson sampled.
  EXPECT_NEAR(bound_of("rdp", {{1.0, 1, 5}}, 1e-6).value, 13.376, 5e-4);
  EXPECT_NEAR(bound_of("rdp", {{1.0, 64.0 / 1e4, 782}}, 1e-6).value, 1.616, 5e-4);
  // Lines 86-93: two full-batch steps, and the doubled sensitivity of micro-batches.
  EXPECT_NEAR(bound_of("rdp", {{0.7, 1, 2}}, 1e-5).value, 10.8602036, 1.1e-6);
  EXPECT_NEAR(bound_of("rdp", {{0.35, 1, 2}}, 1e-5).value, 26.2880374, 2.6e-6);
  EXPECT_NEAR(bound_of("analytic", {{0.7, 1, 2}}, 1e-5).value, 10.1224946, 2e-4);
  EXPECT_NEAR(bound_of("analytic", {{0.35, 1, 2}}, 1e-5).value, 24.7160779, 2e-4);
  EXPECT_NEAR(bound_of("rdp", {{0.35, .01, 120}}, 1e-5).value, 22.59703581, 2.2e-6);
  EXPECT_NEAR(bound_of("pld", {{0.35, .01, 120}}, 1e-5).value, 18.6977407, 2e-6);
  EXPECT_NEAR(bound_of("pld", {{0.7, 1, 2}}, 1e-5).value, 10.1224946, 2e-6);
  EXPECT_NEAR(bound_of("pld", {{0.35, 1, 2}}, 1e-5).value, 24.7160779, 2e-6);
  EXPECT_NEAR(bound_of("pld", {{1.0, 1, 5}}, 1e-6).value, 12.595, 5e-4);
  EXPECT_NEAR(bound_of("pld", {{1.0, 64.0 / 1e4, 782}}, 1e-6).value, 1.199, 5e-4);
}

TEST(AccountantGolden, RenyiOfOneStep) {
  // autodp unit_test_dp_sgd_poisson_sampling_add_remove.py lines 173-179.
  const auto rdp = internal::sampled_gaussian_rdp(.01, 1, {2, 4.5, 10, 64});
  EXPECT_NEAR(rdp[0], 1.7181342207e-4, 1e-14);
  EXPECT_NEAR(rdp[1], 4.1492706735e-4, 1e-13);
  EXPECT_NEAR(rdp[2], .0382704188949, 1e-12);
  EXPECT_NEAR(rdp[3], 27.3217318746, 1e-9);
}

TEST(AccountantGolden, ConversionOfGaussian) {
  // dp_accounting rdp test line 737: fine orders.
  std::vector<double> orders;
  for (double a = 1.001; a < 400; a *= 1.0005) orders.push_back(a);
  const auto rdp = internal::rdp_of({{4.530877117, 1, 1}}, orders);
  EXPECT_NEAR(internal::rdp_epsilon(orders, rdp, 1e-6).value, 1, 1e-6);
}

TEST(AccountantGolden, OrdersAtTheEndOfTheGrid) {
  // TF Privacy line 44 with order 1.25, and the grid from 1.1.
  const std::vector<Phase> phases = {{.1, 1024.0 / 1e8, 976563}};
  const std::vector<double> order = {1.25};
  const auto rdp = internal::rdp_of({{.1, 1024.0 / 1e8, 976563}}, order);
  EXPECT_NEAR(internal::rdp_epsilon(order, rdp, 1e-7).value / 5907982.31, 1, 1e-5);
  const Bound grid = bound_of("rdp", phases, 1e-7);
  EXPECT_EQ(grid.order, 1.1);
  EXPECT_NEAR(grid.value / 7801.0567, 1, 1e-3);
  EXPECT_EQ(grid.warnings.size(), 1u);
  const Bound refined =
      make_accountant("rdp", {.refine = true})->epsilon(event_of(phases), Delta(1e-7));
  EXPECT_LT(refined.value, grid.value / 5);
  EXPECT_TRUE(refined.warnings.empty());
}

TEST(AccountantGolden, AnalyticGaussian) {
  // Balle and Wang's curve, recomputed in 50 digits.
  const auto one = [](double sigma, double delta) {
    return bound_of("analytic", {{sigma, 1, 1}}, delta).value;
  };
  EXPECT_NEAR(one(1, 1e-5), 4.377178095681, 1e-10);
  EXPECT_NEAR(one(.5, 1e-5), 9.997256146434, 1e-10);
  EXPECT_NEAR(one(2, 1e-6), 2.254084650220, 1e-10);
  EXPECT_NEAR(one(3.7306316348, 1e-5), 1, 1e-9);
  EXPECT_NEAR(one(.6002290722, 1e-5), 8, 1e-8);
  EXPECT_NEAR(one(36.3046904264, 1e-6), .1, 1e-10);
  // T steps are one of sigma / sqrt(T); mixed ones add up by inverse squares.
  EXPECT_NEAR(bound_of("analytic", {{4, 1, 16}}, 1e-5).value, 4.377178095681, 1e-9);
  EXPECT_NEAR(bound_of("analytic", {{2, 1, 2}, {std::sqrt(2.0), 1, 1}}, 1e-5).value,
              4.377178095681, 1e-9);
}

TEST(AccountantGolden, DecayingNoise) {
  // sigma_e = 1.5 * 0.9^e, e = 0..4, 70 steps each at rate 1/70; as published, with the sensitivity
  // of micro-batches (half the multiplier), and constant.
  std::vector<Phase> published, corrected;
  for (int e = 0; e < 5; ++e) {
    published.push_back({1.5 * std::pow(0.9, e), 1.0 / 70, 70});
    corrected.push_back({0.75 * std::pow(0.9, e), 1.0 / 70, 70});
  }
  const Bound rdp = bound_of("rdp", published, 1e-5), rdp2 = bound_of("rdp", corrected, 1e-5);
  EXPECT_NEAR(rdp.value, 1.67780375, 2e-7);
  EXPECT_DOUBLE_EQ(*rdp.order, 7.8);
  EXPECT_NEAR(rdp2.value, 10.40670170, 1e-6);
  EXPECT_DOUBLE_EQ(*rdp2.order, 2.3);
  const Bound prv = bound_of("prv", published, 1e-5), prv2 = bound_of("prv", corrected, 1e-5);
  EXPECT_NEAR(*prv.lower, 1.26414865, 2e-6);
  EXPECT_NEAR(*prv.estimate, 1.27426249, 2e-6);
  EXPECT_NEAR(prv.value, 1.28437642, 2e-6);
  EXPECT_NEAR(*prv2.lower, 8.67090412, 2e-6);
  EXPECT_NEAR(*prv2.estimate, 8.68164098, 2e-6);
  EXPECT_NEAR(prv2.value, 8.69237855, 2e-6);
  EXPECT_NEAR(bound_of("pld", published, 1e-5).value, 1.27426182, 2e-6);
  EXPECT_NEAR(bound_of("pld", corrected, 1e-5).value, 8.68163711, 2e-6);
  EXPECT_NEAR(bound_of("pld", {{1.5, 1.0 / 70, 350}}, 1e-5).value, 0.79058503, 2e-6);
  const Bound constant = bound_of("rdp", {{1.5, 1.0 / 70, 350}}, 1e-5);
  EXPECT_NEAR(constant.value, 0.88388971, 1e-7);
  EXPECT_EQ(constant.order, 17);
  EXPECT_NEAR(*bound_of("prv", {{1.5, 1.0 / 70, 350}}, 1e-5).estimate, 0.79058503, 6e-4);
}

}  // namespace
}  // namespace discreet::privacy
