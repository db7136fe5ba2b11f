#include "discreet/stats/internal/rmia.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace discreet::stats::internal {
namespace {

/// log of the mean of exp(values); NaN of nothing.
double log_mean_exp(const std::vector<double>& values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double most = *std::max_element(values.begin(), values.end());
  if (std::isinf(most)) return most;
  double sum = 0;
  for (const double value : values) sum += std::exp(value - most);
  return most + std::log(sum / static_cast<double>(values.size()));
}

double log_add(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  const double most = std::max(a, b);
  if (std::isinf(most)) return most;
  return most + std::log1p(std::exp(std::min(a, b) - most));
}

}  // namespace

std::vector<double> rmia_ratios(const AttackData& data, const std::vector<double>& log_prob, bool online, double alpha,
                                std::size_t left_out_model) {
  std::vector<double> ratios(data.examples);
  for (std::size_t i = 0; i < data.examples; ++i) {
    ShadowSides sides;
    for (std::size_t m = 0; m < data.models; ++m) {
      if (m == left_out_model) continue;
      const std::size_t at = i * data.models + m;
      (data.in[at] != 0 ? sides.in : sides.out).push_back(data.shadow_log_prob[at]);
    }
    const double out = log_mean_exp(sides.out);
    double marginal;
    if (!online) {
      marginal = log_add(std::log((1 + alpha) / 2) + out, std::log((1 - alpha) / 2));
    } else {
      marginal = log_add(log_mean_exp(sides.in), out) - std::log(2.0);
    }
    ratios[i] = log_prob[i] - marginal;
  }
  return ratios;
}

std::vector<double> rmia_scores(const AttackData& data, const std::vector<double>& ratios, double gamma) {
  bool own = true;
  for (std::size_t i = 0; i < data.examples; ++i) own = own && (data.audited(i) || std::isnan(ratios[i]));
  std::vector<double> z;
  for (std::size_t i = 0; i < data.examples; ++i) {
    if ((own || !data.audited(i)) && !std::isnan(ratios[i])) z.push_back(ratios[i]);
  }
  std::sort(z.begin(), z.end());
  std::vector<double> scores(data.examples, std::numeric_limits<double>::quiet_NaN());
  const double step = std::log(gamma);
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (!data.audited(i) || std::isnan(ratios[i])) continue;
    const double limit = ratios[i] - step;
    double below = static_cast<double>(std::lower_bound(z.begin(), z.end(), limit) - z.begin());
    double others = static_cast<double>(z.size());
    if (own) {
      others -= 1;
      if (ratios[i] < limit) below -= 1;  // gamma < 1 counts the example itself
    }
    if (others > 0) scores[i] = below / others;
  }
  return scores;
}

}  // namespace discreet::stats::internal
