#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <optional>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/internal/binomial.h"
#include "discreet/privacy/internal/convolve.h"
#include "discreet/privacy/internal/gaussian.h"
#include "discreet/privacy/internal/loss_grid.h"
#include "discreet/privacy/internal/numeric.h"

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
double sampled_curve(const Phase& phase, Direction direction, Form form, double epsilon) {
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

/// delta(epsilon) of one step of any kind, and where its losses end, up to negligible mass.
struct Curve {
  std::function<double(Form, double)> at;
  double low = 0, high = 0;
  std::int64_t times = 0;
  std::optional<Phase> sampled;  ///< What `at` is of, if that is a sampled Gaussian,
  Direction direction = Direction::kRemove;  ///< and in which direction.
};

Curve curve_of(const Phase& phase, Direction direction) {
  const double s = phase.noise_multiplier;
  const double low = loss_at(phase, -kReach * s), high = loss_at(phase, 1 + kReach * s);
  Curve curve{[=](Form form, double e) { return sampled_curve(phase, direction, form, e); }, low,
              high, phase.steps, phase, direction};
  if (direction == Direction::kAdd) curve.low = -high, curve.high = -low;
  return curve;
}

/// Masses p at +epsilon and 1 - p at -epsilon.
double pure_curve(double bound, Form form, double epsilon) {
  const double log_p = -std::log1p(std::exp(-bound)), log_rest = log_p - bound;
  if (epsilon >= bound) return form == Form::kCall ? 0 : std::expm1(epsilon);
  if (epsilon <= -bound) return form == Form::kPut ? 0 : -std::expm1(epsilon);
  // p - exp(epsilon) (1 - p), and the same plus exp(epsilon) - 1.
  if (form == Form::kCall) return -std::exp(log_p) * std::expm1(epsilon - bound);
  return std::exp(log_rest) * std::expm1(epsilon + bound);
}

/// Laplace noise of `scale` on a shift of 1: the losses lie in [-1/scale, 1/scale].
double laplace_curve(double scale, Form form, double epsilon) {
  const double bound = 1 / scale;
  if (epsilon >= bound) return form == Form::kCall ? 0 : std::expm1(epsilon);
  if (epsilon <= -bound) return form == Form::kPut ? 0 : -std::expm1(epsilon);
  const double call = -std::expm1((epsilon - bound) / 2);
  return form == Form::kCall ? call : call + std::expm1(epsilon);
}

/// P = (1 - q) N(0, s^2) + q N(1, s^2) against Q = (1 - q) N(0, s^2) + q N(-1, s^2).
double replace_curve(double q, double s, Form form, double epsilon) {
  // P/Q = exp(epsilon) is a quadratic equation in u = exp(x / s^2), with c = exp(-1/(2 s^2)).
  const double growth = std::expm1(epsilon), log_c = -1 / (2 * s * s);
  const double b = (1 - q) * growth, log_root = (2 * (std::log(q) + log_c) + epsilon) / 2;
  // sqrt(b^2 + 4 exp(epsilon) q^2 c^2) without overflow, then the positive solution.
  const double root = std::hypot(b, 2 * std::exp(log_root));
  const double log_u = growth == 0 ? 0  // Also where c is too small for a number.
                       : b > 0     ? std::log((b + root) / 2) - std::log(q) - log_c
                                   : std::log(q) + log_c + epsilon - std::log((root - b) / 2);
  const double x = s * s * log_u;
  const double p_far = upper_tail((x - 1) / s), middle = upper_tail(x / s);
  const double q_far = upper_tail((x + 1) / s), scale = std::exp(epsilon);
  if (form == Form::kCall) {
    return (q * p_far + (1 - q) * middle) - scale * (q * q_far + (1 - q) * middle);
  }
  const double p_below = q * upper_tail(-(x - 1) / s) + (1 - q) * upper_tail(-x / s);
  return scale * (q * upper_tail(-(x + 1) / s) + (1 - q) * upper_tail(-x / s)) - p_below;
}

/// Of a batch above its cap, `cap` units are kept: the unit's part in it then depends on the others,
/// and dropping it may let another one in. A mixture, by whether the cap bites. Ref: the mixture of
/// dp_accounting (TruncatedSubsampledGaussianDpEvent); Ganesh et al. 2025.
Curve truncated_curve(const Event& event, Direction direction) {
  const double q = event.sampling_rate(), s = event.children()[0].noise_multiplier();
  const auto n = static_cast<double>(event.units()), cap = static_cast<double>(event.batch());
  // P[others >= cap], and the probability of the unit being kept given that the cap bites.
  const double bites = internal::binomial_survival(event.units() - 1, q, event.batch());
  const Phase plain{s, q, 1};
  Curve curve = curve_of(plain, direction);
  if (bites == 0) return curve;
  curve.sampled.reset();
  const double kept =
      std::min(1.0, internal::binomial_survival(event.units(), q, event.batch() + 1) * cap / n /
                        bites);
  const double half = s / 2;
  curve.at = [=](Form form, double e) {
    return (1 - bites) * sampled_curve(plain, direction, form, e) +
           bites * replace_curve(kept, half, form, e);
  };
  // The loss is below that without sampling, and below ln((1 + k (exp(t) - 1))/(1 - k)).
  const double t = (0.5 + kReach * half) / (half * half), most = 2 * (1 + kReach * half) / (half * half);
  const double sampled = (t > 600 ? t : std::log1p(kept * std::expm1(t))) - std::log1p(-kept);
  curve.high = std::max(curve.high, std::min(sampled, most));
  curve.low = std::min(curve.low, -curve.high);
  return curve;
}

Curve curve_of(const OtherStep& other, Direction direction) {
  const Event& event = other.event;
  Curve curve;
  if (event.kind() == Event::Kind::kTruncatedPoissonSampled) {
    curve = truncated_curve(event, direction);
  } else if (event.kind() == Event::Kind::kLaplace) {
    const double scale = event.noise_multiplier();
    curve = {[=](Form form, double e) { return laplace_curve(scale, form, e); }, -1 / scale,
             1 / scale};
  } else {
    const double bound = event.epsilon();
    curve = {[=](Form form, double e) { return pure_curve(bound, form, e); }, -bound, bound};
  }
  curve.times = other.times;
  return curve;
}

std::vector<Curve> curves_of(const FlatEvent& flat, Direction direction) {
  std::vector<Curve> curves;
  for (const Phase& phase : flat.phases) curves.push_back(curve_of(phase, direction));
  for (const OtherStep& other : flat.others) curves.push_back(curve_of(other, direction));
  return curves;
}

/// One step's loss at j h for first <= j < first + mass.size().
struct StepLoss {
  long first = 0;
  std::vector<double> mass, reversed;
  double infinite = 0;
  std::int64_t times = 0;

  /// ln E[exp(lambda loss)] over the finite part.
  double log_moment(double lambda, double h) const {
    // From the end that keeps every term at most its mass.
    const std::vector<double>& from = lambda > 0 ? reversed : mass;
    const double end = lambda > 0 ? static_cast<double>(first + static_cast<long>(mass.size()) - 1)
                                  : static_cast<double>(first);
    const double sum = internal::quickest_loops().power_sum(from.data(), from.size(),
                                                            std::exp(-std::abs(lambda) * h));
    return std::log(sum) + lambda * h * end;
  }
};

/// Both forms of a curve at j h, first <= j <= last.
struct Dots {
  std::vector<double> call, put;
};

Dots dots_of(const Curve& curve, long first, long last, double h) {
  const auto n = static_cast<std::size_t>(last - first + 1);
  Dots dots{std::vector<double>(n), std::vector<double>(n)};
  if (!curve.sampled || static_cast<double>(std::max(last, -first)) * h > 690) {
    for (std::size_t i = 0; i < n; ++i) {
      const double e = static_cast<double>(first + static_cast<long>(i)) * h;
      dots.call[i] = curve.at(Form::kCall, e);
      dots.put[i] = curve.at(Form::kPut, e);
    }
    return dots;
  }
  const double q = curve.sampled->sampling_rate, s = curve.sampled->noise_multiplier;
  std::vector<double> survival(n);
  const internal::NumericLoops& loops = internal::quickest_loops();
  if (curve.direction == Direction::kRemove) {
    loops.mixture_curves(q, s, static_cast<double>(first), h, n, dots.call.data(), dots.put.data(),
                         survival.data());
    return dots;
  }
  // Exchanging P and Q: call(e) is exp(e) put(-e) of the other direction, and the reverse.
  std::vector<double> call(n), put(n);
  loops.mixture_curves(q, s, static_cast<double>(-last), h, n, call.data(), put.data(),
                       survival.data());
  for (std::size_t i = 0; i < n; ++i) {
    const double growth = std::exp(static_cast<double>(first + static_cast<long>(i)) * h);
    dots.call[i] = growth * put[n - 1 - i];
    dots.put[i] = growth * call[n - 1 - i];
  }
  return dots;
}

/// Connects the dots: masses at the grid points whose delta(epsilon) is exact there and, between
/// them, linear in exp(epsilon), hence an upper bound. Ref: Doroshenko et al. 2022, section 3.
StepLoss connect_dots(const Curve& curve, double h) {
  StepLoss step;
  step.times = curve.times;
  step.first = std::min(static_cast<long>(std::floor(curve.low / h)) - 1, -1l);
  const long last = std::max(static_cast<long>(std::ceil(curve.high / h)) + 1, 1l);
  const Dots dots = dots_of(curve, step.first, last, h);
  const double up = std::expm1(h), down = -std::expm1(-h);
  const auto n = dots.call.size(), zero = static_cast<std::size_t>(-step.first);
  const auto &put = dots.put, &call = dots.call;
  step.mass.resize(n);
  step.mass[0] = -put[0] + (put[1] - put[0]) / up;  // 1 - D_0 + (D_1 - D_0) / up.
  for (std::size_t i = 1; i < zero; ++i) {
    step.mass[i] = (put[i + 1] - put[i]) / up + (put[i - 1] - put[i]) / down;
  }
  for (std::size_t i = zero; i + 1 < n; ++i) {
    step.mass[i] = (call[i + 1] - call[i]) / up + (call[i - 1] - call[i]) / down;
  }
  step.mass[n - 1] = (call[n - 2] - call[n - 1]) / down;
  step.infinite = std::max(call[n - 1], 0.0);
  step.reversed.assign(step.mass.rbegin(), step.mass.rend());
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
  std::string why_not(const Event& event) const override {
    return internal::why_not_steps(event, {Event::Kind::kLaplace, Event::Kind::kPureDp,
                                           Event::Kind::kTruncatedPoissonSampled});
  }

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
    if (trivial || (flat.empty() && !flat.non_private)) return bound;
    if (flat.non_private || hopeless) {
      bound.value = worst;
      return bound;
    }
    const double h = mesh_of(flat);
    bound.value = read(compose(flat, Direction::kRemove, h, delta));
    bound.remove = bound.add = bound.value;
    const bool sampled = std::any_of(flat.phases.begin(), flat.phases.end(),
                                     [](const Phase& phase) { return phase.sampling_rate < 1; });
    const bool truncated = std::any_of(flat.others.begin(), flat.others.end(), [](const auto& o) {
      return o.event.kind() == Event::Kind::kTruncatedPoissonSampled;
    });
    // Without sampling the two directions are one.
    if (sampled || truncated) {
      bound.add = read(compose(flat, Direction::kAdd, h, delta));
      bound.value = std::max(bound.value, *bound.add);
    }
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
    for (const Direction direction : {Direction::kRemove, Direction::kAdd}) {
      for (const Curve& curve : curves_of(flat, direction)) {
        h = std::max(h, (curve.high - curve.low) / kPldCells);
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
    const std::vector<Curve> curves = curves_of(flat, direction);
    for (;; h *= 2) {
      std::vector<StepLoss> steps;
      for (const Curve& curve : curves) steps.push_back(connect_dots(curve, h));
      // Mass beyond the window wraps around in the transform: it is charged as infinite.
      const double tail = delta * 1e-9;
      double high = tail_end(steps, 1, tail, h), low = tail_end(steps, -1, tail, h);
      for (const StepLoss& step : steps) {  // Each step's own losses must have a place, too.
        low = std::max(low, -h * static_cast<double>(step.first));
        high = std::max(high,
                        h * static_cast<double>(step.first + static_cast<long>(step.mass.size())));
      }
      if ((high + low) / h + 4 > kPldCells) continue;
      return window(steps, {high, low, h, tail, delta});
    }
  }

  struct Window {
    double high, low, h, tail, delta;
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
    std::vector<double> sum = internal::convolve_powers(summands, grid.zero);
    const double rounding = rounding_of(steps, sum);
    // Errors of single entries have either sign and mostly cancel; where even their bound is small it is
    // charged by a sixteenth, which is more than was ever seen, else in full.
    const double charged = rounding <= w.delta / 100 ? rounding / 16 : rounding;
    return {grid, std::move(sum), -std::expm1(log_finite) + w.tail + charged};
  }

  /// What the transform's rounding can add up to over all cells: relative errors of the spectrum, as many
  /// as there are steps, by Cauchy and Schwarz.
  static double rounding_of(const std::vector<StepLoss>& steps, const std::vector<double>& sum) {
    double squares = 0, times = 20;  // The transforms themselves: about the logarithm of the length.
    for (const double p : sum) squares += p * p;
    for (const StepLoss& step : steps) times += static_cast<double>(step.times);
    return std::numeric_limits<double>::epsilon() * times *
           std::sqrt(static_cast<double>(sum.size()) * squares);
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
