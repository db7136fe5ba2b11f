#include "discreet/privacy/group.h"

#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

/// The event with `size` times the sensitivity; nothing if some step is sampled or selected.
std::optional<Event> enlarged(const Event& event, double size) {
  const FlatEvent flat = flatten(event);
  if (!flat.unsupported.empty()) return std::nullopt;
  if (flat.non_private) return event;
  std::vector<Event> events;
  for (const Phase& phase : flat.phases) {
    if (phase.sampling_rate != 1) return std::nullopt;
    events.push_back(event_of({{phase.noise_multiplier / size, 1, phase.steps}}));
  }
  for (const OtherStep& other : flat.others) {
    if (other.event.kind() == Event::Kind::kLaplace) {
      const NoiseMultiplier scale(other.event.noise_multiplier() / size);
      events.push_back(Event::self_composed(Event::laplace(scale), other.times));
    } else if (other.event.kind() == Event::Kind::kPureDp) {
      const Epsilon each(other.event.epsilon() * size);
      events.push_back(Event::self_composed(Event::pure_dp(each), other.times));
    } else {
      return std::nullopt;
    }
  }
  return Event::composed(std::move(events));
}

/// ln((exp(k e) - 1)/(exp(e) - 1)), k at e = 0.
double log_growth(double e, double k) {
  if (e < 1e-12) return std::log(k);
  return (k - 1) * e + std::log(-std::expm1(-k * e)) - std::log(-std::expm1(-e));
}

}  // namespace

Bound group_epsilon(const Accountant& accountant, const Event& event, std::int64_t size,
                    Delta delta) {
  if (size < 1) throw usage_error(fmt::format("group = {}: expected an integer >= 1", size));
  internal::require_support(accountant, event);
  if (size == 1) return accountant.epsilon(event, delta);
  const auto k = static_cast<double>(size);
  if (const auto larger = enlarged(event, k)) return accountant.epsilon(*larger, delta);

  // e -> epsilon(delta / growth(e)) rises; from below it runs into the smallest e that fits.
  double e = 0;
  Bound bound{0, BoundKind::kUpper, accountant.name()};
  for (int i = 0; i < 1000; ++i) {
    const double one = std::exp(std::log(delta.value()) - log_growth(e, k));
    const Bound next = accountant.epsilon(event, Delta(std::min(one, 1.0)));
    next.guarantee();
    bound.warnings = next.warnings;
    if (next.value <= e) break;
    // A hair beyond, so that the iteration ends, on the safe side.
    e = next.value * (1 + 1e-9);
    if (std::isinf(e) || i == 999) e = HUGE_VAL;
    if (std::isinf(e)) break;
  }
  bound.value = k * e;
  bound.warnings.push_back(fmt::format(
      "for groups of {} by the general bound from one unit to several, which is loose", size));
  return bound;
}

}  // namespace discreet::privacy
