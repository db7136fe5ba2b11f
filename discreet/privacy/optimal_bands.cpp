#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <Eigen/Dense>

#include "discreet/core/error.h"
#include "discreet/privacy/matrix_mechanism.h"

namespace discreet::privacy {
namespace {

/// log of the mean squared error and its gradient in the bands beyond the first, which is 1. As
/// power series: w = 1 / c, v = a w with the workload's a; the error is sum_j (n - j) v_j^2 times
/// |c|^2.
class BandsObjective {
 public:
  BandsObjective(std::int64_t steps, double momentum) : workload_(static_cast<std::size_t>(steps)) {
    double power = 1, sum = 0;
    for (double& a : workload_) {
      a = sum += power;
      power *= momentum;
    }
  }

  double operator()(const Eigen::VectorXd& bands, Eigen::VectorXd& gradient) const {
    const std::size_t n = workload_.size(), b = static_cast<std::size_t>(bands.size());
    std::vector<double> error = divide(workload_, bands), slope = divide(error, bands);
    double squares = 1, sum = 0;
    for (std::size_t i = 0; i < b; ++i) squares += bands[i] * bands[i];
    for (std::size_t j = 0; j < n; ++j) {
      const double weighted = static_cast<double>(n - j) * error[j];
      sum += weighted * error[j];
      error[j] = weighted;
    }
    if (!std::isfinite(sum)) return std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < b; ++i) {
      double product = 0;
      for (std::size_t j = i + 1; j < n; ++j) product += error[j] * slope[j - i - 1];
      gradient[static_cast<Eigen::Index>(i)] = 2 * bands[i] / squares - 2 * product / sum;
    }
    return std::log(sum) + std::log(squares);
  }

 private:
  /// series / (1 + sum_i bands_i x^i).
  static std::vector<double> divide(std::vector<double> series, const Eigen::VectorXd& bands) {
    const auto b = static_cast<std::size_t>(bands.size());
    for (std::size_t t = 1; t < series.size(); ++t) {
      double value = series[t];
      for (std::size_t i = 0; i < std::min(b, t); ++i) value -= bands[i] * series[t - i - 1];
      series[t] = value;
    }
    return series;
  }

  std::vector<double> workload_;
};

}  // namespace

std::vector<double> square_root_bands(std::int64_t bands) {
  std::vector<double> coefficients{1.0};
  for (std::int64_t i = 1; i < bands; ++i) {
    coefficients.push_back(coefficients.back() * (2 * static_cast<double>(i) - 1) /
                           (2 * static_cast<double>(i)));
  }
  return coefficients;
}

std::vector<double> optimal_bands(std::int64_t steps, std::int64_t bands, double momentum) {
  if (steps < 1 || bands < 1) throw usage_error("steps and bands must be at least 1");
  const std::int64_t free = std::min(bands, steps) - 1;
  std::vector<double> start = square_root_bands(free + 1);
  if (free == 0) return start;
  const BandsObjective objective(std::min<std::int64_t>(steps, 20000), momentum);
  Eigen::VectorXd x = Eigen::Map<Eigen::VectorXd>(start.data() + 1, free), gradient(free);
  Eigen::MatrixXd inverse = Eigen::MatrixXd::Identity(free, free);  // of the Hessian
  double value = objective(x, gradient);
  for (int iteration = 0; iteration < 200 && gradient.norm() > 1e-6; ++iteration) {
    Eigen::VectorXd direction = -inverse * gradient;
    if (direction.dot(gradient) >= 0) {
      inverse.setIdentity();
      direction = -gradient;
    }
    double size = 1;
    Eigen::VectorXd next, next_gradient(free);
    double next_value = std::numeric_limits<double>::infinity();
    for (int halvings = 0; halvings < 50; ++halvings, size /= 2) {
      next = x + size * direction;
      next_value = objective(next, next_gradient);
      if (next_value <= value + 1e-4 * size * direction.dot(gradient)) break;
    }
    if (!(next_value < value)) break;
    const Eigen::VectorXd s = next - x, y = next_gradient - gradient;
    const double curvature = s.dot(y), gain = value - next_value;
    if (curvature > 1e-14) {
      const Eigen::VectorXd hy = inverse * y;
      inverse += (1 + y.dot(hy) / curvature) / curvature * s * s.transpose() -
                 (hy * s.transpose() + s * hy.transpose()) / curvature;
    }
    x = next;
    gradient = next_gradient;
    value = next_value;
    if (gain < 1e-12) break;
  }
  std::copy(x.begin(), x.end(), start.begin() + 1);
  return start;
}

}  // namespace discreet::privacy
