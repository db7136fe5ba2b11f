#include "discreet/privacy/matrix_mechanism.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

void check_participation(const Participation& participation) {
  if (participation.most < 1 || participation.separation < 1) {
    throw usage_error(
        fmt::format("a unit takes part {} times, {} steps apart: expected numbers >= 1",
                    participation.most, participation.separation));
  }
}

/// Level of the node that step `place` of a tree completes last: the trailing ones of `place`.
std::int64_t completed_level(std::int64_t place) {
  return std::countr_one(static_cast<std::uint64_t>(place));
}

}  // namespace

double prefix_rmse(const NoiseStrategy& strategy, const Participation& participation) {
  const std::vector<double> variances = strategy.prefix_variances();
  const double mean = std::accumulate(variances.begin(), variances.end(), 0.0) /
                      static_cast<double>(variances.size());
  return strategy.sensitivity(participation) * std::sqrt(mean);
}

BandedStrategy::BandedStrategy(std::int64_t steps, std::vector<double> coefficients)
    : steps_(steps), coefficients_(std::move(coefficients)) {
  if (steps_ < 1) throw usage_error("a matrix mechanism needs at least one step");
  if (coefficients_.empty() || !(coefficients_.front() > 0)) {
    throw usage_error("the first band of a strategy must be above 0");
  }
  double squares = 0;
  for (const double c : coefficients_) squares += c * c;
  for (double& c : coefficients_) c /= std::sqrt(squares);
  squares = 0;
  for (const double c : coefficients_) norms_.push_back(std::sqrt(squares += c * c));
  // The inverse's coefficients, w = 1 / c as power series.
  std::vector<double> inverse(static_cast<std::size_t>(steps_));
  squares_.resize(inverse.size());
  double sum = 0;
  for (std::size_t t = 0; t < inverse.size(); ++t) {
    double value = t == 0 ? 1 : 0;
    for (std::size_t i = 1; i < coefficients_.size() && i <= t; ++i) {
      value -= coefficients_[i] * inverse[t - i];
    }
    inverse[t] = value / coefficients_[0];
    squares_[t] = sum += inverse[t] * inverse[t];
  }
}

double BandedStrategy::column_norm(std::int64_t step) const {
  return norms_[static_cast<std::size_t>(
      std::min(bands(), std::max<std::int64_t>(1, steps_ - step)) - 1)];
}

double BandedStrategy::sensitivity(const Participation& participation) const {
  check_participation(participation);
  if (participation.most > 1 && participation.separation < bands()) {
    throw privacy_refused(
        fmt::format(
            "a unit may take part again after {} steps, but the noise spans {} bands: their "
            "columns overlap, and the sensitivity bound sqrt(participations) does not hold",
            participation.separation, bands()),
        "Take at most as many bands as steps lie between two participations of a unit.");
  }
  return std::sqrt(static_cast<double>(participation.most));
}

double BandedStrategy::step_variance(std::int64_t step) const {
  const double norm = column_norm(step);
  return norm * norm * squares_[static_cast<std::size_t>(std::min(step, steps_ - 1))];
}

std::vector<double> BandedStrategy::prefix_variances() const {
  // Noise of step s is norm_s sum_u w_{s-u} z_u; `weights` holds each z_u's part in the prefix.
  // Over the steps whose columns are whole the weights are one series, read from its end.
  const auto n = static_cast<std::size_t>(steps_);
  std::vector<double> inverse(n), weights(n, 0.0), variances(n);
  const std::int64_t whole = std::max<std::int64_t>(0, steps_ - bands() + 1);
  double series = 0, sum = 0;
  for (std::size_t t = 0; t < n; ++t) {
    double value = t == 0 ? 1 : 0;
    for (std::size_t i = 1; i < coefficients_.size() && i <= t; ++i) {
      value -= coefficients_[i] * inverse[t - i];
    }
    inverse[t] = value / coefficients_[0];
    if (static_cast<std::int64_t>(t) < whole) {
      series += inverse[t];
      variances[t] = sum += series * series;
      weights[t] = series;  // of z_{whole - 1 - t} once all whole steps are summed
    }
  }
  std::reverse(weights.begin(), weights.begin() + whole);
  for (std::size_t t = static_cast<std::size_t>(whole); t < n; ++t) {
    const double norm = column_norm(static_cast<std::int64_t>(t));
    double variance = 0;
    for (std::size_t u = 0; u <= t; ++u) {
      weights[u] += norm * inverse[t - u];
      variance += weights[u] * weights[u];
    }
    variances[t] = variance;
  }
  return variances;
}

