#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/internal/convolve.h"
#include "discreet/privacy/internal/gaussian.h"
#include "discreet/privacy/internal/loss_grid.h"

namespace discreet {
namespace privacy {
namespace {

/// More cells than this make the mesh wider, which loosens the bound and keeps it valid.
constexpr double kPldCells = 1 << 21;
constexpr double kUsualMesh = 1e-4;
/// Where one step's noise is cut off: mass below 1e-27 goes to infinity.
constexpr double kReach = 11;

enum class Direction { kRemove, kAdd };
/// The same curve twice: delta(epsilon), precise where it is small, and delta(epsilon) - (1 -
/// exp(epsilon)), precise where delta is nearly that. Second differences in exp(epsilon) of the two
/// are equal.
enum class Form { kCall, kPut };

double upper_tail(double x) { return 0.5 * std::erfc(x / std::numbers::sqrt2); }

/// delta(epsilon) of one step in one of its forms. Remove: the data with the unit (P, a mixture)
/// against the data without it (Q); add: the other way round.
double curve(const Phase& phase, Direction direction, Form form, double epsilon) {
  const double q = phase.sampling_rate, s = phase.noise_multiplier;
  // The loss of direction remove at x passes e: x = s^2 ln((exp(e) - 1 + q) / q) + 1/2.
  const double e = direction == Direction::kRemove ? epsilon : -epsilon;
  const bool none = q < 1 && e <= std::log1p(-q);  // All losses of direction remove lie above e.
  const double log_rest = none     ? 0
                          : e > 30 ? e + std::log1p((q - 1) * std::exp(-e))
                                   : std::log(std::expm1(e) + q);
  const double x = none ? -HUGE_VAL : s * s * (log_rest - std::log(q)) + 0.5;
  if (direction == Direction::kRemove) {
    if (none) return form == Form::kPut ? 0 : -std::expm1(epsilon);
    // P[X > x] - exp(e) Q[X > x], and exp(e) Q[X <= x] - P[X <= x].
    if (form == Form::kPut) {
      return std::exp(log_rest) * upper_tail(-x / s) - q * upper_tail(-(x - 1) / s);
    }
    return q * upper_tail((x - 1) / s) - std::exp(log_rest + internal::log_normal_cdf(-x / s));
  }
  if (none) return form == Form::kCall ? 0 : std::expm1(epsilon);
  // 1 - exp(epsilon) (1 - q) = exp(epsilon) (exp(-epsilon) - 1 + q).
  const double rest = std::exp(epsilon + log_rest), far = std::exp(epsilon) * q;
  if (form == Form::kCall) return rest * upper_tail(-x / s) - far * upper_tail(-(x - 1) / s);
  return far * upper_tail((x - 1) / s) - rest * upper_tail(x / s);
}

/// Loss of the remove direction at x; of the add direction it is the negative.
double loss_at(const Phase& phase, double x) {
  const double q = phase.sampling_rate, s = phase.noise_multiplier;
  const double t = (2 * x - 1) / (2 * s * s);
  return t > 600 ? std::log(q) + t : std::log1p(q * std::expm1(t));
}

/// One step's loss at j h for first <= j < first + mass.size().
struct StepLoss {
  long first = 0;
  std::vector<double> mass;
  double infinite = 0;
  std::int64_t times = 0;

