#include "discreet/privacy/calibrate.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

constexpr double kRelative = 1e-5;

/// Epsilon as a guarantee. What the accountant's grid does not hold counts as infinite: the search goes on
/// where it costs less.
Bound cost_of(const Target& target, const Event& event) {
  try {
    Bound bound = target.accountant->epsilon(event, Delta(target.delta));
    bound.guarantee();
    return bound;
  } catch (const Error& e) {
    const Bound nothing = target.accountant->epsilon(Event::composed({}), Delta(target.delta));
    if (e.code() != ErrorCode::kPrivacyRefused || !target.accountant->supports(event) ||
        nothing.kind != BoundKind::kUpper) {
      throw;
    }
    Bound bound{HUGE_VAL, BoundKind::kUpper, target.accountant->name()};
    bound.warnings = {e.what()};
    return bound;
  }
}

/// " (reason)" of a cost that is infinite.
std::string reason_in(const Bound& cost) {
  return std::isinf(cost.value) && !cost.warnings.empty() ? " (" + cost.warnings[0] + ")" : "";
}

void check_target(const Target& target) {
  if (target.accountant == nullptr) throw internal_error("calibration without an accountant");
  Epsilon{target.epsilon};
  if (!(target.epsilon > 0)) {
    throw usage_error(fmt::format("epsilon = {}: expected a number in (0, inf]", target.epsilon));
  }
  Delta{target.delta};
}

/// The outcome of a search: `good` meets the target, `bad` does not, and they are close.
struct Bracket {
  double good, bad;
  Bound epsilon;              ///< At `good`.
  double bad_epsilon = HUGE_VAL;
};

/// Where a straight line in logarithms through both ends meets the target; halfway if that is nothing.
double between(const Bracket& bracket, double target) {
  const double low = std::log(bracket.epsilon.value / target);
  const double high = std::log(bracket.bad_epsilon / target);
  double share = 0.5;
  if (std::isfinite(low) && std::isfinite(high) && high > low) share = -low / (high - low);
  return std::log(bracket.good) + share * (std::log(bracket.bad) - std::log(bracket.good));
}

/// Narrows a bracket on a logarithmic scale; keeps `good` good. Secants, aimed a little beyond the root
/// so that both ends come near, and every third time half the bracket, so that it always ends.
void narrow(Bracket& bracket, const Target& target, const std::function<Event(double)>& event) {
  bool good_last = false;
  for (int i = 0; std::abs(bracket.good / bracket.bad - 1) > kRelative; ++i) {
    const double good = std::log(bracket.good), bad = std::log(bracket.bad);
    double place = (good + bad) / 2;
    if (i % 3 != 2) {
      const double beyond = 0.4 * kRelative * (bad > good ? 1 : -1) * (good_last ? 1 : -1);
      const double aimed = between(bracket, target.epsilon) + beyond;
      const double edge = 0.1 * std::min(kRelative, std::abs(bad - good));
      place = std::clamp(aimed, std::min(good, bad) + edge, std::max(good, bad) - edge);
    }
    const double middle = std::exp(place);
    const Bound cost = cost_of(target, event(middle));
    good_last = cost.value <= target.epsilon;
    if (good_last) {
      bracket.good = middle;
      bracket.epsilon = cost;
    } else {
      bracket.bad = middle;
      bracket.bad_epsilon = cost.value;
    }
  }
}

/// A decimal that people can copy, on the safe side of `good`, still within the bracket's width;
/// kept only if it meets the target.
void round_to_safe_side(Bracket& bracket, bool up, const Target& target,
                        const std::function<Event(double)>& event) {
  const double unit = std::pow(10.0, std::floor(std::log10(bracket.good)) - 5);
  const double cells = bracket.good / unit;
  const double rounded = (up ? std::ceil(cells) : std::floor(cells)) * unit;
  // Through text, so that printing and reading give the same number.
  const double value = std::stod(fmt::format("{:.6g}", rounded));
  const Bound cost = cost_of(target, event(value));
  if (cost.value > target.epsilon) return;
  bracket.good = value;
  bracket.epsilon = cost;
}

}  // namespace