std::vector<double> BandedStrategy::matrix() const {
  std::vector<double> dense(static_cast<std::size_t>(steps_ * steps_), 0.0);
  for (std::int64_t t = 0; t < steps_; ++t) {
    for (std::int64_t i = 0; i < bands() && t + i < steps_; ++i) {
      dense[static_cast<std::size_t>((t + i) * steps_ + t)] =
          coefficients_[static_cast<std::size_t>(i)] / column_norm(t);
    }
  }
  return dense;
}

void BandedStrategy::next(std::int64_t step, std::span<float> values, float* past,
                          std::size_t stride, const Release& release) const {
  // Rows 0 … bands - 2 of `past` hold x over its column's norm, the rows after them what was
  // released of it.
  const std::int64_t kept = bands() - 1;
  const auto row = [&](std::int64_t half, std::int64_t at) {
    return past + static_cast<std::size_t>(half * kept + at % kept) * stride;
  };
  const std::size_t n = values.size();
  float* __restrict x = values.data();
  const auto first = static_cast<float>(coefficients_[0]),
             norm = static_cast<float>(column_norm(step));
  if (kept == 0) {
    for (std::size_t k = 0; k < n; ++k) x[k] *= first / norm;
    release(0, values);
    for (std::size_t k = 0; k < n; ++k) x[k] *= norm / first;
    return;
  }
  const std::int64_t reach = std::min(kept, step);
  float* __restrict own = row(0, step);
  // The oldest row makes room for this step's: it is read first.
  std::vector<float> sum(n, 0.0F), taken(n, 0.0F);
  for (std::int64_t i = 1; i <= reach; ++i) {
    const auto c = static_cast<float>(coefficients_[static_cast<std::size_t>(i)]);
    const float* __restrict before = row(0, step - i);
    const float* __restrict released = row(1, step - i);
    for (std::size_t k = 0; k < n; ++k) {
      sum[k] += c * before[k];
      taken[k] += c * released[k];
    }
  }
  for (std::size_t k = 0; k < n; ++k) {
    own[k] = x[k] / norm;
    x[k] = first * own[k] + sum[k];
  }
  release(0, values);
  float* __restrict out = row(1, step);
  for (std::size_t k = 0; k < n; ++k) {
    out[k] = (x[k] - taken[k]) / first;
    x[k] = norm * out[k];
  }
}

TreeStrategy::TreeStrategy(std::int64_t steps, bool honaker, std::int64_t restart)
    : steps_(steps), honaker_(honaker), restart_(restart) {
  if (steps_ < 1 || restart_ < 0) throw usage_error("a matrix mechanism needs at least one step");
  span_ = restart_ > 0 ? std::min(restart_, steps_) : steps_;
  levels_ = std::bit_width(static_cast<std::uint64_t>(span_));
  double variance = 1;
  for (std::int64_t h = 0; h < levels_; ++h) {
    variances_.push_back(variance);
    if (honaker_) variance = 2 * variance / (2 * variance + 1);
  }
}

