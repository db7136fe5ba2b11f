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
/// Cells farther from 0 than this would not be told apart.
constexpr double kMostCellsAway = 1e13;
/// Narrower cells would hold less of a step's mass than rounding puts into them,
constexpr double kLeastMesh = 1e-8;
/// and in wider ones exp(h) says nothing any more.
constexpr double kMostMesh = 30;

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
  const double log_rest = none ? 0 : internal::log_sampled_excess(q, e);
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
  const double rest = std::exp(epsilon + log_rest);
  if (form == Form::kCall) {
    return rest * upper_tail(-x / s) -
           std::exp(epsilon + std::log(q) + internal::log_normal_cdf((x - 1) / s));
  }
  return std::exp(epsilon) * q * upper_tail((x - 1) / s) - rest * upper_tail(x / s);
}

/// Loss of the remove direction at x; of the add direction it is the negative.
double loss_at(const Phase& phase, double x) {
  const double s = phase.noise_multiplier;
  return internal::sampled_loss(phase.sampling_rate, (2 * x - 1) / (2 * s * s));
}

/// delta(epsilon) of one step of any kind, and where its losses end, up to negligible mass.
struct Curve {
  std::function<double(Form, double)> at;
  double low = 0, high = 0;
  std::int64_t times = 0;
  std::optional<Phase> sampled;  ///< What `at` is of, if that is a sampled Gaussian,
  Direction direction = Direction::kRemove;  ///< and in which direction.
};

