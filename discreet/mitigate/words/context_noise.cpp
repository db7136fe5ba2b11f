#include "discreet/mitigate/words/context_noise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/mitigate/words/perturbation.h"

namespace discreet::mitigate {
namespace {

/// log of the normal distribution function, also far in the left tail.
double log_normal_cdf(double x) {
  if (x > -30) return std::log(std::erfc(-x / std::sqrt(2.0)) / 2);
  return -x * x / 2 - std::log(-x * std::sqrt(2 * std::acos(-1.0))) + std::log1p(-1 / (x * x));
}

}  // namespace

double gaussian_delta(double deviation, double epsilon) {
  const double a = 1 / (2 * deviation), b = epsilon * deviation;
  const double first = log_normal_cdf(a - b), second = epsilon + log_normal_cdf(-a - b);
  return std::max(0.0, std::exp(first) * -std::expm1(second - first));
}

double gaussian_deviation(double epsilon, double delta) {
  double low = 1e-6, high = 1;
  while (gaussian_delta(high, epsilon) > delta) high *= 2;
  while (high - low > 1e-12 * high) {
    const double middle = (low + high) / 2;
    (gaussian_delta(middle, epsilon) > delta ? low : high) = middle;
  }
  return high;
}

void ContextNoise::bound(std::span<double> x) const {
  double norm = 0;
  for (const double value : x) norm += l1 ? std::abs(value) : value * value;
  if (!l1) norm = std::sqrt(norm);
  if (!std::isfinite(norm)) {
    std::fill(x.begin(), x.end(), 0.0);
    return;
  }
  // A hair below the bound, so that rounding does not pass it.
  if (norm > clip) {
    for (double& value : x) value *= clip / norm * (1 - 1e-12);
  }
}

void ContextNoise::release(std::span<double> x, core::SecureRng& rng) const {
  bound(x);
  for (double& value : x) {
    if (!laplace) {
      value += scale * secure_normal(rng);
      continue;
    }
    const double magnitude = -scale * std::log(secure_open_uniform(rng));
    value += rng.uniform() < 0.5 ? magnitude : -magnitude;
  }
}

ContextNoise make_context_noise(const std::string& mechanism, double epsilon, double delta, double clip, std::size_t dimension) {
  if (!(epsilon > 0) || !std::isfinite(epsilon) || !(clip > 0) || !std::isfinite(clip)) {
    throw usage_error("epsilon and the clip norm must be above 0");
  }
  ContextNoise noise{.clip = clip};
  const std::string unit = "two texts, whatever they say";
  if (mechanism == "gaussian") {
    if (!(delta > 0) || !(delta < 1)) throw usage_error("mechanism gaussian needs a delta above 0 and below 1", "For example --delta 1e-6.");
    noise.scale = 2 * clip * gaussian_deviation(epsilon, delta);
    noise.statement = fmt::format("({}, {})-differential privacy of each text: of {}, outputs are that hard to tell apart", epsilon, delta, unit);
    noise.proven = true;
    return noise;
  }
  noise.laplace = true;
  if (mechanism == "laplace") {
    noise.l1 = true;
    noise.scale = 2 * clip / epsilon;
  } else if (mechanism == "laplace-l2") {
    noise.scale = 2 * clip * std::sqrt(static_cast<double>(dimension)) / epsilon;
  } else if (mechanism == "as-published") {
    noise.scale = 2 * clip / epsilon;
    noise.statement = fmt::format(
        "nothing is guaranteed: the noise is sized for a sensitivity of 2 clip, but L2-clipped vectors of {} values differ by up to "
        "{:.1f} times that in L1 (Habernal 2021)",
        dimension, std::sqrt(static_cast<double>(dimension)));
    return noise;
  } else {
    throw usage_error("mechanism '" + mechanism + "' is not known", "There are gaussian, laplace, laplace-l2 and as-published.");
  }
  noise.statement = fmt::format("{}-differential privacy of each text: of {}, no output is more than exp({}) times as likely", epsilon, unit, epsilon);
  noise.proven = true;
  return noise;
}

}  // namespace discreet::mitigate
