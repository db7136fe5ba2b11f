#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "discreet/federated/partition.h"

namespace discreet::federated::internal {

/// Items of each label that each client gets: [client][label].
using LabelCounts = std::vector<std::vector<std::int64_t>>;

/// FedNLP's rule, to the letter. `draw(client)` gives the client's label mix [labels].
///
/// Each client in order takes floor(M / clients) items (all that are left, if fewer than twice that
/// are): label by label round(mix * size), half to even, the rest at the last label. What a label
/// lacks comes from the others, the scarcest first, in proportion to what they still have. The last
/// client also takes whatever is left over.
/// Ref: Lin et al. 2022 (FedNLP), data/advanced_partition.
LabelCounts fednlp_label_counts(std::span<const std::int64_t> available, std::int64_t clients,
                                const std::function<std::vector<double>(std::int64_t)>& draw);

/// The coherent rule: client k gets exactly sizes[k] items, as near to mix[k] as what is left
/// allows.
///
/// Clients take in random order, so that no client is last by its number. Rounding is by largest
/// remainder with labels in random order; what a client was rounded down is carried to the next, so
/// that equal mixes use up all labels together. A label that has run out is replaced by the others
/// in proportion to what they have left. Sum of sizes = items (kInternal if not).
LabelCounts coherent_label_counts(std::span<const std::int64_t> available,
                                  const std::vector<std::vector<double>>& mix,
                                  std::span<const std::int64_t> sizes, core::ReproducibleRng& rng);

/// Items of each label, labels as ids; [labels].
std::vector<std::int64_t> count_labels(std::span<const std::int32_t> label, std::size_t labels);

/// Deals items begin .. begin + label.size() - 1 to clients by `counts`, each label in random
/// order.
std::vector<std::vector<std::int64_t>> deal_items(std::span<const std::int32_t> label,
                                                  std::int64_t begin, const LabelCounts& counts,
                                                  core::ReproducibleRng& rng);

/// Divides by `label` (classes or clusters) in the mode of `options`: what label-dirichlet and
/// cluster-dirichlet share.
Partition divide_by_label(const PartitionInput& input, const PartitionOptions& options,
                          std::span<const std::int32_t> label, std::size_t labels);

}  // namespace discreet::federated::internal
