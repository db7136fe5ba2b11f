#include "discreet/stats/quantile_regression.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"

namespace discreet::stats {

std::vector<double> quantile_regression(std::span<const double> rows, std::size_t features,
                                        std::span<const double> values, double level) {
  const auto n = static_cast<Eigen::Index>(values.size());
  if (values.empty() || rows.size() != values.size() * features || !(level > 0 && level < 1)) {
    throw internal_error("a quantile regression of shapes that do not fit");
  }
  Eigen::MatrixXd x(n, static_cast<Eigen::Index>(features + 1));
  Eigen::VectorXd y(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    x(i, 0) = 1;
    y[i] = values[static_cast<std::size_t>(i)];
    for (std::size_t f = 0; f < features; ++f) {
      x(i, static_cast<Eigen::Index>(f + 1)) = rows[static_cast<std::size_t>(i) * features + f];
    }
  }
  // Standardised, so that one ridge fits all columns; a constant column becomes 0.
  Eigen::VectorXd center = x.colwise().mean(), scale(x.cols());
  center[0] = 0;
  scale[0] = 1;
  for (Eigen::Index f = 1; f < x.cols(); ++f) {
    const double deviation = std::sqrt((x.col(f).array() - center[f]).square().mean());
    scale[f] = deviation > 0 ? 1 / deviation : 0;
    x.col(f) = (x.col(f).array() - center[f]) * scale[f];
  }
  const double spread = std::max(y.maxCoeff() - y.minCoeff(), 1e-300);
  const double smoothing = 1e-6 * spread;
  Eigen::VectorXd w = Eigen::VectorXd::Zero(x.cols());
  w[0] = y.mean();
  const Eigen::VectorXd tilt = (2 * level - 1) * x.colwise().sum().transpose();
  for (int step = 0; step < 500; ++step) {
    const Eigen::VectorXd weight = ((y - x * w).array().abs() + smoothing).inverse();
    const Eigen::MatrixXd weighted = weight.asDiagonal() * x;
    Eigen::MatrixXd normal = x.transpose() * weighted;
    for (Eigen::Index f = 1; f < normal.rows(); ++f) normal(f, f) += 1e-9 * normal(0, 0);
    const Eigen::VectorXd next = normal.ldlt().solve(weighted.transpose() * y + tilt);
    const double change = (next - w).cwiseAbs().maxCoeff();
    w = next;
    if (change < 1e-9 * spread) break;
  }
  std::vector<double> result(static_cast<std::size_t>(w.size()));
  result[0] = w[0];
  for (Eigen::Index f = 1; f < w.size(); ++f) {
    result[static_cast<std::size_t>(f)] = w[f] * scale[f];
    result[0] -= w[f] * scale[f] * center[f];
  }
  return result;
}

}  // namespace discreet::stats
