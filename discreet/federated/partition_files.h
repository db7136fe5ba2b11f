#pragma once

#include <filesystem>
#include <optional>

#include "discreet/core/json.h"
#include "discreet/federated/partition.h"

namespace discreet::federated {

/// The name of a partition's group in FedNLP's files: "uniform", "niid_label_clients=100_alpha=0.1",
/// "niid_cluster_clients=…_alpha=…", "niid_quantity_clients=…_beta=…", "natural_clients=…".
std::string fednlp_name(const std::string& method, std::int64_t clients, double alpha);

/// Writes FedNLP's partition file: /<name>/n_clients, /<name>/partition_data/<client>/{train,test},
/// /<name>/alpha, beta or natural_factors, and of clusters /kmeans_clusters=K/client_assignment.
/// Whole or not at all. Test indices are global: the training part's length is added.
void write_fednlp_h5(const std::filesystem::path& path, const Partition& partition, double alpha);

/// Reads a partition of such a file. `name` is the group's; numbers in it are compared as numbers
/// ("alpha=1" is "alpha=1.0"); empty: the only one. Clients come in the order of their numbers.
/// Throws: kBadData naming file and group; kUsage if there is no such group, naming those there are.
Partition read_fednlp_h5(const std::filesystem::path& path, const std::string& name = "");

/// Clients of a document of schema discreet.federated.partition/1, as {"client", "train", "test"}.
Json clients_json(const Partition& partition);
/// The reverse; `origin` stands in errors. Throws: kBadData.
Partition partition_from_json(const Json& document, const std::string& origin);

/// Any of the two, by the file's first bytes.
Partition read_partition(const std::filesystem::path& path, const std::string& name = "");

/// One more than the largest index, for files that do not say how many items there were.
std::int64_t items_of(const Partition& partition);

}  // namespace discreet::federated
