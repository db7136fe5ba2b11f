#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "discreet/core/random.h"

namespace discreet::federated {

/// What a device keeps of the data that come to it.
struct StoragePolicy {
  enum class Kind { kKeepAll, kWindow, kFifo, kReservoir, kTimeToLive, kReplay };
  Kind kind = Kind::kKeepAll;
  std::int64_t size = 0;  ///< window: periods; fifo, reservoir, replay: items; time-to-live: periods.
};

/// "keep-all", "window:W", "fifo:B", "reservoir:B", "ttl:P", "replay:B". Throws: kUsage naming what there is.
StoragePolicy parse_storage(const std::string& text);

/// One device's store of item numbers.
/// - window W: items of the last W periods; 1 deletes everything when a period ends;
/// - fifo B: the last B items; reservoir B: a uniform sample of B of all that ever came;
/// - ttl P: an item is gone once it is P periods old (the same as a window of P; a device that was
///   away in between also forgets).
/// - replay B: what was kept before and what arrives, thinned out to B items by `Choose`, at the end of
///   the period in which they came; until then all of them are there.
/// What is deleted is gone: no later call gives it back.
class DeviceStore {
 public:
  DeviceStore(StoragePolicy policy, std::uint64_t seed, const std::string& device)
      : policy_(policy), rng_(seed, "storage." + device) {}
  /// Begins period `period` (rising, from 1) with the items that arrive in it.
  void arrive(std::int64_t period, const std::vector<std::int64_t>& items);
  /// Places in `items` of the `keep` that stay.
  using Choose = std::function<std::vector<std::size_t>(const std::vector<std::int64_t>& items,
                                                        std::size_t keep)>;
  /// Ends a period: replay forgets all but B items. Other policies forget when the next one begins.
  void end_period(const Choose& choose);
  /// Whether `end_period` has something to forget.
  bool is_over_full() const {
    return policy_.kind == StoragePolicy::Kind::kReplay && count() > policy_.size;
  }
  /// Item numbers, rising.
  std::vector<std::int64_t> items() const;
  /// Activity: what the device holds now.
  std::int64_t count() const { return static_cast<std::int64_t>(held_.size()); }
  /// What is held, as (item, period of arrival), for checkpoints of policies that do not follow from the
  /// arrivals alone (replay).
  const std::vector<std::pair<std::int64_t, std::int64_t>>& held() const { return held_; }
  void restore(std::vector<std::pair<std::int64_t, std::int64_t>> held) { held_ = std::move(held); }

 private:
  StoragePolicy policy_;
  core::ReproducibleRng rng_;
  std::vector<std::pair<std::int64_t, std::int64_t>> held_;  // item, period of arrival; in order
  std::int64_t seen_ = 0;
};

/// A device's items in the order of their arrival, cut into `periods` parts whose sizes differ by at
/// most one.
std::vector<std::vector<std::int64_t>> arrivals(const std::vector<std::int64_t>& items,
                                                std::int64_t periods);

/// Places of `keep` of n rows whose mean is near the mean of all: chosen one by one, each the one that
/// brings the mean of those chosen nearest to it. Ties go to the lower place. Shapes: rows [n, width].
/// Cost: O(keep n width). Ref: Welling 2009 (herding); of gradients: gradient-diversity replay.
std::vector<std::size_t> nearest_mean(std::span<const float> rows, std::size_t width, std::size_t keep);

/// Forgetting of period j: best value so far on its test set minus the value now (higher is better).
double forgetting(const std::vector<double>& values_so_far);

}  // namespace discreet::federated
