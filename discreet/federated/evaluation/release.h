#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "discreet/federated/evaluation/metric_sums.h"
#include "discreet/privacy/event.h"
#include "discreet/privacy/noise.h"

namespace discreet::federated {

struct ReleaseOptions {
  double noise_multiplier = 0;      ///< 0: the exact sum, and no guarantee.
  std::int64_t most_examples = 0;   ///< Of one device; 0: no cap. Privacy needs one.
  double sampling_rate = 1;         ///< With which each device was asked, by itself; 1: all were.
  std::int64_t least_devices = 1;   ///< Fewer, and nothing is released.
};

/// What comes out of an evaluation.
struct Released {
  std::vector<double> values;     ///< [layout.size]
  std::vector<double> deviation;  ///< [blocks] standard deviation of the noise on each entry.
  privacy::Event event = privacy::Event::non_private();
  std::int64_t devices = 0;       ///< Not private.
};

/// The sum over devices, and the only way to numbers from it.
///
/// Guarantee, with noise: a device adds to each block at most sensitivity = most_examples * bound (bound
/// alone for blocks of devices), so the vector of blocks over their sensitivities has norm at most
/// sqrt(blocks); Gaussian noise of noise_multiplier * sqrt(blocks) on it is one Gaussian mechanism of that
/// multiplier, for adding or removing one device. `Released::event` says so to accountants.
/// A device that reports more examples than the cap is refused, not trusted.
class MetricAggregate {
 public:
  MetricAggregate(std::shared_ptr<const MetricLayout> layout, const ReleaseOptions& options);
  /// Throws: kPrivacyRefused if the device counted more examples than the cap.
  void add(const MetricSums& device);
  /// Once. Throws: kPrivacyRefused for a second release, too few devices, noise without a cap on
  /// examples, or a block without a bound; kUsage for options out of range.
  Released release(privacy::NoiseSource& noise);
  std::int64_t devices() const { return devices_; }

 private:
  std::shared_ptr<const MetricLayout> layout_;
  ReleaseOptions options_;
  std::vector<std::uint64_t> sums_;
  std::int64_t devices_ = 0;
  bool released_ = false;
};

}  // namespace discreet::federated
