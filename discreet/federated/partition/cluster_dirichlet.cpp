#include "discreet/core/registry.h"
#include "discreet/core/threads.h"
#include "discreet/federated/internal/label_rule.h"

namespace discreet::federated {
namespace {

Partition divide_by_cluster(const PartitionInput& input, const PartitionOptions& options) {
  if (!input.features) throw internal_error("cluster-dirichlet was given no features");
  const Clusters clusters = k_means(input.features(), {.clusters = options.clusters,
                                                       .steps = options.kmeans_steps,
                                                       .seed = options.seed,
                                                       .threads = core::available_threads()});
  Partition partition = internal::divide_by_label(input, options, clusters.assignment,
                                                  static_cast<std::size_t>(options.clusters));
  partition.cluster = clusters.assignment;
  partition.clusters = options.clusters;
  return partition;
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_partition_cluster_dirichlet(core::Registry& registry) {
  registry.add({.kind = "partition",
                .name = "cluster-dirichlet",
                .summary = "Equal sizes; the mix of k-means clusters of features drawn as labels are",
                .reference = "Lin et al. 2022 (FedNLP); Arthur and Vassilvitskii 2007",
                .fields = federated::partition_fields().info(),
                .make = federated::DividePartition(federated::divide_by_cluster)});
}

}  // namespace discreet
