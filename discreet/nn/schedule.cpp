#include "discreet/nn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace discreet::nn {

double learning_rate_at(const Schedule& schedule, std::int64_t step) {
  if (step < schedule.warmup_steps) {
    return schedule.peak * static_cast<double>(step + 1) / static_cast<double>(schedule.warmup_steps);
  }
  if (schedule.kind == ScheduleKind::kConstant) return schedule.peak;
  const auto span = static_cast<double>(std::max<std::int64_t>(1, schedule.steps - schedule.warmup_steps));
  const double done = std::min(1.0, static_cast<double>(step - schedule.warmup_steps) / span);
  const double falling = schedule.kind == ScheduleKind::kLinear
                             ? 1 - done
                             : 0.5 * (1 + std::cos(std::numbers::pi * done));
  return schedule.peak * (schedule.final_fraction + (1 - schedule.final_fraction) * falling);
}

}  // namespace discreet::nn
