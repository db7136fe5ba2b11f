#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discreet/privacy/event.h"

namespace discreet::privacy {

/// How a noise multiplier changes from epoch to epoch. Fixed before the data are seen: a schedule
/// that follows a validation loss is not covered by this accounting.
struct NoiseSchedule {
  enum class Kind {
    kConstant,     ///< first
    kExponential,  ///< first * decay^epoch
    kLinear,       ///< first * (1 - (1 - decay) * epoch): the same second epoch as exponential
    kStep,         ///< first * decay^(epoch / every), whole steps
  };
  Kind kind = Kind::kConstant;
  double decay = 1;        ///< In (0, 1].
  std::int64_t every = 1;  ///< kStep: epochs from one step down to the next.
  double floor = 0;        ///< Never below this multiplier.
  bool operator==(const NoiseSchedule&) const = default;
};

/// "constant", "exponential", "linear", "step".
std::string name(NoiseSchedule::Kind kind);
/// The reverse. Throws: kUsage naming the known ones.
NoiseSchedule::Kind noise_schedule_of(const std::string& name);

/// The multiplier of an epoch (from 0); never below the floor, never negative.
/// Throws: kUsage if decay, every or floor is out of bounds.
double multiplier_in_epoch(const NoiseSchedule& schedule, double first, std::int64_t epoch);

/// A run of steps with one multiplier.
struct MultiplierRun {
  double noise_multiplier = 0;
  std::int64_t steps = 0;
  bool operator==(const MultiplierRun&) const = default;
};

/// The first `steps` steps of a schedule as runs; equal neighbours are one run.
/// Throws: kUsage for steps_per_epoch < 1 or negative steps.
std::vector<MultiplierRun> multiplier_runs(const NoiseSchedule& schedule, double first,
                                           std::int64_t steps_per_epoch, std::int64_t steps);

}  // namespace discreet::privacy
