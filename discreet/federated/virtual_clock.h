#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "discreet/core/random.h"

namespace discreet::federated {

/// A clock that jumps from event to event; nothing ever sleeps. Events of one time come in the order in
/// which they were put in.
class VirtualClock {
 public:
  struct Event {
    double time = 0;  ///< seconds
    std::int64_t sequence = 0;
    std::int64_t device = 0;
    int kind = 0;  ///< The caller's own.
  };
  double now() const { return now_; }
  /// Throws: kInternal for a time that has passed.
  void at(double time, std::int64_t device, int kind);
  void after(double seconds, std::int64_t device, int kind) { at(now_ + seconds, device, kind); }
  /// The next event, or none; the clock stands at its time then.
  std::optional<Event> next();
  std::size_t waiting() const { return events_.size(); }

 private:
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
    }
  };
  std::priority_queue<Event, std::vector<Event>, Later> events_;
  double now_ = 0;
  std::int64_t sequence_ = 0;
};

/// How fast a device is and when it is there.
struct DeviceProfile {
  double seconds_per_example = 0.005;  ///< Of a forward pass; training costs three of them.
  double bytes_per_second = 1e6;       ///< Both ways.
  double active_seconds = 0;           ///< Of a cycle; 0: always there.
  double idle_seconds = 0;             ///< Rest of the cycle.
  double phase = 0;                    ///< Where in its cycle the device stands at time 0.

  /// 3 * examples * epochs * seconds_per_example + (up + down) / bytes_per_second.
  double round_seconds(std::int64_t examples, std::int64_t epochs, std::int64_t bytes_up,
                       std::int64_t bytes_down) const;
  bool available(double time) const;
  /// The first time from `time` on at which it is there.
  double next_available(double time) const;
};

struct DeviceModel {
  double median_seconds_per_example = 0.005;
  double speed_spread = 0.6;       ///< Standard deviation of the logarithm. Ref: FedScale.
  double median_bytes_per_second = 1e6;
  double network_spread = 1;       ///< Standard deviation of the logarithm.
  double active_share = 1;         ///< Of a day of 86,400 seconds; 1: always there.
};

/// Profile of device number `device`: a function of model, seed and number alone.
DeviceProfile draw_device(const DeviceModel& model, std::uint64_t seed, const std::string& device);

/// Which of the asked devices count in a synchronous round.
struct RoundPolicy {
  std::int64_t goal = 0;       ///< Reports wanted; the rest is late. 0: all that were asked.
  double deadline = 0;         ///< Seconds; 0: none.
  double least_share = 0.8;    ///< Of the goal; with fewer reports the round is abandoned.
};
struct RoundOutcome {
  std::vector<std::size_t> reported;  ///< Places among the asked, by arrival.
  double seconds = 0;
  std::string ended;  ///< "all_received", "goal_achieved", "time_up" or "abandoned".
};
/// `seconds` [asked]: of each device's round; infinite if it dropped out.
RoundOutcome close_round(const std::vector<double>& seconds, const RoundPolicy& policy);

}  // namespace discreet::federated
