#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "discreet/core/random.h"

namespace discreet::federated {

/// What a device keeps of the data that come to it.
struct StoragePolicy {
  enum class Kind { kKeepAll, kWindow, kFifo, kReservoir, kTimeToLive };
  Kind kind = Kind::kKeepAll;
  std::int64_t size = 0;  ///< window: periods; fifo, reservoir: items; time-to-live: periods.
};

/// "keep-all", "window:W", "fifo:B", "reservoir:B", "ttl:P". Throws: kUsage naming what there is.
StoragePolicy parse_storage(const std::string& text);

/// One device's store of item numbers.
/// - window W: items of the last W periods; 1 deletes everything when a period ends;
/// - fifo B: the last B items; reservoir B: a uniform sample of B of all that ever came;
/// - ttl P: an item is gone once it is P periods old (the same as a window of P; a device that was
///   away in between also forgets).
/// What is deleted is gone: no later call gives it back.
class DeviceStore {
 public:
  DeviceStore(StoragePolicy policy, std::uint64_t seed, std::int64_t device)
      : policy_(policy), rng_(seed, "storage." + std::to_string(device)) {}
  /// Begins period `period` (rising, from 1) with the items that arrive in it.
  void arrive(std::int64_t period, const std::vector<std::int64_t>& items);
  /// Item numbers, rising.
  std::vector<std::int64_t> items() const;
  /// Activity: what the device holds now.
  std::int64_t count() const { return static_cast<std::int64_t>(held_.size()); }

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

/// Forgetting of period j: best value so far on its test set minus the value now (higher is better).
double forgetting(const std::vector<double>& values_so_far);

}  // namespace discreet::federated
