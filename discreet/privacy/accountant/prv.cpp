#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <optional>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/internal/convolve.h"
#include "discreet/privacy/internal/gaussian.h"
#include "discreet/privacy/internal/loss_grid.h"
#include "discreet/privacy/internal/numeric.h"
#include "discreet/privacy/internal/rdp.h"

namespace discreet {
namespace privacy {
namespace {

/// P[loss > t] of one sampled Gaussian, remove direction: the loss is ln(mixture/N(0, s^2)) under
/// the mixture. Section 5.1 of Gopi et al., as a survival function, which keeps digits in the tail.
double loss_survival(const Phase& phase, double t) {
  const double q = phase.sampling_rate, s = phase.noise_multiplier;
  if (q < 1 && t <= std::log1p(-q)) return 1;
  const double z = internal::log_sampled_excess(q, t) - std::log(q);
  const double scale = 2 * std::numbers::sqrt2 * s;
  return 0.5 * (q * std::erfc((2 * z * s * s - 1) / scale) +
                (1 - q) * std::erfc((2 * z * s * s + 1) / scale));
}

/// Noise below this is refused: the mean of its loss would need a sum of millions of terms.
constexpr double kLeastSampledNoise = 1e-3;

/// (1 + w) ln(1 + w) - w, with `loss` = ln(1 + w), without cancellation for small w.
double mean_term(double loss) {
  const double w = std::expm1(loss);
  if (std::abs(w) > 1e-2) return (1 + w) * loss - w;
  double power = w * w, sum = power / 2;
  for (int k = 3; k < 10; ++k) {
    power *= -w;
    sum += power / (k * (k - 1));
  }
  return sum;
}

/// Mean of the loss by the trapezoidal rule, as in rdp.cpp, less that of w, which is 0.
double loss_mean(const Phase& phase) {
  const double q = phase.sampling_rate, s = phase.noise_multiplier;
  if (q == 1) return 1 / (2 * s * s);
  constexpr double pi = std::numbers::pi;
  const double h = internal::quadrature_step(s);
  const double reach = 9.5 * s;
  double sum = 0;
  for (double x = -std::ceil(reach / h) * h; x < 1 + reach; x += h) {
    const double t = (2 * x - 1) / (2 * s * s);
    const double loss = internal::sampled_loss(q, t);
    // Density of the mixture: that of N(0, s^2) times 1 + w, or far out q N(1, s^2).
    sum += t > 600 ? q * std::exp(-(x - 1) * (x - 1) / (2 * s * s)) * (loss - 1)
                   : std::exp(-x * x / (2 * s * s)) * mean_term(loss);
  }
  return sum * h / (s * std::sqrt(2 * pi));
}

/// One step's loss: P[loss > t], its mean, and where it starts.
struct Loss {
  std::function<double(double)> survival;
  double mean = 0;
  double lowest = -HUGE_VAL;
  std::int64_t times = 0;
  std::optional<Phase> sampled;  ///< What `survival` is of, if that is a sampled Gaussian.
};

Loss loss_of(const Phase& phase) {
  return {[=](double t) { return loss_survival(phase, t); }, loss_mean(phase),
          phase.sampling_rate < 1 ? std::log1p(-phase.sampling_rate) : -HUGE_VAL, phase.steps, phase};
}

Loss loss_of(const OtherStep& other) {
  if (other.event.kind() == Event::Kind::kLaplace) {
    const double b = other.event.noise_multiplier(), bound = 1 / b;
    // The loss is below 1/b where the noise is beyond (1 - t b)/2.
    const auto survival = [=](double t) {
      if (t >= bound) return 0.0;
      return t < -bound ? 1.0 : 1 - 0.5 * std::exp((t - bound) / 2);
    };
    return {survival, bound + std::expm1(-bound), -bound, other.times};
  }
  const double bound = other.event.epsilon(), p = 1 / (1 + std::exp(-bound));
  const auto survival = [=](double t) { return t >= bound ? 0 : t < -bound ? 1 : p; };
  return {survival, bound * std::tanh(bound / 2), -bound, other.times};
}

class PrvAccountant final : public Accountant {
 public:
  explicit PrvAccountant(const AccountantOptions& options)
      : eps_error_(options.eps_error), delta_error_(options.delta_error) {
    if (!(eps_error_ > 0 && eps_error_ < 1)) {
      throw usage_error(fmt::format("eps_error = {}: expected a number in (0, 1)", eps_error_));
    }
  }

  std::string name() const override { return "prv"; }
  std::string why_not(const Event& event) const override {
    return internal::why_not_steps(event, {Event::Kind::kLaplace, Event::Kind::kPureDp});
  }

