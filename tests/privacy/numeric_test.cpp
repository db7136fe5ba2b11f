#include "discreet/privacy/internal/numeric.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>

#include "discreet/core/random.h"
#include "discreet/privacy/internal/convolve.h"

namespace discreet::privacy::internal {
namespace {

double upper_half(double x) { return 0.5 * std::erfc(x / std::sqrt(2.0)); }

TEST(NumericLoops, CurvesEqualTheFormulasOnEveryInstructionSet) {
  for (const NumericLoops& loops : numeric_loops()) {
    for (const double q : {1e-8, 1e-3, .04, .5, 1.0}) {
      for (const double s : {.3, 1.0, 1.5, 20.0}) {
        const std::size_t n = 1001;
        const double h = 12 / (s * 500), first = -500.25;
        std::vector<double> call(n), put(n), survival(n);
        loops.mixture_curves(q, s, first, h, n, call.data(), put.data(), survival.data());
        for (std::size_t i = 0; i < n; i += 7) {
          const double t = (first + static_cast<double>(i)) * h, e = std::expm1(t) + q;
          double expected = 1, delta = -std::expm1(t), below = 0;
          if (e > 1e-12) {
            const double x = s * s * std::log(e / q) + .5;
            expected = q * upper_half((x - 1) / s) + (1 - q) * upper_half(x / s);
            delta = q * upper_half((x - 1) / s) - e * upper_half(x / s);
            below = e * upper_half(-x / s) - q * upper_half(-(x - 1) / s);
          }
          // q limits how well the position is known where exp(t) is near 1 - q.
          const double blur = 3e-15 / std::max(e, 1e-12) * s * s;
          ASSERT_NEAR(survival[i], expected, (1e-12 + blur) * std::max(expected, 1e-280))
              << loops.name << " " << q << " " << s << " " << t;
          ASSERT_NEAR(call[i], delta, 3e-15 * q * expected / std::min(q, 1.0) + 3e-15 * q) << t;
          ASSERT_NEAR(put[i], below, 4e-15 * std::max(e, q)) << t;
        }
      }
    }
  }
}

TEST(NumericLoops, PowersAndSums) {
  core::ReproducibleRng rng(3);
  const std::size_t n = 611;
  std::vector<double> re(n), im(n), p(n);
  for (std::size_t i = 0; i < n; ++i) re[i] = rng.uniform() - .5, im[i] = rng.uniform() - .5, p[i] = rng.uniform();
  for (const NumericLoops& loops : numeric_loops()) {
    for (const std::int64_t times : {1, 2, 7, 1000}) {
      std::vector<double> a(n, 1.0), b(n, 0.0);
      loops.multiply_power(re.data(), im.data(), n, times, a.data(), b.data());
      for (std::size_t i = 0; i < n; ++i) {
        const auto expected = std::pow(std::complex<double>(re[i], im[i]), static_cast<double>(times));
        const double scale = 1e-12 * std::abs(expected) + 1e-99;
        ASSERT_NEAR(a[i], expected.real(), scale) << loops.name << " " << times;
        ASSERT_NEAR(b[i], expected.imag(), scale);
      }
    }
    for (const std::size_t count : {0u, 1u, 7u, 8u, 17u, 611u}) {
      double expected = 0;
      for (std::size_t i = count; i-- > 0;) expected = expected * .9 + p[i];
      EXPECT_NEAR(loops.power_sum(p.data(), count, .9), expected, 1e-13) << count;
    }
  }
}

TEST(Convolve, TransformsOfEveryRadixAreExact) {
  // A point mass moved by d, times over, is a point mass at d times; and two coins are a binomial.
  for (const std::size_t size : {2u, 4u, 6u, 8u, 10u, 12u, 18u, 20u, 30u, 32u, 50u, 54u, 64u, 90u, 96u,
                                 120u, 128u, 250u, 360u, 486u, 512u, 1000u, 1024u, 1250u, 2048u, 3750u}) {
    ASSERT_EQ(fast_length(size), size);
    std::vector<double> point(size, 0.0), coin(size, 0.0);
    point[1 % size] = 1;
    coin[0] = coin[1] = .5;
    const auto moved = convolve_powers({{point, 5}}, 0);
    const auto tossed = convolve_powers({{coin, 2}}, 0);
    for (std::size_t i = 0; i < size; ++i) {
      ASSERT_NEAR(moved[i], i == 5 % size ? 1 : 0, 1e-14) << size << " " << i;
      const double pmf = (i == 0 ? .25 : 0) + (i == 1 ? .5 : 0) + (i == 2 % size ? .25 : 0);
      ASSERT_NEAR(tossed[i], pmf, 1e-14) << size << " " << i;
    }
  }
}

}  // namespace
}  // namespace discreet::privacy::internal
