#pragma once

#include <Eigen/Dense>
#include <algorithm>
#include <deque>
#include <functional>
#include <vector>

namespace discreet::stats::internal {

/// Minimises a smooth function from `x` by limited-memory BFGS with a backtracking line search (Armijo).
/// `f` returns the value and fills the gradient. Stops at a gradient below `tolerance` (largest entry), after
/// `iterations`, or where no step lowers the value. Ref: Nocedal and Wright 2006, algorithm 7.4.
inline double minimize_lbfgs(const std::function<double(const Eigen::VectorXd&, Eigen::VectorXd&)>& f, Eigen::VectorXd& x,
                             int iterations, double tolerance = 1e-7) {
  constexpr std::size_t kMemory = 10;
  struct Pair {
    Eigen::VectorXd s, y;
    double rho;
  };
  std::deque<Pair> pairs;
  Eigen::VectorXd gradient(x.size()), next_gradient(x.size());
  double value = f(x, gradient);
  for (int k = 0; k < iterations && gradient.cwiseAbs().maxCoeff() > tolerance; ++k) {
    Eigen::VectorXd direction = -gradient;
    std::vector<double> alpha(pairs.size());
    for (std::size_t i = pairs.size(); i-- > 0;) {
      alpha[i] = pairs[i].rho * pairs[i].s.dot(direction);
      direction -= alpha[i] * pairs[i].y;
    }
    if (!pairs.empty()) direction *= pairs.back().s.dot(pairs.back().y) / pairs.back().y.squaredNorm();
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      direction += (alpha[i] - pairs[i].rho * pairs[i].y.dot(direction)) * pairs[i].s;
    }
    const double slope = gradient.dot(direction);
    if (!(slope < 0)) break;
    double step = pairs.empty() ? std::min(1.0, 1 / gradient.norm()) : 1.0;
    Eigen::VectorXd next;
    double next_value = value;
    bool lower = false;
    for (int tries = 0; tries < 40 && !lower; ++tries, step /= 2) {
      next = x + step * direction;
      next_value = f(next, next_gradient);
      lower = next_value <= value + 1e-4 * step * slope;
    }
    if (!lower) break;
    Pair pair{next - x, next_gradient - gradient, 0};
    const double curvature = pair.s.dot(pair.y);
    if (curvature > 1e-12 * pair.s.norm() * pair.y.norm()) {
      pair.rho = 1 / curvature;
      pairs.push_back(std::move(pair));
      if (pairs.size() > kMemory) pairs.pop_front();
    }
    x = std::move(next);
    gradient = next_gradient;
    value = next_value;
  }
  return value;
}

}  // namespace discreet::stats::internal
