#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/federated/dirichlet.h"
#include "discreet/federated/internal/sizes_rule.h"

namespace discreet::federated {
namespace {

/// Cuts at floor(cumulative share * items), as FedNLP does.
std::vector<std::int64_t> cut_sizes(const std::vector<double>& shares, std::int64_t items) {
  std::vector<std::int64_t> sizes;
  double sum = 0;
  std::int64_t last = 0;
  for (std::size_t k = 0; k < shares.size(); ++k) {
    sum += shares[k];
    const bool end = k + 1 == shares.size();
    const std::int64_t cut =
        end ? items
            : std::min(items, static_cast<std::int64_t>(std::floor(sum * double(items))));
    sizes.push_back(cut - last);
    last = cut;
  }
  return sizes;
}

Partition divide_by_quantity(const PartitionInput& input, const PartitionOptions& options) {
  const std::vector<double> even(static_cast<std::size_t>(options.clients), 1.0);
  core::ReproducibleRng shares_rng(options.seed, "partition.shares");
  // The prior is not divided by the number of clients: Dirichlet(beta, …, beta).
  const double all = static_cast<double>(options.clients);
  const auto draw = [&](auto& rng) {
    return std::isinf(options.alpha) ? std::vector<double>(even.size(), 1 / all)
                                     : draw_dirichlet(even, options.alpha, rng);
  };
  const std::vector<double> shares = draw(shares_rng);
  return internal::divide_by_sizes(input, options, [&](std::int64_t items, auto& rng) {
    if (options.mode == PartitionMode::kFednlp) return cut_sizes(draw(rng), items);
    std::vector<double> targets = shares;
    for (double& target : targets) target *= double(items);
    return largest_remainder(targets, items);
  });
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_partition_quantity_dirichlet(core::Registry& registry) {
  registry.add({.kind = "partition",
                .name = "quantity-dirichlet",
                .summary = "Sizes drawn from Dirichlet(alpha, …, alpha), items at random",
                .reference = "Lin et al. 2022 (FedNLP)",
                .fields = federated::partition_fields().info(),
                .make = federated::DividePartition(federated::divide_by_quantity)});
}

}  // namespace discreet
