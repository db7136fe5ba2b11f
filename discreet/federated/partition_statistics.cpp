#include "discreet/federated/partition_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "discreet/report/picture.h"
#include "discreet/stats/divergence.h"

namespace discreet::federated {
namespace {

using Mix = std::vector<double>;

Mix label_mix(const std::vector<std::int64_t>& items, const std::vector<std::int32_t>& label,
              std::size_t labels) {
  Mix mix(labels, 0.0);
  for (const std::int64_t item : items) {
    mix[static_cast<std::size_t>(label[static_cast<std::size_t>(item)])] += 1;
  }
  return mix;
}

bool is_empty(const Mix& mix) {
  return std::all_of(mix.begin(), mix.end(), [](double count) { return count == 0; });
}

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

Json summary(const std::vector<double>& values) {
  if (values.empty()) return nullptr;
  return {{"min", *std::min_element(values.begin(), values.end())},
          {"median", median_of(values)},
          {"max", *std::max_element(values.begin(), values.end())},
          {"mean", std::accumulate(values.begin(), values.end(), 0.0) / double(values.size())}};
}

Json size_summary(const Partition& partition, std::vector<std::int64_t> ClientPart::*part) {
  std::vector<double> sizes;
  std::int64_t items = 0, empty = 0;
  for (const ClientPart& client : partition.clients) {
    sizes.push_back(double((client.*part).size()));
    items += static_cast<std::int64_t>((client.*part).size());
    empty += (client.*part).empty();
  }
  Json json = summary(sizes);
  json["items"] = items;
  json["empty"] = empty;
  json["gini"] = stats::gini(sizes);
  return json;
}

std::vector<double> present(const std::vector<std::optional<double>>& values) {
  std::vector<double> there;
  for (const auto& value : values) {
    if (value) there.push_back(*value);
  }
  return there;
}

void set_summary(Json& json, const std::string& key, const std::vector<double>& values,
                 const std::string& reason) {
  if (values.empty()) {
    core::set_absent(json, key, reason);
  } else {
    json[key] = summary(values);
  }
}

}  // namespace

PartitionDistances partition_distances(const Partition& partition,
                                       const std::vector<std::int32_t>& label, std::size_t labels,
                                       const DistanceOptions& options) {
  PartitionDistances distances;
  const std::size_t n = partition.clients.size();
  distances.train_test.resize(n);
  distances.to_all.resize(n);
  if (label.empty()) return distances;
  std::vector<Mix> mixes;
  Mix all(labels, 0.0);
  std::vector<std::size_t> filled;
  for (std::size_t k = 0; k < n; ++k) {
    const Mix train = label_mix(partition.clients[k].train, label, labels);
    const Mix test = label_mix(partition.clients[k].test, label, labels);
    Mix both = train;
    for (std::size_t l = 0; l < labels; ++l) both[l] += test[l];
    for (std::size_t l = 0; l < labels; ++l) all[l] += both[l];
    if (!is_empty(train) && !is_empty(test)) {
      distances.train_test[k] = stats::jensen_shannon_distance(train, test, options.log_base);
    }
    if (!is_empty(both)) filled.push_back(k);
    mixes.push_back(std::move(both));
  }
  for (const std::size_t k : filled) {
    distances.to_all[k] = stats::jensen_shannon_distance(mixes[k], all, options.log_base);
  }
  const std::size_t step = (filled.size() + options.most - 1) / std::max<std::size_t>(1, options.most);
  for (std::size_t i = 0; i < filled.size(); i += std::max<std::size_t>(1, step)) {
    distances.clients.push_back(filled[i]);
  }
  const std::size_t shown = distances.clients.size();
  distances.between.assign(shown, std::vector<double>(shown, 0.0));
  for (std::size_t a = 0; a < shown; ++a) {
    for (std::size_t b = a + 1; b < shown; ++b) {
      const double distance = stats::jensen_shannon_distance(
          mixes[distances.clients[a]], mixes[distances.clients[b]], options.log_base);
      distances.between[a][b] = distances.between[b][a] = distance;
    }
  }
  return distances;
}

Json partition_statistics(const Partition& partition, const PartitionDistances& distances,
                          bool has_labels) {
  Json json = {{"clients", partition.clients.size()},
               {"left_out", partition.left_out.size()},
               {"train", size_summary(partition, &ClientPart::train)},
               {"test", size_summary(partition, &ClientPart::test)}};
  const std::string none = "the examples have no labels";
  std::vector<double> pairs;
  for (std::size_t a = 0; a < distances.between.size(); ++a) {
    pairs.insert(pairs.end(), distances.between[a].begin() + static_cast<std::ptrdiff_t>(a) + 1,
                 distances.between[a].end());
  }
  set_summary(json, "js_between", pairs, has_labels ? "there are fewer than two clients" : none);
  json["js_between_clients"] = distances.clients.size();
  set_summary(json, "js_to_all", present(distances.to_all), none);
  set_summary(json, "js_train_test", present(distances.train_test),
              has_labels ? "no client has both parts" : none);
  return json;
}

std::string distance_heat_map(const Partition& partition, const PartitionDistances& distances,
                              double log_base) {
  const std::size_t n = distances.clients.size();
  std::vector<double> sums(n, 0.0);
  for (std::size_t a = 0; a < n; ++a) {
    sums[a] = std::accumulate(distances.between[a].begin(), distances.between[a].end(), 0.0);
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return sums[a] > sums[b]; });
  report::HeatMap map;
  map.title = "Jensen-Shannon distance between clients";
  map.description = fmt::format(
      "A square of {0} by {0} cells, one for each pair of clients, darker where their label mixes "
      "are farther apart; clients in falling order of their sum.",
      n);
  map.low = 0;
  map.high = std::sqrt(std::log(2.0) / std::log(log_base));
  for (const std::size_t a : order) {
    map.names.push_back(partition.clients[distances.clients[a]].name);
    std::vector<double> row;
    for (const std::size_t b : order) row.push_back(distances.between[a][b]);
    map.cells.push_back(std::move(row));
  }
  return report::heat_map(map);
}

std::string size_histogram(const Partition& partition) {
  report::Histogram histogram;
  histogram.title = "Examples of a client";
  histogram.x_label = "training and test examples";
  histogram.y_label = "clients";
  for (const ClientPart& client : partition.clients) {
    histogram.values.push_back(double(client.train.size() + client.test.size()));
  }
  histogram.description = fmt::format("How many of {} clients have how many examples.",
                                      partition.clients.size());
  return report::histogram(histogram);
}

}  // namespace discreet::federated
