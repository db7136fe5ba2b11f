#include <fmt/format.h>

#include <map>

#include "discreet/core/registry.h"
#include "discreet/federated/partition.h"

namespace discreet::federated {
namespace {

Partition divide_by_factor(const PartitionInput& input, const PartitionOptions& options) {
  if (input.factor.empty()) {
    throw usage_error("method natural needs a column whose values are the clients",
                      "Name it with --by.");
  }
  std::map<std::string, ClientPart> by_value;
  Partition partition;
  for (std::int64_t i = 0; i < input.size(); ++i) {
    const std::string& value = input.factor[static_cast<std::size_t>(i)];
    if (value.empty()) {
      partition.left_out.push_back(i);
      continue;
    }
    ClientPart& client = by_value[value];
    (i < input.train ? client.train : client.test).push_back(i);
  }
  if (const auto nameless = partition.left_out.size()) {
    partition.notes.push_back(
        fmt::format("{} examples have no value in the column and are left out.", nameless));
  }
  // Where the test part is taken from the client's items later, they must suffice for both.
  const bool own_test = input.test > 0;
  const auto least_train = *options.min_train + (own_test ? 0 : *options.min_test);
  std::size_t small = 0;
  for (auto& [value, client] : by_value) {
    const bool enough = static_cast<std::int64_t>(client.train.size()) >= least_train &&
                        (!own_test ||
                         static_cast<std::int64_t>(client.test.size()) >= *options.min_test);
    if (enough) {
      client.name = value;
      partition.clients.push_back(std::move(client));
      continue;
    }
    ++small;
    for (const auto* part : {&client.train, &client.test}) {
      partition.left_out.insert(partition.left_out.end(), part->begin(), part->end());
    }
  }
  if (small > 0) {
    partition.notes.push_back(fmt::format(
        "{} of {} values have fewer examples than the minimum and are left out.", small,
        by_value.size()));
  }
  if (partition.clients.empty()) {
    throw bad_data("no value of the column has enough examples to be a client",
                   "Lower --min-train or --min-test (federated.min_examples in a configuration).");
  }
  if (options.clients != 0 &&
      options.clients != static_cast<std::int64_t>(partition.clients.size())) {
    throw usage_error(fmt::format("--clients {}, but the column makes {} clients", options.clients,
                                  partition.clients.size()),
                      "Leave --clients out: method natural has one client for each value.");
  }
  return partition;
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_partition_natural(core::Registry& registry) {
  registry.add({.kind = "partition",
                .name = "natural",
                .summary = "One client for each value of a column",
                .reference = "Lin et al. 2022 (FedNLP); Caldas et al. 2018 (LEAF)",
                .fields = federated::partition_fields().info(),
                .make = federated::DividePartition(federated::divide_by_factor)});
}

}  // namespace discreet
