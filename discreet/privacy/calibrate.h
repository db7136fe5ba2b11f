#pragma once

#include <cstdint>
#include <functional>

#include "discreet/privacy/accountant.h"

namespace discreet::privacy {

/// What a search found and what it costs; `epsilon.value` never exceeds the target.
template <class T>
struct Calibrated {
  T value;
  Bound epsilon;
};

/// A target and who measures it.
struct Target {
  double epsilon = 0;
  double delta = 0;
  const Accountant* accountant = nullptr;
};

/// Smallest noise multiplier, to a relative 1e-5 and rounded up, whose event costs at most the
/// target.
/// Guarantee: epsilon(event(value)) <= target.epsilon.
/// Throws: kPrivacyRefused if no multiplier up to 1e7 reaches the target, or if the accountant
/// gives no upper bound.
Calibrated<double> calibrate_noise_multiplier(const Target& target,
                                              const std::function<Event(double)>& event);
/// Largest number of steps, at most `limit`, that costs at most the target. Throws: kPrivacyRefused
/// if not even one step fits.
Calibrated<std::int64_t> calibrate_steps(const Target& target,
                                         const std::function<Event(std::int64_t)>& event,
                                         std::int64_t limit = 1'000'000'000);
/// Largest sampling rate in (0, 1], to a relative 1e-5 and rounded down, that costs at most the
/// target. Throws: kPrivacyRefused if no rate above 1e-12 fits.
Calibrated<double> calibrate_sampling_rate(const Target& target,
                                           const std::function<Event(double)>& event);

}  // namespace discreet::privacy
