#pragma once

#include <functional>

#include "discreet/federated/partition.h"

namespace discreet::federated::internal {

/// Deals each part's items at random in `sizes(items, rng)`, a size for each client, sum = items.
/// In mode coherent sizes are raised to the minima.
Partition divide_by_sizes(
    const PartitionInput& input, const PartitionOptions& options,
    const std::function<std::vector<std::int64_t>(std::int64_t, core::ReproducibleRng&)>& sizes);

}  // namespace discreet::federated::internal
