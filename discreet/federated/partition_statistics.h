#pragma once

#include <optional>

#include "discreet/core/json.h"
#include "discreet/federated/partition.h"

namespace discreet::federated {

/// How alike the clients' label (or cluster) mixes are. Distances are square roots of Jensen-Shannon
/// divergences; a client without items has none.
struct PartitionDistances {
  std::vector<std::size_t> clients;          ///< Which clients; those with items, at most `most`.
  std::vector<std::vector<double>> between;  ///< [clients][clients], symmetric, diagonal 0.
  std::vector<std::optional<double>> train_test;  ///< [all clients], between its own two parts.
  std::vector<std::optional<double>> to_all;      ///< [all clients], to the mix of all items.
};

struct DistanceOptions {
  double log_base = 2.718281828459045;
  std::size_t most = 1000;  ///< Clients in `between`: every n-th where there are more.
};

/// Labels of `label` ([items]), `labels` different ones; empty if there are no labels.
PartitionDistances partition_distances(const Partition& partition,
                                       const std::vector<std::int32_t>& label, std::size_t labels,
                                       const DistanceOptions& options = {});

/// {"clients", "items", "left_out", "train": {min, median, max, mean, gini}, "test": …, "between": …}
Json partition_statistics(const Partition& partition, const PartitionDistances& distances,
                          bool has_labels);

/// A standalone SVG: distances between clients, ordered by falling row sum as FedNLP draws them.
std::string distance_heat_map(const Partition& partition, const PartitionDistances& distances,
                              double log_base);
/// A standalone SVG: how many clients have how many items.
std::string size_histogram(const Partition& partition);

}  // namespace discreet::federated