  Bound epsilon(const Event& event, Delta delta) const override {
    internal::require_support(*this, event);
    const FlatEvent flat = flatten(event);
    Bound bound{0, BoundKind::kUpper, name(), {}, 0.0, 0.0};
    if (delta.value() >= 1 || (flat.empty() && !flat.non_private)) return bound;
    if (flat.non_private || delta.value() == 0) {
      bound.value = HUGE_VAL;
      bound.estimate = bound.lower = HUGE_VAL;
      return bound;
    }
    const double delta_error = delta_error_.value_or(delta.value() / 1000);
    if (delta_error >= delta.value()) {
      throw usage_error(fmt::format("delta_error = {}: expected less than delta = {}", delta_error,
                                    delta.value()));
    }
    const internal::LossDistribution loss = compose(flat, delta_error);
    require_digits(loss, delta.value() - delta_error);
    bound.estimate = loss.epsilon(delta.value());
    bound.lower = std::max(0.0, loss.epsilon(delta.value() + delta_error) - eps_error_);
    bound.value = loss.epsilon(delta.value() - delta_error) + eps_error_;
    return bound;
  }

  Bound delta(const Event& event, Epsilon epsilon) const override {
    internal::require_support(*this, event);
    const FlatEvent flat = flatten(event);
    Bound bound{0, BoundKind::kUpper, name(), {}, 0.0, 0.0};
    if (std::isinf(epsilon.value()) || (flat.empty() && !flat.non_private)) return bound;
    if (flat.non_private) {
      bound.value = 1;
      bound.estimate = bound.lower = 1;
      return bound;
    }
    const auto& orders = internal::rdp_orders();
    const double loose =
        internal::rdp_delta(orders, internal::rdp_of(flat, orders), epsilon.value()).value;
    const double delta_error = delta_error_.value_or(std::max(loose / 1000, 1e-14));
    const internal::LossDistribution loss = compose(flat, delta_error);
    bound.estimate = loss.delta(epsilon.value());
    bound.lower = std::max(0.0, loss.delta(epsilon.value() + eps_error_) - delta_error);
    const double before = epsilon.value() - eps_error_;
    bound.value = before < 0 ? 1 : std::min(1.0, loss.delta(before) + delta_error);
    bound.value = std::min(bound.value, loose);
    return bound;
  }

 private:
  /// Mesh and half-width of section 5.2 of the reference: h = eps_error / sqrt(n
  /// ln(12/delta_error)/2).
  internal::LossGrid make_grid(const FlatEvent& flat, double delta_error) const {
    for (const Phase& phase : flat.phases) {
      if (phase.noise_multiplier >= kLeastSampledNoise || phase.sampling_rate == 1) continue;
      throw privacy_refused(fmt::format("accountant prv does not resolve noise multipliers below {}, and one is {}",
                                        kLeastSampledNoise, phase.noise_multiplier),
                            "Use --accountant rdp or pld.");
    }
    const auto n = static_cast<double>(flat.steps());
    const auto& orders = internal::rdp_orders();
    std::vector<double> total(orders.size(), 0.0);
    double half = eps_error_;
    const auto add = [&](const std::vector<double>& one, std::int64_t times) {
      half = std::max(half, internal::rdp_epsilon(orders, one, delta_error / (8 * n)).value);
      for (std::size_t i = 0; i < total.size(); ++i) {
        total[i] += static_cast<double>(times) * one[i];
      }
    };
    for (const Phase& phase : flat.phases) {
      add(internal::sampled_gaussian_rdp(phase.sampling_rate, phase.noise_multiplier, orders),
          phase.steps);
    }
    for (const OtherStep& other : flat.others) {
      FlatEvent one;
      one.others = {{other.event, 1}};
      add(internal::rdp_of(one, orders), other.times);
    }
    half = std::max(half, internal::rdp_epsilon(orders, total, delta_error / 4).value) + 3;
    internal::LossGrid grid;
    grid.h = eps_error_ / std::sqrt(n * std::log(12 / delta_error) / 2);
    const double cells = 2 * std::ceil(half / grid.h) + 2;
    if (!(cells <= internal::kMostCells)) {
      throw privacy_refused(
          fmt::format(
              "accountant prv would need a grid of {:.3g} cells for {:.0f} steps; the limit "
              "is {:.3g}",
              cells, n, internal::kMostCells),
          "Use --accountant rdp, or a larger error in epsilon.");
    }
    grid.size = internal::fast_length(static_cast<std::size_t>(cells));
    grid.zero = grid.size / 2 - 1;
    return grid;
  }

