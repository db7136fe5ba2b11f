#include "discreet/core/registry.h"
#include "discreet/federated/internal/label_rule.h"

namespace discreet::federated {
namespace {

Partition divide_by_class(const PartitionInput& input, const PartitionOptions& options) {
  if (input.label.empty()) {
    throw bad_data("label-dirichlet needs a label for each example",
                   "Name its column with --label, or take another method.");
  }
  return internal::divide_by_label(input, options, input.label, input.label_names.size());
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_partition_label_dirichlet(core::Registry& registry) {
  registry.add({.kind = "partition",
                .name = "label-dirichlet",
                .summary = "Equal sizes; each client's label mix drawn from Dirichlet(alpha * prior)",
                .reference = "Lin et al. 2022 (FedNLP); Hsu et al. 2019",
                .fields = federated::partition_fields().info(),
                .make = federated::DividePartition(federated::divide_by_class)});
}

}  // namespace discreet
