#include "discreet/privacy/noise_schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

using ScheduleKind = NoiseSchedule::Kind;

constexpr std::array<std::pair<ScheduleKind, const char*>, 4> kScheduleNames = {
    {{ScheduleKind::kConstant, "constant"},
     {ScheduleKind::kExponential, "exponential"},
     {ScheduleKind::kLinear, "linear"},
     {ScheduleKind::kStep, "step"}}};

}  // namespace

std::string name(NoiseSchedule::Kind kind) {
  for (const auto& [known, text] : kScheduleNames) {
    if (known == kind) return text;
  }
  throw internal_error("noise schedule without a name");
}

NoiseSchedule::Kind noise_schedule_of(const std::string& name) {
  for (const auto& [kind, text] : kScheduleNames) {
    if (name == text) return kind;
  }
  throw usage_error(
      fmt::format("noise schedule '{}': expected constant, exponential, linear or step", name));
}

double multiplier_in_epoch(const NoiseSchedule& schedule, double first, std::int64_t epoch) {
  if (!(schedule.decay > 0) || schedule.decay > 1) {
    throw usage_error(fmt::format("noise decay = {}: expected a number in (0, 1]", schedule.decay),
                      "Noise that grows from epoch to epoch is not offered; 1 keeps it constant.");
  }
  if (schedule.every < 1) throw usage_error("the noise schedule's step takes at least one epoch");
  if (!(schedule.floor >= 0) || std::isinf(schedule.floor)) {
    throw usage_error(fmt::format("noise floor = {}: expected a number >= 0", schedule.floor));
  }
  const auto e = static_cast<double>(epoch);
  double factor = 1;
  switch (schedule.kind) {
    case ScheduleKind::kConstant:
      break;
    case ScheduleKind::kExponential:
      factor = std::pow(schedule.decay, e);
      break;
    case ScheduleKind::kLinear:
      factor = std::max(0.0, 1 - (1 - schedule.decay) * e);
      break;
    case ScheduleKind::kStep:
      factor = std::pow(schedule.decay, static_cast<double>(epoch / schedule.every));
      break;
  }
  return std::max(schedule.floor, first * factor);
}

std::vector<MultiplierRun> multiplier_runs(const NoiseSchedule& schedule, double first,
                                           std::int64_t steps_per_epoch, std::int64_t steps) {
  if (steps_per_epoch < 1) throw usage_error("an epoch has at least one step");
  if (steps < 0) throw usage_error(fmt::format("steps = {}: expected an integer >= 0", steps));
  std::vector<MultiplierRun> runs;
  if (schedule.kind == ScheduleKind::kConstant) {
    runs.push_back({multiplier_in_epoch(schedule, first, 0), steps});
    return runs;
  }
  for (std::int64_t epoch = 0; epoch * steps_per_epoch < steps; ++epoch) {
    const double multiplier = multiplier_in_epoch(schedule, first, epoch);
    const std::int64_t count = std::min(steps_per_epoch, steps - epoch * steps_per_epoch);
    if (!runs.empty() && runs.back().noise_multiplier == multiplier) {
      runs.back().steps += count;
    } else {
      runs.push_back({multiplier, count});
    }
  }
  if (runs.empty()) runs.push_back({multiplier_in_epoch(schedule, first, 0), 0});
  return runs;
}

}  // namespace discreet::privacy
