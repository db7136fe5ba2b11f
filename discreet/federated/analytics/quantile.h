#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "discreet/privacy/event.h"
#include "discreet/privacy/noise.h"

namespace discreet::federated {

/// Values that devices hold, one list each. Only sums over devices leave this type's users.
using DeviceValues = std::span<const std::vector<double>>;

struct QuantileOptions {
  double low = 0, high = 1;       ///< Public bounds; values beyond count as the bound.
  int depth = 16;                 ///< Answers are right to (high - low) / 2^depth. At most 24.
  std::int64_t most_values = 1;   ///< Of one device: the first ones of a longer list.
  double noise_multiplier = 0;    ///< 0: exact sums, and no guarantee.
};

/// A quantile and what it rests on.
struct QuantileAnswer {
  double quantile = 0;
  std::optional<double> value;  ///< Absent: no values, or the noise drowns them.
  double low = 0, high = 0;     ///< The interval that the search ended in.
  double rank_deviation = 0;    ///< Standard deviation of the noise on a count of values at or below.
};

struct QuantileRelease {
  std::vector<QuantileAnswer> answers;
  std::optional<double> count;  ///< Values of all devices, where the method counts them.
  privacy::Event event = privacy::Event::non_private();
  std::int64_t rounds = 0;      ///< Times that devices were asked.
};

/// Binary search for one quantile: in each of `depth` rounds devices answer how many of their values lie at or
/// below the middle, less `quantile` for each value, and the sign of the noisy sum says where to go on.
///
/// Guarantee: add or remove a device; it moves a round's sum by at most most_values * max(q, 1 - q), so the
/// rounds are `depth` Gaussian mechanisms of noise_multiplier * that. The number of values need not be known.
/// Throws: kUsage for options out of range.
QuantileRelease search_quantile(DeviceValues devices, double quantile, const QuantileOptions& options,
                                privacy::NoiseSource& noise);

/// Any number of quantiles from one round: counts in the nodes of a binary tree over [low, high], noise
/// on each, made consistent by weighted least squares (a node counts what its children count), then
/// read off.
///
/// Guarantee: add or remove a device; each value lies in `depth` nodes (one on each level below the
/// root), so the vector moves by at most most_values * sqrt(depth): one Gaussian mechanism.
/// Cost: 2^(depth + 1) numbers; depth at most 20. Ref: Hay et al. 2010; Honaker 2015.
QuantileRelease tree_quantiles(DeviceValues devices, std::span<const double> quantiles,
                               const QuantileOptions& options, privacy::NoiseSource& noise);

}  // namespace discreet::federated
