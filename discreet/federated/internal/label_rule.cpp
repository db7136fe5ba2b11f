#include "discreet/federated/internal/label_rule.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "discreet/core/error.h"
#include "discreet/federated/dirichlet.h"

namespace discreet::federated::internal {
namespace {

std::int64_t sum_of(std::span<const std::int64_t> counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

/// FedNLP's filling: `deficit` items from labels other than `lacking`, the scarcest label first.
void fill_from_others(std::vector<std::int64_t>& left, std::size_t lacking, std::int64_t deficit,
                      std::vector<std::int64_t>& taken) {
  std::vector<std::int64_t> others = left;
  others[lacking] = 0;
  const double all = static_cast<double>(sum_of(others));
  std::vector<std::size_t> order(left.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return others[a] < others[b]; });
  std::int64_t missing = deficit;
  for (const std::size_t l : order) {
    if (missing == 0) return;
    if (others[l] == 0) continue;
    const double share = static_cast<double>(others[l]) / all * static_cast<double>(deficit);
    const std::int64_t take =
        std::min({static_cast<std::int64_t>(std::ceil(share)), others[l], missing});
    left[l] -= take;
    taken[l] += take;
    missing -= take;
  }
}

/// Takes up to what is left of each label and fills the rest in proportion to what is left.
std::vector<std::int64_t> take_wanted(std::span<const std::int64_t> wanted,
                                      std::vector<std::int64_t>& left,
                                      std::span<const std::size_t> ties) {
  std::vector<std::int64_t> taken(wanted.size(), 0);
  std::int64_t missing = 0;
  for (std::size_t l = 0; l < wanted.size(); ++l) {
    taken[l] = std::min(wanted[l], left[l]);
    left[l] -= taken[l];
    missing += wanted[l] - taken[l];
  }
  while (missing > 0) {  // more than once only where rounding asked a label for more than it has
    const double all = static_cast<double>(sum_of(left));
    std::vector<double> targets(left.size());
    for (std::size_t l = 0; l < left.size(); ++l) {
      targets[l] = static_cast<double>(left[l]) / all * static_cast<double>(missing);
    }
    const auto more = largest_remainder(targets, missing, ties);
    for (std::size_t l = 0; l < left.size(); ++l) {
      const std::int64_t take = std::min(more[l], left[l]);
      taken[l] += take;
      left[l] -= take;
      missing -= take;
    }
  }
  return taken;
}

std::vector<std::int64_t> even_sizes(std::int64_t items, std::int64_t clients,
                                     core::ReproducibleRng& rng) {
  const std::vector<double> targets(static_cast<std::size_t>(clients),
                                    static_cast<double>(items) / static_cast<double>(clients));
  const auto ties = random_order(static_cast<std::size_t>(clients), rng);
  return largest_remainder(targets, items, ties);
}

std::vector<double> shares_of(std::span<const std::int64_t> counts) {
  std::vector<double> shares(counts.size());
  const double all = static_cast<double>(sum_of(counts));
  for (std::size_t l = 0; l < counts.size(); ++l) shares[l] = static_cast<double>(counts[l]) / all;
  return shares;
}

Partition fednlp_divide(const PartitionInput& input, const PartitionOptions& options,
                        std::span<const std::int32_t> label, std::size_t labels) {
  Partition partition;
  partition.clients.resize(static_cast<std::size_t>(options.clients));
  const auto train = static_cast<std::size_t>(input.train);
  for (const bool test : {false, true}) {
    const auto part = test ? label.subspan(train) : label.first(train);
    if (part.empty()) continue;
    core::ReproducibleRng rng(options.seed, test ? "partition.test" : "partition.train");
    const auto available = count_labels(part, labels);
    const auto prior = shares_of(available);
    const auto counts = fednlp_label_counts(available, options.clients, [&](std::int64_t) {
      return draw_dirichlet(prior, options.alpha, rng);
    });
    auto items = deal_items(part, test ? input.train : 0, counts, rng);
    for (std::size_t k = 0; k < items.size(); ++k) {
      (test ? partition.clients[k].test : partition.clients[k].train) = std::move(items[k]);
    }
  }
  return partition;
}

Partition coherent_divide(const PartitionInput& input, const PartitionOptions& options,
                          std::span<const std::int32_t> label, std::size_t labels) {
  core::ReproducibleRng rng(options.seed, "partition");
  const auto clients = static_cast<std::size_t>(options.clients);
  const auto train = label.first(static_cast<std::size_t>(input.train));
  const auto test = label.subspan(static_cast<std::size_t>(input.train));
  const auto available = count_labels(train, labels);
  const auto prior = shares_of(available);
  std::vector<std::vector<double>> mix;
  for (std::size_t k = 0; k < clients; ++k) {
    mix.push_back(draw_dirichlet(prior, options.alpha, rng));
  }
  Partition partition;
  partition.clients.resize(clients);
  const auto sizes = even_sizes(input.train, options.clients, rng);
  const auto counts = coherent_label_counts(available, mix, sizes, rng);
  auto items = deal_items(train, 0, counts, rng);
  for (std::size_t k = 0; k < clients; ++k) partition.clients[k].train = std::move(items[k]);
  if (test.empty()) return partition;
  // The test part follows what the client really got, not what was drawn: where a label ran out
  // among the training items, it would run out for another client among those of the test.
  for (std::size_t k = 0; k < clients; ++k) {
    if (sizes[k] > 0) mix[k] = shares_of(counts[k]);
  }
  const auto test_sizes = even_sizes(input.test, options.clients, rng);
  const auto test_counts = coherent_label_counts(count_labels(test, labels), mix, test_sizes, rng);
  items = deal_items(test, input.train, test_counts, rng);
  for (std::size_t k = 0; k < clients; ++k) partition.clients[k].test = std::move(items[k]);
  return partition;
}

}  // namespace

LabelCounts fednlp_label_counts(std::span<const std::int64_t> available, std::int64_t clients,
                                const std::function<std::vector<double>(std::int64_t)>& draw) {
  const std::size_t labels = available.size();
  std::vector<std::int64_t> left(available.begin(), available.end());
  const std::int64_t share = sum_of(left) / clients;
  LabelCounts counts(static_cast<std::size_t>(clients), std::vector<std::int64_t>(labels, 0));
  for (std::int64_t client = 0; client < clients; ++client) {
    auto& taken = counts[static_cast<std::size_t>(client)];
    const std::vector<double> mix = draw(client);
    const std::int64_t items_left = sum_of(left);
    const std::int64_t size = items_left < 2 * share ? items_left : std::min(share, items_left);
    std::int64_t room = size;
    for (std::size_t l = 0; l < labels; ++l) {
      auto wanted = static_cast<std::int64_t>(std::nearbyint(mix[l] * static_cast<double>(size)));
      if (wanted >= room || l + 1 == labels) wanted = room;
      const std::int64_t take = std::min(wanted, left[l]);
      left[l] -= take;
      taken[l] += take;
      if (take < wanted) fill_from_others(left, l, wanted - take, taken);
      room -= wanted;
    }
    if (client + 1 == clients) {
      for (std::size_t l = 0; l < labels; ++l) taken[l] += left[l];
    }
  }
  return counts;
}

LabelCounts coherent_label_counts(std::span<const std::int64_t> available,
                                  const std::vector<std::vector<double>>& mix,
                                  std::span<const std::int64_t> sizes,
                                  core::ReproducibleRng& rng) {
  const std::size_t labels = available.size();
  std::vector<std::int64_t> left(available.begin(), available.end());
  if (sum_of(left) != sum_of(sizes)) throw internal_error("sizes of clients are not the items");
  LabelCounts counts(mix.size());
  std::vector<double> carry(labels, 0.0);
  for (const std::size_t client : random_order(mix.size(), rng)) {
    std::vector<double> targets(labels);
    for (std::size_t l = 0; l < labels; ++l) {
      targets[l] = mix[client][l] * static_cast<double>(sizes[client]) + carry[l];
    }
    const auto ties = random_order(labels, rng);
    const auto wanted = largest_remainder(targets, sizes[client], ties);
    for (std::size_t l = 0; l < labels; ++l) {
      carry[l] = targets[l] - static_cast<double>(wanted[l]);
    }
    counts[client] = take_wanted(wanted, left, ties);
  }
  return counts;
}

std::vector<std::int64_t> count_labels(std::span<const std::int32_t> label, std::size_t labels) {
  std::vector<std::int64_t> counts(labels, 0);
  for (const std::int32_t l : label) ++counts.at(static_cast<std::size_t>(l));
  return counts;
}

std::vector<std::vector<std::int64_t>> deal_items(std::span<const std::int32_t> label,
                                                  std::int64_t begin, const LabelCounts& counts,
                                                  core::ReproducibleRng& rng) {
  const std::size_t labels = counts.empty() ? 0 : counts.front().size();
  std::vector<std::vector<std::int64_t>> of_label(labels);
  for (std::size_t i = 0; i < label.size(); ++i) {
    of_label[static_cast<std::size_t>(label[i])].push_back(begin + static_cast<std::int64_t>(i));
  }
  for (auto& items : of_label) core::shuffle(std::span<std::int64_t>(items), rng);
  std::vector<std::vector<std::int64_t>> clients(counts.size());
  for (std::size_t k = 0; k < counts.size(); ++k) {
    for (std::size_t l = 0; l < labels; ++l) {
      for (std::int64_t i = 0; i < counts[k][l]; ++i) {
        clients[k].push_back(of_label[l].back());
        of_label[l].pop_back();
      }
    }
  }
  return clients;
}

Partition divide_by_label(const PartitionInput& input, const PartitionOptions& options,
                          std::span<const std::int32_t> label, std::size_t labels) {
  return options.mode == PartitionMode::kFednlp ? fednlp_divide(input, options, label, labels)
                                                : coherent_divide(input, options, label, labels);
}

}  // namespace discreet::federated::internal
