#include "discreet/stats/logistic.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"

namespace discreet::stats {

LogisticRegression::LogisticRegression(std::span<const double> rows, std::size_t features,
                                       std::span<const std::uint8_t> labels, double l2) {
  const std::size_t n = labels.size();
  const auto ones = static_cast<std::size_t>(std::count(labels.begin(), labels.end(), std::uint8_t{1}));
  if (rows.size() != n * features || ones == 0 || ones == n) {
    throw internal_error("a logistic regression needs rows of both classes");
  }
  center_.assign(features, 0);
  scale_.assign(features, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t f = 0; f < features; ++f) center_[f] += rows[i * features + f];
  }
  for (double& center : center_) center /= static_cast<double>(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t f = 0; f < features; ++f) {
      const double d = rows[i * features + f] - center_[f];
      scale_[f] += d * d;
    }
  }
  for (double& scale : scale_) scale = scale > 0 ? std::sqrt(static_cast<double>(n) / scale) : 0;

  const auto size = static_cast<Eigen::Index>(features + 1);
  Eigen::VectorXd w = Eigen::VectorXd::Zero(size), x(size);
  const double ridge = l2 * static_cast<double>(n);
  for (int step = 0; step < 100; ++step) {
    Eigen::MatrixXd hessian = Eigen::MatrixXd::Zero(size, size);
    Eigen::VectorXd gradient = Eigen::VectorXd::Zero(size);
    for (std::size_t i = 0; i < n; ++i) {
      x[0] = 1;
      for (std::size_t f = 0; f < features; ++f) {
        x[static_cast<Eigen::Index>(f + 1)] = (rows[i * features + f] - center_[f]) * scale_[f];
      }
      const double p = 1 / (1 + std::exp(-w.dot(x)));
      gradient += (p - labels[i]) * x;
      // Away from 0, so that rows that are fitted perfectly leave a matrix that can be solved.
      hessian.selfadjointView<Eigen::Lower>().rankUpdate(x, std::max(p * (1 - p), 1e-9));
    }
    for (Eigen::Index f = 1; f < size; ++f) {
      gradient[f] += ridge * w[f];
      hessian(f, f) += ridge + 1e-12;
    }
    Eigen::VectorXd change = hessian.selfadjointView<Eigen::Lower>().ldlt().solve(gradient);
    // Newton's step may overshoot where the classes are far apart.
    const double longest = change.cwiseAbs().maxCoeff();
    if (longest > 5) change *= 5 / longest;
    w -= change;
    if (longest < 1e-10) break;
  }
  weights_.assign(w.data(), w.data() + size);
}

double LogisticRegression::log_odds(std::span<const double> row) const {
  double sum = weights_[0];
  for (std::size_t f = 0; f < row.size(); ++f) sum += weights_[f + 1] * (row[f] - center_[f]) * scale_[f];
  return sum;
}

}  // namespace discreet::stats