  /// ln E[exp(lambda loss)] over the finite part.
  double log_moment(double lambda, double h) const {
    // Horner from the end that keeps the running sum at most its value.
    const double ratio = std::exp(-std::abs(lambda) * h);
    double sum = 0;
    if (lambda > 0) {
      for (const double p : mass) sum = sum * ratio + p;
      return std::log(sum) +
             lambda * h * static_cast<double>(first + static_cast<long>(mass.size()) - 1);
    }
    for (std::size_t i = mass.size(); i-- > 0;) sum = sum * ratio + mass[i];
    return std::log(sum) + lambda * h * static_cast<double>(first);
  }
};

/// Ends of the losses that one step can have, up to negligible mass.
std::pair<double, double> loss_range(const Phase& phase, Direction direction) {
  const double s = phase.noise_multiplier;
  const double low = loss_at(phase, -kReach * s), high = loss_at(phase, 1 + kReach * s);
  if (direction == Direction::kAdd) return {-high, -low};
  return {low, high};
}

/// Connects the dots: masses at the grid points whose delta(epsilon) is exact there and, between
/// them, linear in exp(epsilon), hence an upper bound. Ref: Doroshenko et al. 2022, section 3.
StepLoss connect_dots(const Phase& phase, Direction direction, double h) {
  const auto [low, high] = loss_range(phase, direction);
  const auto value = [&](long j, Form form) {
    return curve(phase, direction, form, static_cast<double>(j) * h);
  };
  StepLoss step;
  step.times = phase.steps;
  step.first = static_cast<long>(std::floor(low / h)) - 1;
  const long last = std::max(static_cast<long>(std::ceil(high / h)) + 1, 1l);
  const double up = std::expm1(h), down = -std::expm1(-h);
  Form form = Form::kPut;
  double before = 0, here = value(step.first, form);
  for (long j = step.first; j <= last; ++j) {
    if (j == 0) {
      form = Form::kCall;
      before = value(-1, form);
      here = value(0, form);
    }
    const double next = j == last ? 0 : value(j + 1, form);
    if (j == step.first) {  // 1 - D_0 + (D_1 - D_0) / up, in the other form.
      step.mass.push_back(-here + (next - here) / up);
    } else if (j == last) {
      step.mass.push_back((before - here) / down);
      step.infinite = std::max(here, 0.0);
    } else {
      step.mass.push_back((next - here) / up + (before - here) / down);
    }
    before = here;
    here = next;
  }
  return step;
}

class PldAccountant final : public Accountant {
 public:
  explicit PldAccountant(const AccountantOptions& options) : mesh_(options.mesh) {
    if (!(mesh_ >= 0) || mesh_ >= 1) {
      throw usage_error(fmt::format("mesh = {}: expected a number in [0, 1)", mesh_));
    }
  }

  std::string name() const override { return "pld"; }
  std::string why_not(const Event& event) const override { return flatten(event).unsupported; }

  Bound epsilon(const Event& event, Delta delta) const override {
    return answer(
        event, delta.value(),
        [&](const internal::LossDistribution& loss) { return loss.epsilon(delta.value()); },
        delta.value() >= 1, delta.value() == 0, HUGE_VAL);
  }

  Bound delta(const Event& event, Epsilon epsilon) const override {
    return answer(
        event, 1e-10,
        [&](const internal::LossDistribution& loss) { return loss.delta(epsilon.value()); },
        std::isinf(epsilon.value()), false, 1);
  }

 private:
  template <class Read>
  Bound answer(const Event& event, double delta, Read read, bool trivial, bool hopeless,
               double worst) const {
    internal::require_support(*this, event);
    const FlatEvent flat = flatten(event);
    Bound bound{0, BoundKind::kUpper, name()};
    if (trivial || (flat.phases.empty() && !flat.non_private)) return bound;
    if (flat.non_private || hopeless) {
      bound.value = worst;
      return bound;
    }
    const double h = mesh_of(flat);
    bound.value = read(compose(flat, Direction::kRemove, h, delta));
    const bool sampled = std::any_of(flat.phases.begin(), flat.phases.end(),
                                     [](const Phase& phase) { return phase.sampling_rate < 1; });
    // Without sampling the two directions are one.
    if (sampled)
      bound.value = std::max(bound.value, read(compose(flat, Direction::kAdd, h, delta)));
    if (h > 10 * usual_mesh(flat)) {
      bound.warnings.push_back(fmt::format(
          "cells of {:.2g} instead of {:.2g}, to keep the grid small: the bound is loose", h,
          usual_mesh(flat)));
    }
    return bound;
  }