double TreeStrategy::sensitivity(const Participation& participation) const {
  check_participation(participation);
  double sum = 0;
  for (std::int64_t h = 0; h < levels_; ++h) {
    const std::int64_t width = std::int64_t{1} << h;
    const std::int64_t in_node = (width + participation.separation - 1) / participation.separation;
    sum += static_cast<double>(std::min(participation.most, in_node));
  }
  return std::sqrt(static_cast<double>(participation.most) * sum);
}

double TreeStrategy::step_variance(std::int64_t step) const {
  // The step's noise is that of the node it completes, less the nodes on the left that it swallows.
  const std::int64_t level = completed_level(place(step));
  if (!honaker_) return 1 + static_cast<double>(level);
  double variance = 0, share = 1;  // share: weight of the estimate at height h in that at `level`
  for (std::int64_t h = level; h >= 0; --h) {
    const double own = h == 0 ? 1 : node_variance(h);
    variance += share * share * own * own;
    if (h == 0) break;
    share *= 1 - own;
    variance += (share - 1) * (share - 1) * node_variance(h - 1);
  }
  return variance;
}

std::vector<double> TreeStrategy::prefix_variances() const {
  std::vector<double> variances;
  double before = 0;  // of the trees that are whole
  for (std::int64_t step = 0; step < steps_; ++step) {
    const auto count = static_cast<std::uint64_t>(place(step)) + 1;
    double variance = before;
    for (std::int64_t h = 0; h < levels_; ++h) {
      if ((count >> h) & 1) variance += node_variance(h);
    }
    variances.push_back(variance);
    if (static_cast<std::int64_t>(count) == span_) before = variance;
  }
  return variances;
}

std::vector<double> TreeStrategy::matrix() const {
  std::vector<double> dense;
  for (std::int64_t begin = 0; begin < steps_; begin += span_) {
    for (std::int64_t width = 1; width <= span_; width *= 2) {
      for (std::int64_t left = begin; left + width <= std::min(begin + span_, steps_);
           left += width) {
        std::vector<double> row(static_cast<std::size_t>(steps_), 0.0);
        std::fill_n(row.begin() + left, width, 1.0);
        dense.insert(dense.end(), row.begin(), row.end());
      }
    }
  }
  return dense;
}

void TreeStrategy::next(std::int64_t step, std::span<float> values, float* past, std::size_t stride,
                        const Release& release) const {
  // Row h of `past`: the sum of x over the last whole node of level h that no larger node has
  // swallowed; row levels + h: what was released of it.
  const std::int64_t level = completed_level(place(step));
  const auto sum = [&](std::int64_t h) { return past + static_cast<std::size_t>(h) * stride; };
  const auto released = [&](std::int64_t h) {
    return past + static_cast<std::size_t>(levels_ + h) * stride;
  };
  const std::size_t n = values.size();
  std::vector<float> node(values.begin(), values.end()), estimate(n), fresh(n);
  const auto release_node = [&](std::int64_t draw, std::vector<float>& to) {
    to = node;
    release(draw, to);
  };
  if (honaker_) release_node(0, estimate);
  for (std::int64_t h = 0; h < level; ++h) {
    const float* left = sum(h);
    for (std::size_t k = 0; k < n; ++k) node[k] += left[k];
    if (!honaker_) continue;
    release_node(h + 1, fresh);
    const auto own = static_cast<float>(node_variance(h + 1));
    const float* before = released(h);
    for (std::size_t k = 0; k < n; ++k) {
      estimate[k] = own * fresh[k] + (1 - own) * (before[k] + estimate[k]);
    }
  }
  if (!honaker_) release_node(0, estimate);
  std::copy(estimate.begin(), estimate.end(), values.begin());
  for (std::int64_t h = 0; h < level; ++h) {
    const float* before = released(h);
    for (std::size_t k = 0; k < n; ++k) values[k] -= before[k];
  }
  std::copy(node.begin(), node.end(), sum(level));
  std::copy(estimate.begin(), estimate.end(), released(level));
}

}  // namespace discreet::privacy
