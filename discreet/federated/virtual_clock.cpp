#include "discreet/federated/virtual_clock.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "discreet/core/error.h"

namespace discreet::federated {

void VirtualClock::at(double time, std::int64_t device, int kind) {
  if (!(time >= now_)) throw internal_error("an event in the past");
  events_.push({time, sequence_++, device, kind});
}

std::optional<VirtualClock::Event> VirtualClock::next() {
  if (events_.empty()) return std::nullopt;
  const Event event = events_.top();
  events_.pop();
  now_ = event.time;
  return event;
}

double DeviceProfile::round_seconds(std::int64_t examples, std::int64_t epochs,
                                    std::int64_t bytes_up, std::int64_t bytes_down) const {
  return 3.0 * double(examples) * double(epochs) * seconds_per_example +
         double(bytes_up + bytes_down) / bytes_per_second;
}

bool DeviceProfile::available(double time) const {
  if (active_seconds <= 0) return true;
  return std::fmod(time + phase, active_seconds + idle_seconds) < active_seconds;
}

double DeviceProfile::next_available(double time) const {
  if (available(time)) return time;
  const double cycle = active_seconds + idle_seconds;
  return time + cycle - std::fmod(time + phase, cycle);
}

DeviceProfile draw_device(const DeviceModel& model, std::uint64_t seed, const std::string& device) {
  core::ReproducibleRng rng(seed, "device." + device);
  DeviceProfile profile;
  profile.seconds_per_example =
      model.median_seconds_per_example * std::exp(model.speed_spread * rng.normal());
  profile.bytes_per_second =
      model.median_bytes_per_second * std::exp(model.network_spread * rng.normal());
  constexpr double kDay = 86400;
  if (model.active_share < 1) {
    profile.active_seconds = kDay * model.active_share;
    profile.idle_seconds = kDay - profile.active_seconds;
    profile.phase = kDay * rng.uniform();
  }
  return profile;
}

RoundOutcome close_round(const std::vector<double>& seconds, const RoundPolicy& policy) {
  const std::size_t asked = seconds.size();
  const std::size_t goal = policy.goal > 0 ? std::min(asked, static_cast<std::size_t>(policy.goal)) : asked;
  std::vector<std::size_t> order(asked);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return seconds[a] < seconds[b]; });
  RoundOutcome outcome;
  for (const std::size_t place : order) {
    const bool in_time = policy.deadline <= 0 || seconds[place] <= policy.deadline;
    if (outcome.reported.size() == goal || !in_time || std::isinf(seconds[place])) break;
    outcome.reported.push_back(place);
    outcome.seconds = seconds[place];
  }
  if (outcome.reported.size() == goal) {
    outcome.ended = goal == asked ? "all_received" : "goal_achieved";
    return outcome;
  }
  outcome.ended = "time_up";
  if (policy.deadline > 0) outcome.seconds = policy.deadline;
  if (double(outcome.reported.size()) < policy.least_share * double(goal)) {
    outcome.ended = "abandoned";
    outcome.reported.clear();
  }
  return outcome;
}

}  // namespace discreet::federated