/// Noise beyond `reach` standard deviations goes to the ends.
Curve curve_of(const Phase& phase, Direction direction, double reach) {
  const double far = reach * phase.noise_multiplier;
  Curve curve{[=](Form form, double e) { return sampled_curve(phase, direction, form, e); }, 0, 0,
              phase.steps, phase, direction};
  if (direction == Direction::kRemove) {
    curve.low = loss_at(phase, phase.sampling_rate == 1 ? 1 - far : -far);
    curve.high = loss_at(phase, 1 + far);
  } else {
    curve.low = -loss_at(phase, far);
    curve.high = -loss_at(phase, -far);
  }
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
Curve truncated_curve(const Event& event, Direction direction, double reach) {
  const double q = event.sampling_rate(), s = event.children()[0].noise_multiplier();
  const auto n = static_cast<double>(event.units()), cap = static_cast<double>(event.batch());
  // P[others >= cap], and the probability of the unit being kept given that the cap bites.
  const double bites = internal::binomial_survival(event.units() - 1, q, event.batch());
  const Phase plain{s, q, 1};
  Curve curve = curve_of(plain, direction, reach);
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
  const double t = (0.5 + reach * half) / (half * half), most = 2 * (1 + reach * half) / (half * half);
  const double sampled = (t > 600 ? t : std::log1p(kept * std::expm1(t))) - std::log1p(-kept);
  curve.high = std::max(curve.high, std::min(sampled, most));
  curve.low = std::min(curve.low, -curve.high);
  return curve;
}

Curve curve_of(const OtherStep& other, Direction direction, double reach) {
  const Event& event = other.event;
  Curve curve;
  if (event.kind() == Event::Kind::kTruncatedPoissonSampled) {
    curve = truncated_curve(event, direction, reach);
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

/// All curves; of Gaussians so far that what is cut off does not matter beside `delta`.
std::vector<Curve> curves_of(const FlatEvent& flat, Direction direction, double delta) {
  const double share = std::log(delta) - std::log(1e6 * static_cast<double>(flat.steps()));
  const double reach = std::clamp(std::sqrt(-2 * share), 11.0, 37.0);
  std::vector<Curve> curves;
  for (const Phase& phase : flat.phases) curves.push_back(curve_of(phase, direction, reach));
  for (const OtherStep& other : flat.others) curves.push_back(curve_of(other, direction, reach));
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
  if (!curve.sampled || static_cast<double>(std::max(last, -first)) * h > 660) {
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
  step.first = static_cast<long>(std::floor(curve.low / h)) - 1;
  const long last = std::max(static_cast<long>(std::ceil(curve.high / h)) + 1, 1l);
  const Dots dots = dots_of(curve, step.first, last, h);
  const double up = std::expm1(h), down = -std::expm1(-h);
  const auto n = dots.call.size(), zero = static_cast<std::size_t>(std::max(-step.first, 0l));
  const auto &put = dots.put, &call = dots.call;
  step.mass.resize(n);
  // 1 - D_0 + (D_1 - D_0) / up.
  step.mass[0] = zero > 0 ? -put[0] + (put[1] - put[0]) / up : 1 - call[0] + (call[1] - call[0]) / up;
  for (std::size_t i = 1; i < zero; ++i) {
    step.mass[i] = (put[i + 1] - put[i]) / up + (put[i - 1] - put[i]) / down;
  }
  for (std::size_t i = std::max<std::size_t>(zero, 1); i + 1 < n; ++i) {
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
        event, {delta.value(), std::nullopt},
        [&](const internal::LossDistribution& loss) { return loss.epsilon(delta.value()); },
        delta.value() >= 1, delta.value() == 0, HUGE_VAL);
  }

  Bound delta(const Event& event, Epsilon epsilon) const override {
    return answer(
        event, {1e-10, epsilon.value()},
        [&](const internal::LossDistribution& loss) { return loss.delta(epsilon.value()); },
        std::isinf(epsilon.value()), false, 1);
  }

 private:
  /// What is asked for: where epsilon is this one, else where delta is.
  struct Aim {
    double delta;
    std::optional<double> epsilon;
  };

  template <class Read>
  Bound answer(const Event& event, const Aim& aim, Read read, bool trivial, bool hopeless,
               double worst) const {
    internal::require_support(*this, event);
    const FlatEvent flat = flatten(event);
    Bound bound{0, BoundKind::kUpper, name()};
    if (trivial || (flat.empty() && !flat.non_private)) return bound;
    if (flat.non_private || hopeless) {
      bound.value = worst;
      return bound;
    }
    double widest = 0;
    const auto ask = [&](Direction direction) {
      const auto loss = compose(flat, direction, aim);
      if (!loss) {
        bound.warnings = {fmt::format("the losses spread too far for {:.2g} cells: accountant rdp may still count "
                                      "them", kPldCells)};
        return worst;
      }
      const double value = read(*loss);
      widest = std::max(widest, loss->grid().h);
      if (value >= worst && !std::isfinite(value)) {
        bound.warnings = {fmt::format("the losses that do not fit the grid have a probability of {:.2g}, above delta",
                                      loss->infinite())};
      }
      return value;
    };
    bound.value = ask(Direction::kRemove);
    bound.remove = bound.add = bound.value;
    const bool sampled = std::any_of(flat.phases.begin(), flat.phases.end(),
                                     [](const Phase& phase) { return phase.sampling_rate < 1; });
    const bool truncated = std::any_of(flat.others.begin(), flat.others.end(), [](const auto& o) {
      return o.event.kind() == Event::Kind::kTruncatedPoissonSampled;
    });
    // Without sampling the two directions are one.
    if (sampled || truncated) {
      bound.add = ask(Direction::kAdd);
      bound.value = std::max(bound.value, *bound.add);
    }
    if (widest > 10 * usual_mesh(flat)) {
      bound.warnings.push_back(fmt::format(
          "cells of {:.2g} instead of {:.2g}, to keep the grid small: the bound is loose", widest,
          usual_mesh(flat)));
    }
    return bound;
  }

  /// The pessimism of a cell adds up over the steps, so many steps need finer ones, and so do steps whose
  /// loss spreads little: each is moved by up to a cell.
  double usual_mesh(const FlatEvent& flat) const {
    if (mesh_ > 0) return mesh_;
    const auto steps = static_cast<double>(flat.steps());
    double least = HUGE_VAL, squares = 0;
    bool known = flat.others.empty();  // With little noise on few samples the spread says nothing.
    for (const Phase& phase : flat.phases) {
      const double z = phase.noise_multiplier, q = phase.sampling_rate;
      const double spread = q == 1 ? 1 / z : q * std::sqrt(std::expm1(1 / (z * z)));
      known = known && (q == 1 || z >= 1);
      least = std::min(least, spread);
      squares += static_cast<double>(phase.steps) * spread * spread;
    }
    // A tenth of the spread, or what a grid of moderate size can hold of all steps together.
    const double fine = std::max(least / 10, std::sqrt(squares) / 16384);
    const double usual = std::min({kUsualMesh, 0.02 / std::sqrt(steps), fine});
    // Where all steps together spread far, wider cells move epsilon, about squares/2 + 6 sqrt(squares), by less
    // than 1e-3: by its share steps h^2 / (12 squares).
    const double wide = std::sqrt(squares) / 32768;
    const bool harmless = known && steps * (squares / 2 + 6 * std::sqrt(squares)) < 1e7;
    return std::max({kLeastMesh, usual, harmless ? wide : 0});
  }

  /// ln E[exp(lambda sum)] of all steps together, for some lambdas.
  struct Moments {
    std::vector<double> lambda, log;

    void add(const std::vector<StepLoss>& steps, double at, double h) {
      double sum = 0;
      for (const StepLoss& step : steps) sum += static_cast<double>(step.times) * step.log_moment(at, h);
      lambda.push_back(at);
      log.push_back(std::isfinite(sum) ? sum : HUGE_VAL);
    }
  };

  /// In the exponent of what rounding may take, relative to delta, on top of 1e-10 or so.
  static constexpr double kSlack = 7;

  /// First a lambda >= 0 to tilt by, near the one whose Chernoff bound is best at the aim; others follow that
  /// bound where the tilted sum lies.
  static Moments moments_of(const std::vector<StepLoss>& steps, double h, const Aim& aim) {
    Moments all{{0}, {0}};
    for (double lambda = 1e-5; lambda < 4e4; lambda *= 2) all.add(steps, lambda, h);
    const auto value_at = [&](std::size_t i) {
      return aim.epsilon ? all.log[i] - all.lambda[i] * *aim.epsilon
                         : (all.log[i] - std::log(aim.delta)) / all.lambda[i];
    };
    std::size_t best = 0;
    double value = aim.epsilon ? 0 : HUGE_VAL;
    const auto consider = [&](std::size_t i) {
      if (!(value_at(i) < value)) return;
      best = i;
      value = value_at(i);
    };
    for (std::size_t i = 1; i + 1 < all.lambda.size(); ++i) consider(i);  // The last one bounds where the sum lies.
    double factor = std::numbers::sqrt2;
    for (int i = 0; i < 5 && best > 0; ++i, factor = std::sqrt(factor)) {
      const double middle = all.lambda[best];
      for (const double lambda : {middle / factor, middle * factor}) {
        all.add(steps, lambda, h);
        consider(all.lambda.size() - 1);
      }
    }
    // Of those that leave rounding small at that epsilon the least: it stays small below it, too, where a mass at
    // the upper end makes Chernoff's bound a loose one.
    if (best > 0) {
      const double at = aim.epsilon.value_or(value);
      const double most = kSlack + (aim.epsilon ? value : std::log(aim.delta));
      for (std::size_t i = 0; i < all.lambda.size(); ++i) {
        if (all.lambda[i] < all.lambda[best] && all.log[i] - all.lambda[i] * at <= most) best = i;
      }
    }
    const double tilt = all.lambda[best];
    // Moments may grow suddenly: near the tilt they bound the sum's end better than twice as far.
    for (const double share : {0.07, 0.25}) {
      if (tilt > 0) all.add(steps, tilt * (1 - share), h), all.add(steps, tilt * (1 + share), h);
    }
    if (tilt == 0) {
      for (double lambda = 1e-5; lambda < 4e4; lambda *= 2) all.add(steps, -lambda, h);
    }
    std::swap(all.lambda[0], all.lambda[best]);
    std::swap(all.log[0], all.log[best]);
    return all;
  }

  /// Where the tilted sum lies but for `tail` on either side. Ref: Chernoff's bound.
  struct Span {
    double low = -HUGE_VAL, high = HUGE_VAL;
  };
  static Span span_of(const Moments& moments, double tail) {
    Span span;
    for (std::size_t i = 1; i < moments.lambda.size(); ++i) {
      const double beyond = moments.lambda[i] - moments.lambda[0];
      const double end = (moments.log[i] - moments.log[0] - std::log(tail)) / beyond;
      if (beyond > 0) span.high = std::min(span.high, end);
      if (beyond < 0) span.low = std::max(span.low, end);
    }
    return span;
  }

  /// Nothing if the losses spread too far.
  std::optional<internal::LossDistribution> compose(const FlatEvent& flat, Direction direction, Aim aim) const {
    double h = usual_mesh(flat);
    for (int rounds = 0;; ++rounds) {
      const std::vector<Curve> curves = curves_of(flat, direction, aim.delta);
      for (const Curve& curve : curves) {
        h = std::max({h, (curve.high - curve.low) / kPldCells,
                      std::max(std::abs(curve.low), std::abs(curve.high)) / kMostCellsAway});
      }
      if (!(h < kMostMesh)) return std::nullopt;
      std::vector<StepLoss> steps;
      for (const Curve& curve : curves) steps.push_back(connect_dots(curve, h));
      const Moments moments = moments_of(steps, h, aim);
      const double lambda = moments.lambda[0];
      if (aim.epsilon && lambda > 0 && rounds == 0) {  // How far to reach is known only now.
        const double delta = std::exp(moments.log[0] - lambda * *aim.epsilon) / 1000;
        if (delta < aim.delta) {
          aim.delta = std::max(delta, 1e-290);
          continue;
        }
      }
      // What lies beyond the span wraps around in the transform.
      const double tail = lambda > 0 ? 1e-12 : aim.delta * 1e-9;
      Span span = span_of(moments, tail);
      // The answer must have its place where the tilted sum does not reach it, too.
      if (lambda > 0) {
        const double answer = aim.epsilon.value_or((moments.log[0] - std::log(aim.delta)) / lambda);
        span.high = std::max(span.high, answer + 7 / lambda);
      }
      const double cells = (span.high - span.low) / h + 4;
      if (cells <= kPldCells) return tilted_sum(steps, span, h, lambda, tail);
      if (!std::isfinite(cells)) return std::nullopt;
      h = std::max(2 * h, (span.high - span.low) / kPldCells);
    }
  }

  /// The sum's distribution, computed where it matters: each step's mass p at t becomes p exp(lambda t) / M, of
  /// which the sum lies about the epsilon that is asked for, and the sum is weighted back. The transform's
  /// rounding, which is relative to the largest masses, is then small beside the tail that is read off.
  static internal::LossDistribution tilted_sum(const std::vector<StepLoss>& steps, const Span& span, double h,
                                               double lambda, double tail) {
    const auto first = static_cast<long>(std::floor(span.low / h)) - 1;
    const long last = std::max(static_cast<long>(std::ceil(span.high / h)) + 1, 1l);
    const std::size_t size = internal::fast_length(static_cast<std::size_t>(std::max(last - first + 1, 256l)));
    const auto place_of = [n = static_cast<long>(size)](long cell) {
      return static_cast<std::size_t>(((cell % n) + n) % n);
    };
    double log_finite = 0, log_moment = 0, times = 20, rounding = 0;
    const std::vector<double> sum =
        internal::convolve_powers(steps.size(), size, 0, [&](std::size_t k, std::vector<double>& mass) {
          const StepLoss& step = steps[k];
          const double log_one = lambda > 0 ? step.log_moment(lambda, h) : 0;
          double error = 0;
          std::size_t place = place_of(step.first);
          for (std::size_t i = 0; i < step.mass.size(); ++i, place = place + 1 == size ? 0 : place + 1) {
            if (step.mass[i] == 0) continue;
            const double x = lambda * h * static_cast<double>(step.first + static_cast<long>(i)) - log_one;
            const double p = lambda > 0 ? step.mass[i] * std::exp(std::min(x, 700.0)) : step.mass[i];
            mass[place] += p;
            error += std::abs(p) * (std::abs(x) + 2);
          }
          const auto count = static_cast<double>(step.times);
          log_finite += count * std::log1p(-std::min(step.infinite, 1.0));
          log_moment += count * log_one;
          times += count;
          rounding += count * error;  // Of the weights, relative to each mass.
          return step.times;
        });
    // The transform's: relative errors of the spectrum, as many as there are steps, by Cauchy and Schwarz.
    double squares = 0;
    for (const double p : sum) squares += p * p;
    rounding += times * std::sqrt(static_cast<double>(size) * squares);
    rounding *= std::numeric_limits<double>::epsilon();

    const long from = std::max(first, 0l);
    std::vector<double> mass(static_cast<std::size_t>(last - from + 1));
    for (std::size_t i = 0; i < mass.size(); ++i) {
      const long cell = from + static_cast<long>(i);
      mass[i] = sum[place_of(cell)];
      if (lambda > 0) mass[i] *= std::exp(log_moment - lambda * h * static_cast<double>(cell));
    }
    const internal::LossGrid grid{h, mass.size(), 0, h * static_cast<double>(from)};
    const double lost = tail * std::exp(log_moment - lambda * h * static_cast<double>(last));
    return {grid, std::move(mass), -std::expm1(log_finite) + lost, {std::log(rounding) + log_moment, lambda}};
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