  /// Memory that goes from one phase to the next: fresh pages for each would cost as much as the transform.
  struct Scratch {
    std::vector<double> values, call, put;
  };

  /// P[loss > t] at t = (first - 1/2 + i) h, up to where it is below 1e-30, in scratch.values.
  static void survival_at(const Loss& loss, double first, double h, std::size_t n, Scratch& scratch) {
    std::vector<double>& values = scratch.values;
    const auto phase = loss.sampled;
    // Beyond 12 standard deviations lies less than 1e-32.
    const double reach = phase ? (0.5 + 12 * phase->noise_multiplier) /
                                     (phase->noise_multiplier * phase->noise_multiplier)
                               : HUGE_VAL;
    if (phase && reach < 600 && -first * h < 600) {
      const double most = std::ceil(reach / h) - first + 2;
      if (most < static_cast<double>(n)) n = static_cast<std::size_t>(std::max(most, 1.0));
      values.resize(n);
      scratch.call.resize(n);
      scratch.put.resize(n);
      internal::quickest_loops().mixture_curves(phase->sampling_rate, phase->noise_multiplier,
                                                first - 0.5, h, n, scratch.call.data(),
                                                scratch.put.data(), values.data());
      return;
    }
    values.clear();
    for (std::size_t i = 0; i < n; ++i) {
      values.push_back(loss.survival((first - 0.5 + static_cast<double>(i)) * h));
      if (values.back() < 1e-30) break;
    }
  }

  /// Adds up the cells of one step's loss in `mass`, which is zero; returns how far the grid must move so
  /// that its mean is right.
  static double discretise(const Loss& loss, const internal::LossGrid& grid, Scratch& scratch,
                           std::vector<double>& mass) {
    const double place = std::floor(loss.lowest / grid.h) - 2 + static_cast<double>(grid.zero);
    const auto first = static_cast<std::size_t>(std::max(place, 0.0));
    const double start = static_cast<double>(first) - static_cast<double>(grid.zero);
    survival_at(loss, start, grid.h, grid.size - first, scratch);
    const std::vector<double>& above = scratch.values;
    double sum = 0, mean = 0;
    for (std::size_t i = 0; i < above.size(); ++i) {
      const double p = above[i] - (i + 1 < above.size() ? above[i + 1] : 0);
      mass[first + i] = p;
      sum += p;
      mean += p * (start + static_cast<double>(i));
    }
    for (std::size_t i = 0; i < above.size(); ++i) mass[first + i] /= sum;
    const double shift = loss.mean - mean / sum * grid.h;
    if (!(std::abs(shift) < grid.h / 2)) {
      throw privacy_refused(fmt::format("accountant prv: cells of {:.3g} miss the mean loss of a step by {:.3g}, "
                                        "more than half a cell", grid.h, std::abs(shift)),
                            "Use another accountant, or a smaller --eps-error.");
    }
    return shift;
  }

  internal::LossDistribution compose(const FlatEvent& flat, double delta_error) const {
    internal::LossGrid grid = make_grid(flat, delta_error);
    double total_shift = 0;
    std::vector<Loss> losses;
    for (const Phase& phase : flat.phases) losses.push_back(loss_of(phase));
    for (const OtherStep& other : flat.others) losses.push_back(loss_of(other));
    Scratch scratch;
    std::vector<double> sum = internal::convolve_powers(
        losses.size(), grid.size, grid.zero, [&](std::size_t i, std::vector<double>& mass) {
          total_shift += static_cast<double>(losses[i].times) * discretise(losses[i], grid, scratch, mass);
          return losses[i].times;
        });
    grid.shift = total_shift;
    return {grid, std::move(sum)};
  }

  static void require_digits(const internal::LossDistribution& loss, double delta) {
    const double noise =
        std::numeric_limits<double>::epsilon() * static_cast<double>(loss.grid().size);
    if (noise <= delta) return;
    throw privacy_refused(
        fmt::format("accountant prv cannot resolve delta = {} on {} cells in double precision",
                    delta, loss.grid().size),
        "Use --accountant rdp for a delta this small.");
  }

  double eps_error_;
  std::optional<double> delta_error_;
};

}  // namespace
}  // namespace privacy

void register_accountant_prv(core::Registry& registry) {
  registry.add({"accountant",
                "prv",
                "Privacy loss by Fourier transform: tight, with error bounds.",
                "Gopi, Lee and Wutschitz 2021",
                {},
                privacy::MakeAccountant([](const privacy::AccountantOptions& options) {
                  return std::unique_ptr<privacy::Accountant>(new privacy::PrvAccountant(options));
                })});
}

}  // namespace discreet
