#include "discreet/federated/partition_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <cstdint>
#include <regex>
#include <set>

#include "discreet/core/document.h"
#include "discreet/core/files.h"
#include "discreet/formats/hdf5.h"

namespace discreet::federated {
namespace {

constexpr std::int64_t kMostClusters = 1 << 20;

/// "niid_label_clients=100_alpha=1.0" -> "niid_label_clients=100_alpha=1": numbers in one spelling.
std::string with_plain_numbers(const std::string& name) {
  static const std::regex number("=([-+0-9.eE]+|inf)");
  std::string plain;
  auto rest = name.cbegin();
  for (std::sregex_iterator it(name.begin(), name.end(), number), end; it != end; ++it) {
    plain.append(rest, name.cbegin() + it->position());
    try {
      plain += fmt::format("={:g}", std::stod((*it)[1].str()));
    } catch (const std::exception&) {
      plain += it->str();
    }
    rest = name.cbegin() + it->position() + it->length();
  }
  plain.append(rest, name.cend());
  return plain;
}

/// Groups of the root that hold a partition. Clusters' own groups hold one by cluster and are none.
std::vector<std::string> partitions_in(const formats::Hdf5Reader& file) {
  std::vector<std::string> names;
  for (const std::string& name : file.members("")) {
    if (name.starts_with("kmeans_clusters=")) continue;
    if (file.contains(name + "/partition_data")) names.push_back(name);
  }
  return names;
}

std::string choose_group(const formats::Hdf5Reader& file, const std::string& name) {
  const auto names = partitions_in(file);
  const std::string origin = file.path().string();
  if (names.empty()) throw bad_data(origin + ": no partition in this file");
  if (name.empty()) {
    if (names.size() == 1) return names.front();
    throw usage_error(fmt::format("{}: {} partitions, none was named", origin, names.size()),
                      fmt::format("Name one of {}.", fmt::join(names, ", ")));
  }
  for (const std::string& candidate : names) {
    if (with_plain_numbers(candidate) == with_plain_numbers(name)) return candidate;
  }
  throw usage_error(fmt::format("{}: no partition '{}'", origin, name),
                    fmt::format("There are {}.", fmt::join(names, ", ")));
}

/// The clusters of the examples, where the file has one set of them and the partition is by clusters.
void read_clusters(const formats::Hdf5Reader& file, Partition& partition) {
  if (!partition.method.starts_with("niid_cluster")) return;
  std::vector<std::string> groups;
  for (const std::string& name : file.members("")) {
    if (name.starts_with("kmeans_clusters=") && file.contains(name + "/client_assignment")) groups.push_back(name);
  }
  if (groups.size() != 1) return;
  for (const std::int64_t cluster : file.integers(groups.front() + "/client_assignment")) {
    if (cluster < 0 || cluster >= kMostClusters) {
      throw bad_data(fmt::format("{}: /{}/client_assignment: cluster {} is outside 0 … {}", file.path().string(),
                                 groups.front(), cluster, kMostClusters - 1));
    }
    partition.cluster.push_back(static_cast<std::int32_t>(cluster));
    partition.clusters = std::max<std::int64_t>(partition.clusters, cluster + 1);
  }
}

std::vector<std::int64_t> indices_from(const Json& client, const char* key,
                                       const std::string& where) {
  std::vector<std::int64_t> indices;
  if (!client.contains(key) || !client[key].is_array()) {
    throw bad_data(fmt::format("{}: no list '{}'", where, key));
  }
  for (const Json& index : client[key]) {
    if (!index.is_number_integer()) throw bad_data(fmt::format("{}: '{}' holds no integer", where, key));
    indices.push_back(index.get<std::int64_t>());
  }
  return indices;
}

}  // namespace

std::string fednlp_name(const std::string& method, std::int64_t clients, double alpha) {
  if (method == "label-dirichlet") {
    return fmt::format("niid_label_clients={}_alpha={:g}", clients, alpha);
  }
  if (method == "cluster-dirichlet") {
    return fmt::format("niid_cluster_clients={}_alpha={:g}", clients, alpha);
  }
  if (method == "quantity-dirichlet") {
    return fmt::format("niid_quantity_clients={}_beta={:.1f}", clients, alpha);
  }
  if (method == "natural") return fmt::format("natural_clients={}", clients);
  return method;
}

void write_fednlp_h5(const std::filesystem::path& path, const Partition& partition, double alpha) {
  const auto clients = static_cast<std::int64_t>(partition.clients.size());
  const std::string group = fednlp_name(partition.method, clients, alpha);
  formats::Hdf5Writer file(path);
  file.integer(group + "/n_clients", clients);
  if (group.find("_alpha=") != std::string::npos) file.number(group + "/alpha", alpha);
  if (group.find("_beta=") != std::string::npos) file.number(group + "/beta", alpha);
  if (partition.method == "natural") {
    std::vector<std::string> names;
    for (const ClientPart& client : partition.clients) names.push_back(client.name);
    file.strings(group + "/natural_factors", names);
  }
  for (std::int64_t k = 0; k < clients; ++k) {
    const ClientPart& client = partition.clients[static_cast<std::size_t>(k)];
    const std::string place = fmt::format("{}/partition_data/{}", group, k);
    file.integers(place + "/train", client.train);
    file.integers(place + "/test", client.test);
  }
  // Not of FedNLP's form, which has no such examples; its readers pass over what they do not ask for.
  if (!partition.left_out.empty()) file.integers(group + "/left_out", partition.left_out);
  if (!partition.cluster.empty()) {
    const std::string place = fmt::format("kmeans_clusters={}", partition.clusters);
    file.integer(place + "/n_clients", partition.clusters);
    const std::vector<std::int64_t> assignment(partition.cluster.begin(), partition.cluster.end());
    file.integers(place + "/client_assignment", assignment);
  }
  file.close();
}

Partition read_fednlp_h5(const std::filesystem::path& path, const std::string& name) {
  const formats::Hdf5Reader file(path);
  const std::string group = choose_group(file, name);
  Partition partition;
  partition.method = group;
  std::vector<std::string> factors;
  if (file.contains(group + "/natural_factors") && !file.is_group(group + "/natural_factors")) {
    factors = file.strings(group + "/natural_factors");
  }
  const auto ids = file.members(group + "/partition_data");
  if (file.contains(group + "/n_clients")) {
    const auto stated = file.integers(group + "/n_clients");
    if (stated.size() != 1 || stated[0] != static_cast<std::int64_t>(ids.size())) {
      throw bad_data(fmt::format("{}: /{}: n_clients is {}, but there are {} clients", path.string(),
                                 group, stated.empty() ? -1 : stated[0], ids.size()));
    }
  }
  for (const char* key : {"alpha", "beta"}) {
    const std::string place = fmt::format("{}/{}", group, key);
    if (!file.contains(place)) continue;
    const auto values = file.doubles(place);
    if (values.size() == 1) partition.alpha = values.front();
  }
  if (file.contains(group + "/left_out")) partition.left_out = file.integers(group + "/left_out");
  read_clusters(file, partition);
  for (std::size_t k = 0; k < ids.size(); ++k) {
    const std::string place = group + "/partition_data/" + ids[k];
    ClientPart client;
    client.name = factors.size() == ids.size() ? factors[k] : ids[k];
    client.train = file.integers(place + "/train");
    if (file.contains(place + "/test")) client.test = file.integers(place + "/test");
    partition.clients.push_back(std::move(client));
  }
  return partition;
}

Json clients_json(const Partition& partition) {
  Json clients = Json::array();
  for (const ClientPart& client : partition.clients) {
    clients.push_back({{"client", client.name}, {"train", client.train}, {"test", client.test}});
  }
  return clients;
}

Partition partition_from_json(const Json& document, const std::string& origin) {
  Partition partition;
  if (!document.is_object() || !document.contains("clients") || !document["clients"].is_array()) {
    throw bad_data(origin + ": no list 'clients'",
                   "Expected a document of schema discreet.federated.partition/1.");
  }
  for (const Json& client : document["clients"]) {
    const std::string where = fmt::format("{}: clients[{}]", origin, partition.clients.size());
    if (!client.is_object() || !client.contains("client") || !client["client"].is_string()) {
      throw bad_data(where + ": no name 'client'");
    }
    partition.clients.push_back({.name = client["client"].get<std::string>(),
                                 .train = indices_from(client, "train", where),
                                 .test = indices_from(client, "test", where)});
  }
  if (document.contains("left_out")) {
    partition.left_out = indices_from(document, "left_out", origin);
  }
  if (document.contains("configuration") && document["configuration"].contains("method") &&
      document["configuration"]["method"].is_string()) {
    partition.method = document["configuration"]["method"].get<std::string>();
    const Json& alpha = document["configuration"].value("alpha", Json());
    if (alpha.is_number()) partition.alpha = alpha.get<double>();
  }
  std::set<std::string> names;
  for (const ClientPart& client : partition.clients) {
    if (!names.insert(client.name).second) {
      throw bad_data(fmt::format("{}: client '{}' stands there twice", origin, client.name));
    }
  }
  return partition;
}

Partition read_partition(const std::filesystem::path& path, const std::string& name) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw runtime_failure(path.string() + ": the file cannot be read");
  std::string magic(4, '\0');
  in.read(magic.data(), 4);
  if (magic == "\x89HDF") return read_fednlp_h5(path, name);
  return partition_from_json(core::parse_json(core::read_file(path), path.string()), path.string());
}

std::int64_t items_of(const Partition& partition) {
  const auto past = [](std::int64_t item) { return item < INT64_MAX ? item + 1 : item; };
  std::int64_t items = 0;
  for (const ClientPart& client : partition.clients) {
    for (const auto* part : {&client.train, &client.test}) {
      for (const std::int64_t item : *part) items = std::max(items, past(item));
    }
  }
  for (const std::int64_t item : partition.left_out) items = std::max(items, past(item));
  return items;
}

}  // namespace discreet::federated
