#include "discreet/mitigate/words/context_noise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "discreet/core/error.h"

namespace discreet::mitigate {
namespace {

TEST(ContextNoise, GaussianIsTheAnalyticOne) {
  // Values of the analytic Gaussian mechanism.
  EXPECT_NEAR(gaussian_deviation(1, 1e-5), 3.7306316348, 1e-8);
  EXPECT_NEAR(gaussian_deviation(8, 1e-5), .6002290722, 1e-8);
  EXPECT_NEAR(gaussian_deviation(.1, 1e-6), 36.3046904264, 1e-6);
  const ContextNoise noise = make_context_noise("gaussian", 8, 1e-5, 3, 64);
  EXPECT_NEAR(noise.scale, 2 * 3 * .6002290722, 1e-8);
  EXPECT_TRUE(noise.proven);
  EXPECT_THROW(make_context_noise("gaussian", 8, 0, 1, 64), Error);
}

/// The largest L1 and L2 distance of two bounded vectors, over corners and axes: what the noise must cover.
TEST(ContextNoise, SensitivityIsReachedAndNotPassed) {
  const std::size_t n = 16;
  for (const char* name : {"gaussian", "laplace", "laplace-l2", "as-published"}) {
    const ContextNoise noise = make_context_noise(name, 2, 1e-6, 1.5, n);
    double l1 = 0, l2 = 0;
    for (int corner = 0; corner < 2; ++corner) {
      std::vector<double> a(n, 0), b(n, 0);
      for (std::size_t i = 0; i < n; ++i) {
        a[i] = corner == 0 || i == 0 ? 100 : 0;
        b[i] = -a[i];
      }
      noise.bound(a);
      noise.bound(b);
      double d1 = 0, d2 = 0;
      for (std::size_t i = 0; i < n; ++i) {
        d1 += std::abs(a[i] - b[i]);
        d2 += (a[i] - b[i]) * (a[i] - b[i]);
      }
      l1 = std::max(l1, d1);
      l2 = std::max(l2, std::sqrt(d2));
    }
    EXPECT_NEAR(l2, 3, 1e-9) << name;
    EXPECT_NEAR(l1, noise.l1 ? 3 : 3 * 4, 1e-9) << name;
    // Laplace noise of scale s gives epsilon = L1 sensitivity / s.
    if (noise.laplace) {
      EXPECT_EQ(l1 / noise.scale <= 2 + 1e-9, noise.proven) << name;
    }
  }
}

TEST(ContextNoise, ThePublishedSettingStatesNoEpsilon) {
  const ContextNoise noise = make_context_noise("as-published", 10, 0, 1, 64);
  EXPECT_FALSE(noise.proven);
  EXPECT_NE(noise.statement.find("nothing is guaranteed"), std::string::npos);
  EXPECT_NE(noise.statement.find("8.0 times"), std::string::npos);
  EXPECT_EQ(noise.statement.find("10"), std::string::npos);
  EXPECT_THROW(make_context_noise("none", 1, 0, 1, 4), Error);
  EXPECT_THROW(make_context_noise("laplace", 0, 0, 1, 4), Error);
}

TEST(ContextNoise, ZeroStaysAndNonFiniteBecomesZero) {
  const ContextNoise noise = make_context_noise("laplace", 1, 0, 1, 3);
  std::vector<double> zero(3, 0), bad = {1, NAN, 2};
  noise.bound(zero);
  noise.bound(bad);
  EXPECT_EQ(zero, std::vector<double>(3, 0));
  EXPECT_EQ(bad, std::vector<double>(3, 0));
}

TEST(ContextNoise, NoiseHasItsSize) {
  core::SecureRng rng;
  for (const char* name : {"gaussian", "laplace"}) {
    const ContextNoise noise = make_context_noise(name, 3, 1e-4, 1, 4);
    std::vector<double> x(40000, 0);
    noise.release(x, rng);
    double square = 0;
    for (const double v : x) square += v * v / 40000;
    const double expected = (noise.laplace ? 2 : 1) * noise.scale * noise.scale;
    EXPECT_NEAR(square / expected, 1, .08) << name;  // more than six deviations
  }
}

}  // namespace
}  // namespace discreet::mitigate
