#include <numeric>

#include "discreet/core/registry.h"
#include "discreet/federated/dirichlet.h"
#include "discreet/federated/internal/sizes_rule.h"

namespace discreet::federated {
namespace {

Partition divide_evenly(const PartitionInput& input, const PartitionOptions& options) {
  return internal::divide_by_sizes(input, options, [&](std::int64_t items, auto& rng) {
    const auto clients = static_cast<std::size_t>(options.clients);
    if (options.mode == PartitionMode::kFednlp) {  // chunks of ceil(M / n): the last may be empty
      const std::int64_t chunk = (items + options.clients - 1) / options.clients;
      std::vector<std::int64_t> sizes(clients);
      for (std::size_t k = 0; k < clients; ++k) {
        const std::int64_t begin = std::min(items, static_cast<std::int64_t>(k) * chunk);
        sizes[k] = std::min(items, begin + chunk) - begin;
      }
      return sizes;
    }
    const std::vector<double> targets(clients, double(items) / double(options.clients));
    return largest_remainder(targets, items, random_order(clients, rng));
  });
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_partition_uniform(core::Registry& registry) {
  registry.add({.kind = "partition",
                .name = "uniform",
                .summary = "Equal sizes, items at random",
                .reference = "Lin et al. 2022 (FedNLP)",
                .fields = federated::partition_fields().info(),
                .make = federated::DividePartition(federated::divide_evenly)});
}

}  // namespace discreet
