#include "discreet/stats/reliability.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <boost/math/distributions/fisher_f.hpp>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

double mean_of_run(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double square(double x) { return x * x; }

double f_quantile(double probability, double numerator, double denominator) {
  return boost::math::quantile(boost::math::fisher_f(numerator, denominator), probability);
}

}  // namespace

std::optional<IntraclassCorrelation> intraclass_correlation(std::span<const double> values, std::size_t targets,
                                                            std::size_t repeats, double confidence) {
  if (values.size() != targets * repeats) throw internal_error("values of a reliability that do not fit its shape");
  if (targets < 2 || repeats < 2) return std::nullopt;
  const double n = static_cast<double>(targets), k = static_cast<double>(repeats), all = mean_of_run(values);
  double between = 0, within = 0;
  for (std::size_t t = 0; t < targets; ++t) {
    const auto row = values.subspan(t * repeats, repeats);
    const double mean = mean_of_run(row);
    between += k * square(mean - all);
    for (const double value : row) within += square(value - mean);
  }
  between /= n - 1;
  within /= n * (k - 1);
  if (between == 0 && within == 0) return std::nullopt;
  if (within == 0) return IntraclassCorrelation{1, 1, {1, 1}};
  const double f = between / within, one = n - 1, two = n * (k - 1), tail = (1 - confidence) / 2;
  const auto of_ratio = [&](double ratio) { return (ratio - 1) / (ratio + k - 1); };
  IntraclassCorrelation found{.single = of_ratio(f), .average = f > 0 ? (f - 1) / f : -INFINITY};
  found.ci = {of_ratio(f / f_quantile(1 - tail, one, two)), of_ratio(f * f_quantile(1 - tail, two, one))};
  return found;
}

std::optional<double> disattenuated(double r, double reliability_x, double reliability_y) {
  if (!(reliability_x > 0 && reliability_y > 0)) return std::nullopt;
  return r / std::sqrt(reliability_x * reliability_y);
}

std::optional<VarianceComponents> variance_components(std::span<const double> values, std::size_t a, std::size_t b,
                                                      std::size_t repeats) {
  if (values.size() != a * b * repeats) throw internal_error("values of variance components that do not fit their shape");
  if (a < 2 || b < 2 || repeats < 2) return std::nullopt;
  const double rows = static_cast<double>(a), columns = static_cast<double>(b), n = static_cast<double>(repeats);
  const double all = mean_of_run(values);
  std::vector<double> cell(a * b), row(a, 0), column(b, 0);
  double within = 0;
  for (std::size_t i = 0; i < a; ++i) {
    for (std::size_t j = 0; j < b; ++j) {
      const auto run = values.subspan((i * b + j) * repeats, repeats);
      const double mean = cell[i * b + j] = mean_of_run(run);
      row[i] += mean / columns;
      column[j] += mean / rows;
      for (const double value : run) within += square(value - mean);
    }
  }
  double ms_a = 0, ms_b = 0, ms_ab = 0;
  for (std::size_t i = 0; i < a; ++i) ms_a += columns * n * square(row[i] - all);
  for (std::size_t j = 0; j < b; ++j) ms_b += rows * n * square(column[j] - all);
  for (std::size_t i = 0; i < a; ++i) {
    for (std::size_t j = 0; j < b; ++j) ms_ab += n * square(cell[i * b + j] - row[i] - column[j] + all);
  }
  ms_a /= rows - 1;
  ms_b /= columns - 1;
  ms_ab /= (rows - 1) * (columns - 1);
  const double ms_within = within / (rows * columns * (n - 1));
  return VarianceComponents{.a = std::max(0.0, (ms_a - ms_ab) / (columns * n)),
                            .b = std::max(0.0, (ms_b - ms_ab) / (rows * n)),
                            .interaction = std::max(0.0, (ms_ab - ms_within) / n),
                            .repeats = ms_within};
}

}  // namespace discreet::stats
