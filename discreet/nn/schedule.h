#pragma once

#include <cstdint>

namespace discreet::nn {

enum class ScheduleKind { kConstant, kLinear, kCosine };

/// How the learning rate moves over a run: a linear rise over `warmup_steps`, then constant, linear or
/// cosine decay to `final_fraction` of the peak at the last step. It depends on public numbers only,
/// so a private run may use any of them.
struct Schedule {
  ScheduleKind kind = ScheduleKind::kConstant;
  double peak = 1e-3;
  std::int64_t steps = 1;
  std::int64_t warmup_steps = 0;  ///< 0: no warm-up.
  double final_fraction = 0;      ///< Ignored by kConstant.
};

/// The learning rate of step `step` (from 0). The first warm-up step is peak / warmup_steps, never 0.
/// Edge cases: a step at or past the end has the final rate; a warm-up longer than the run never
/// reaches the peak.
/// Ref: cosine: Loshchilov and Hutter 2017, equation 5, without restarts.
double learning_rate_at(const Schedule& schedule, std::int64_t step);

}  // namespace discreet::nn