namespace {

/// A multiplier near the one that is looked for: that of RDP, which costs nothing beside accountants that
/// work on grids, for an epsilon larger by as much as RDP is loose there. 1 where RDP does not count the event.
double nearby(const Target& target, const std::function<Event(double)>& event) {
  if (target.accountant->name() == "rdp" || !std::isfinite(target.epsilon)) return 1;
  const auto rdp = make_accountant("rdp");
  if (!rdp->supports(event(1))) return 1;
  try {
    Target loose{target.epsilon, target.delta, rdp.get()};
    const double above = calibrate_noise_multiplier(loose, event).value;
    const double there = cost_of(target, event(above)).value;
    if (!(there > 0) || !std::isfinite(there)) return above;
    loose.epsilon *= target.epsilon / there;
    return calibrate_noise_multiplier(loose, event).value;
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kPrivacyRefused) throw;
    return 1;  // The search below says why, if it cannot do better.
  }
}

}  // namespace

Calibrated<double> calibrate_noise_multiplier(const Target& target,
                                              const std::function<Event(double)>& event) {
  check_target(target);
  const double start = nearby(target, event);
  // A guess is good to a percent or so; without one, the range is searched by halves.
  const double stride = start == 1 ? 2 : 1.02;
  Bracket bracket{start, start, cost_of(target, event(start))};
  if (bracket.epsilon.value <= target.epsilon) {
    for (double step = stride;; step = std::min(2.0, step * step)) {
      bracket.bad = bracket.good / step;
      const Bound cost = cost_of(target, event(bracket.bad));
      bracket.bad_epsilon = cost.value;
      if (cost.value > target.epsilon) break;
      bracket.good = bracket.bad;
      bracket.epsilon = cost;
      // Hardly any noise is needed: either nothing is released or the target is out of any use.
      if (bracket.good < 1e-3) return {bracket.good, bracket.epsilon};
    }
  } else {
    double step = stride;
    do {
      bracket.bad = bracket.good;
      bracket.bad_epsilon = bracket.epsilon.value;
      bracket.good *= step;
      step = std::min(2.0, step * step);
      if (bracket.good > 1e7) {
        throw privacy_refused(
            fmt::format("no noise multiplier up to 1e7 reaches epsilon = {} at delta = {} "
                        "(accountant {}){}",
                        target.epsilon, target.delta, target.accountant->name(), reason_in(bracket.epsilon)),
            "Take fewer steps, a smaller sampling rate, a larger epsilon or a larger delta.");
      }
      bracket.epsilon = cost_of(target, event(bracket.good));
    } while (bracket.epsilon.value > target.epsilon);
  }
  narrow(bracket, target, event);
  round_to_safe_side(bracket, true, target, event);
  return {bracket.good, bracket.epsilon};
}

Calibrated<std::int64_t> calibrate_steps(const Target& target,
                                         const std::function<Event(std::int64_t)>& event,
                                         std::int64_t limit) {
  check_target(target);
  Bound cost = cost_of(target, event(1));
  if (cost.value > target.epsilon) {
    throw privacy_refused(fmt::format("one step already costs epsilon = {:.4g}, the target is {}{}",
                                      cost.value, target.epsilon, reason_in(cost)),
                          "Add noise or lower the sampling rate.");
  }
  std::int64_t good = 1, bad = limit;
  while (good < limit) {
    bad = good > limit / 2 ? limit : 2 * good;
    const Bound next = cost_of(target, event(bad));
    if (next.value > target.epsilon) break;
    good = bad;
    cost = next;
  }
  while (bad - good > 1) {
    const std::int64_t middle = good + (bad - good) / 2;
    const Bound next = cost_of(target, event(middle));
    if (next.value <= target.epsilon) {
      good = middle;
      cost = next;
    } else {
      bad = middle;
    }
  }
  return {good, cost};
}

Calibrated<double> calibrate_sampling_rate(const Target& target,
                                           const std::function<Event(double)>& event) {
  check_target(target);
  Bracket bracket{1, 1, cost_of(target, event(1))};
  if (bracket.epsilon.value <= target.epsilon) return {1, bracket.epsilon};
  do {
    bracket.bad = bracket.good;
    bracket.bad_epsilon = bracket.epsilon.value;
    bracket.good /= 2;
    if (bracket.good < 1e-12) {
      throw privacy_refused(
          fmt::format("no sampling rate above 1e-12 reaches epsilon = {} at delta = {}{}",
                      target.epsilon, target.delta, reason_in(bracket.epsilon)),
          "Add noise or take fewer steps.");
    }
    bracket.epsilon = cost_of(target, event(bracket.good));
  } while (bracket.epsilon.value > target.epsilon);
  narrow(bracket, target, event);
  round_to_safe_side(bracket, false, target, event);
  return {bracket.good, bracket.epsilon};
}

}  // namespace discreet::privacy