  /// The pessimism of a cell adds up over the steps, so many steps need finer ones.
  double usual_mesh(const FlatEvent& flat) const {
    if (mesh_ > 0) return mesh_;
    return std::min(kUsualMesh, 0.02 / std::sqrt(static_cast<double>(flat.steps())));
  }

  double mesh_of(const FlatEvent& flat) const {
    double h = usual_mesh(flat);
    for (const Phase& phase : flat.phases) {
      for (const Direction direction : {Direction::kRemove, Direction::kAdd}) {
        const auto [low, high] = loss_range(phase, direction);
        h = std::max(h, (high - low) / kPldCells);
      }
    }
    return h;
  }

  /// Smallest x, over the moments, with P[sign * sum > x] <= tail. Ref: Chernoff's bound.
  static double tail_end(const std::vector<StepLoss>& steps, double sign, double tail, double h) {
    double range = 0;
    for (const StepLoss& step : steps) {
      range = std::max(range, h * static_cast<double>(step.mass.size()));
    }
    double best = HUGE_VAL;
    for (double lambda = 1e-3; lambda < 3000; lambda *= 1.6) {
      double log_moment = 0;
      for (const StepLoss& step : steps) {
        log_moment += static_cast<double>(step.times) * step.log_moment(sign * lambda, h);
      }
      best = std::min(best, (log_moment - std::log(tail)) / lambda);
    }
    return std::max(best, 0.0);
  }

  static internal::LossDistribution compose(const FlatEvent& flat, Direction direction, double h,
                                            double delta) {
    for (;; h *= 2) {
      std::vector<StepLoss> steps;
      for (const Phase& phase : flat.phases) steps.push_back(connect_dots(phase, direction, h));
      // Mass beyond the window wraps around in the transform: it is charged as infinite.
      const double tail = delta * 1e-9;
      double high = tail_end(steps, 1, tail, h), low = tail_end(steps, -1, tail, h);
      for (const StepLoss& step : steps) {  // Each step's own losses must have a place, too.
        low = std::max(low, -h * static_cast<double>(step.first));
        high = std::max(high,
                        h * static_cast<double>(step.first + static_cast<long>(step.mass.size())));
      }
      if ((high + low) / h + 4 > kPldCells) continue;
      return window(steps, {high, low, h, tail});
    }
  }

  struct Window {
    double high, low, h, tail;
  };

  static internal::LossDistribution window(const std::vector<StepLoss>& steps, const Window& w) {
    internal::LossGrid grid;
    grid.h = w.h;
    grid.zero = static_cast<std::size_t>(std::ceil(w.low / w.h)) + 1;
    grid.size =
        internal::fast_length(grid.zero + static_cast<std::size_t>(std::ceil(w.high / w.h)) + 2);
    double log_finite = 0;
    std::vector<internal::Summand> summands;
    for (const StepLoss& step : steps) {
      std::vector<double> mass(grid.size, 0.0);
      double infinite = step.infinite;
      for (std::size_t i = 0; i < step.mass.size(); ++i) {
        const long place = static_cast<long>(grid.zero) + step.first + static_cast<long>(i);
        if (place >= static_cast<long>(grid.size)) {
          infinite += step.mass[i];
        } else {
          mass[static_cast<std::size_t>(std::max(place, 0l))] += step.mass[i];
        }
      }
      log_finite += static_cast<double>(step.times) * std::log1p(-std::min(infinite, 1.0));
      summands.push_back({std::move(mass), step.times});
    }
    return {grid, internal::convolve_powers(summands, grid.zero), -std::expm1(log_finite) + w.tail};
  }

  double mesh_;
};

}  // namespace
}  // namespace privacy

void register_accountant_pld(core::Registry& registry) {
  registry.add({"accountant",
                "pld",
                "Privacy loss by connecting the dots: tight, both directions.",
                "Doroshenko, Ghazi, Kamath, Kumar and Manurangsi 2022",
                {},
                privacy::MakeAccountant([](const privacy::AccountantOptions& options) {
                  return std::unique_ptr<privacy::Accountant>(new privacy::PldAccountant(options));
                })});
}

}  // namespace discreet
