#include "discreet/federated/partition.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "discreet/core/registry.h"
#include "discreet/federated/dirichlet.h"
#include "discreet/federated/internal/sizes_rule.h"

namespace discreet::federated {
namespace {

using Items = std::vector<std::int64_t>;

void resolve_minima(const std::string& method, PartitionOptions& options) {
  const bool fednlp = options.mode == PartitionMode::kFednlp;
  const bool natural = method == "natural";
  if (!options.min_train) options.min_train = fednlp ? 0 : 1;
  if (!options.min_test) options.min_test = fednlp || natural ? 0 : 1;
}

/// Before anything is drawn: are there enough items for the minima?
void check_feasible(const std::string& method, const PartitionInput& input,
                    const PartitionOptions& options) {
  if (input.train == 0) throw bad_data("there are no examples to divide");
  if (method == "natural") return;
  if (options.clients < 1) {
    throw usage_error(fmt::format("method {} needs the number of clients", method),
                      "Set --clients, or federated.clients in a configuration.");
  }
  const auto check = [&](std::int64_t items, std::int64_t least, const char* what) {
    if (items >= options.clients * least) return;
    throw bad_data(fmt::format("{} {} cannot give {} clients {} each", items, what,
                               options.clients, least),
                   "Take fewer clients, or lower --min-train, --min-test or --test-share (federated.min_examples).");
  };
  if (input.test > 0) {
    check(input.train, *options.min_train, "training examples");
    check(input.test, *options.min_test, "test examples");
  } else {
    check(input.train, *options.min_train + *options.min_test, "examples");
  }
}

/// What parts of a client keep alike: clusters where there are any, else labels, else nothing.
std::int32_t stratum_of(const PartitionInput& input, const Partition& partition,
                        std::int64_t item) {
  const auto& of = partition.cluster.empty() ? input.label : partition.cluster;
  return of.empty() ? 0 : of[static_cast<std::size_t>(item)];
}

/// A share of each client's items becomes its test part, of each label alike.
void take_test_parts(const PartitionInput& input, const PartitionOptions& options,
                     Partition& partition) {
  core::ReproducibleRng rng(options.seed, "partition.test-share");
  for (ClientPart& client : partition.clients) {
    const auto n = static_cast<std::int64_t>(client.train.size());
    std::map<std::int32_t, Items> of_label;
    for (const std::int64_t item : client.train) {
      of_label[stratum_of(input, partition, item)].push_back(item);
    }
    const auto wanted = static_cast<std::int64_t>(std::llround(options.test_share * double(n)));
    const std::int64_t size = std::max(std::min(*options.min_test, n),
                                       std::min(wanted, std::max<std::int64_t>(
                                                            0, n - *options.min_train)));
    std::vector<double> targets;
    for (const auto& [label, items] : of_label) {
      targets.push_back(double(items.size()) * double(size) / double(n));
    }
    const auto counts = largest_remainder(targets, size, random_order(targets.size(), rng));
    client.train.clear();
    std::size_t place = 0;
    for (auto& [label, items] : of_label) {
      core::shuffle(std::span<std::int64_t>(items), rng);
      const auto middle = items.begin() + counts[place++];
      client.test.insert(client.test.end(), items.begin(), middle);
      client.train.insert(client.train.end(), middle, items.end());
    }
  }
}

/// Moves items to clients below `least`, each from the largest client, if possible of the label that
/// the receiver has most of, else of the giver's most frequent one. Returns the items moved.
std::int64_t repair_minimum(const PartitionInput& input, std::int64_t least, Items ClientPart::*part,
                            Partition& partition) {
  const auto label_of = [&](std::int64_t item) { return stratum_of(input, partition, item); };
  const auto most_frequent = [&](const Items& items) {
    std::map<std::int32_t, std::int64_t> counts;
    for (const std::int64_t item : items) ++counts[label_of(item)];
    std::int32_t best = -1;
    for (const auto& [label, count] : counts) {
      if (best < 0 || count > counts[best]) best = label;
    }
    return best;
  };
  std::int64_t moved = 0;
  for (ClientPart& client : partition.clients) {
    Items& receives = client.*part;
    while (static_cast<std::int64_t>(receives.size()) < least) {
      auto giver = std::max_element(partition.clients.begin(), partition.clients.end(),
                                    [&](const ClientPart& a, const ClientPart& b) {
                                      return (a.*part).size() < (b.*part).size();
                                    });
      Items& gives = (*giver).*part;
      const std::int32_t own = receives.empty() ? -1 : most_frequent(receives);
      auto item = std::find_if(gives.rbegin(), gives.rend(),
                               [&](std::int64_t i) { return label_of(i) == own; });
      if (item == gives.rend()) {
        const std::int32_t common = most_frequent(gives);
        item = std::find_if(gives.rbegin(), gives.rend(),
                            [&](std::int64_t i) { return label_of(i) == common; });
      }
      receives.push_back(*item);
      gives.erase(std::next(item).base());
      ++moved;
    }
  }
  return moved;
}

void note_empty(Partition& partition) {
  for (const auto& [part, what] : {std::pair(&ClientPart::train, "training"),
                                   std::pair(&ClientPart::test, "test")}) {
    std::size_t empty = 0;
    for (const ClientPart& client : partition.clients) empty += (client.*part).empty();
    if (empty == 0 || (empty == partition.clients.size() && part == &ClientPart::test)) continue;
    partition.notes.push_back(fmt::format("{} of {} clients have no {} examples.", empty,
                                          partition.clients.size(), what));
  }
}

constexpr std::size_t kFirst = 5;

/// The first of `count` indices.
std::string first_few(const Items& indices, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < std::min(kFirst, indices.size()); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", indices[i]);
  }
  return text + (count > kFirst ? fmt::format(" and {} more", count - kFirst) : "");
}

}  // namespace

namespace internal {

Partition divide_by_sizes(
    const PartitionInput& input, const PartitionOptions& options,
    const std::function<std::vector<std::int64_t>(std::int64_t, core::ReproducibleRng&)>& sizes) {
  Partition partition;
  partition.clients.resize(static_cast<std::size_t>(options.clients));
  for (const bool test : {false, true}) {
    const std::int64_t items = test ? input.test : input.train;
    if (items == 0) continue;
    core::ReproducibleRng rng(options.seed, test ? "partition.test" : "partition.train");
    const auto order = random_order(static_cast<std::size_t>(items), rng);
    auto counts = sizes(items, rng);
    if (options.mode == PartitionMode::kCoherent) {
      std::int64_t least = test ? *options.min_test : *options.min_train;
      if (input.test == 0) least = *options.min_train + *options.min_test;
      raise_to_minimum(counts, least);
    }
    std::size_t place = 0;
    for (std::size_t k = 0; k < counts.size(); ++k) {
      Items& part = test ? partition.clients[k].test : partition.clients[k].train;
      for (std::int64_t i = 0; i < counts[k]; ++i) {
        part.push_back((test ? input.train : 0) + static_cast<std::int64_t>(order[place++]));
      }
    }
  }
  return partition;
}

}  // namespace internal

bool partition_uses(std::string_view method, std::string_view key) {
  if (key == "alpha") return method.ends_with("dirichlet");
  if (key == "clusters" || key == "kmeans_steps") return method == "cluster-dirichlet";
  return true;
}

const core::Fields<PartitionOptions>& partition_fields() {
  constexpr double kMost = 1e9;
  static const auto fields =
      core::Fields<PartitionOptions>("partition")
          .add("clients", &PartitionOptions::clients,
               {.min = 0, .max = kMost, .doc = "Number of clients; natural finds its own."})
          .add("alpha", &PartitionOptions::alpha,
               {.min = 0, .above_min = true,
                .doc = "Concentration of the Dirichlet distribution: small values skew, inf does "
                       "not. For quantity-dirichlet it is what FedNLP calls beta."})
          .add("seed", &PartitionOptions::seed, {.min = 0, .doc = "Of everything that is drawn."})
          .add("mode", &PartitionOptions::mode,
               {.choices = {"coherent", "fednlp"},
                .doc = "coherent: a client's train and test parts follow one draw, sizes are exact; "
                       "fednlp: FedNLP's rules, train and test drawn independently.",
                .reference = "Lin et al. 2022"})
          .add("min_train", &PartitionOptions::min_train,
               {.min = 0, .unit = "examples", .doc = "Fewest training examples of a client."})
          .add("min_test", &PartitionOptions::min_test,
               {.min = 0, .unit = "examples", .doc = "Fewest test examples of a client."})
          .add("test_share", &PartitionOptions::test_share,
               {.min = 0, .max = 1, .below_max = true,
                .doc = "Where no test data are given: share of each client's examples that are its "
                       "test part (mode fednlp: the last share of the file)."})
          .add("clusters", &PartitionOptions::clusters,
               {.min = 1, .max = 100000, .doc = "cluster-dirichlet: k of k-means."})
          .add("kmeans_steps", &PartitionOptions::kmeans_steps,
               {.min = 1, .max = 100000, .doc = "cluster-dirichlet: most steps of k-means."});
  return fields;
}

Partition make_partition(const std::string& method, PartitionInput input,
                         PartitionOptions options) {
  const auto divide = core::registry().make<DividePartition>("partition", method);
  if (!(options.alpha > 0)) {
    throw usage_error("alpha must be above 0", "Small values skew, inf does not.");
  }
  const bool fednlp = options.mode == PartitionMode::kFednlp;
  if (input.test == 0 && options.test_share == 0 && !options.min_test) options.min_test = 0;
  if (fednlp && input.test == 0 && method != "natural" && options.test_share > 0) {
    const double share = (1 - options.test_share) * double(input.train);
    const auto kept = static_cast<std::int64_t>(share + 1e-9);
    input.test = input.train - kept;
    input.train = kept;
  }
  resolve_minima(method, options);
  check_feasible(method, input, options);

  const std::int64_t items = input.size();
  Partition partition = divide(input, options);
  partition.method = method;
  if (input.test == 0 && options.test_share + double(*options.min_test) > 0) {
    take_test_parts(input, options, partition);
  }
  std::int64_t moved = 0;
  if (method != "natural") {
    moved += repair_minimum(input, *options.min_train, &ClientPart::train, partition);
    if (input.test > 0) {
      moved += repair_minimum(input, *options.min_test, &ClientPart::test, partition);
    }
  }
  if (moved > 0) {
    partition.notes.push_back(fmt::format("{} examples were moved to reach the minima.", moved));
  }
  for (std::size_t k = 0; k < partition.clients.size(); ++k) {
    ClientPart& client = partition.clients[k];
    if (client.name.empty()) client.name = fmt::format("{}", k);
    std::sort(client.train.begin(), client.train.end());
    std::sort(client.test.begin(), client.test.end());
  }
  std::sort(partition.left_out.begin(), partition.left_out.end());
  note_empty(partition);
  check_partition(partition, items, "method " + method);
  return partition;
}

void check_partition(const Partition& partition, std::int64_t items, const std::string& origin) {
  // Sorted rather than ticked off: a damaged file's index of 10^18 must not ask for as much memory.
  Items all, outside, doubled;
  for (const ClientPart& client : partition.clients) {
    all.insert(all.end(), client.train.begin(), client.train.end());
    all.insert(all.end(), client.test.begin(), client.test.end());
  }
  all.insert(all.end(), partition.left_out.begin(), partition.left_out.end());
  std::ranges::sort(all);
  Items missing;
  std::int64_t next = 0, lacking = 0;  // the smallest index not yet met
  const auto miss_below = [&](std::int64_t end) {
    lacking += end - next;
    for (; next < end && missing.size() < kFirst; ++next) missing.push_back(next);
    next = end;
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::int64_t item = all[i];
    if (item < 0 || item >= items) {
      outside.push_back(item);
    } else if (i > 0 && all[i - 1] == item) {
      if (doubled.empty() || doubled.back() != item) doubled.push_back(item);
    } else {
      miss_below(item);
      next = item + 1;
    }
  }
  miss_below(std::max(next, items));
  std::vector<std::string> wrong;
  if (!outside.empty()) {
    wrong.push_back(fmt::format("indices outside 0 … {}: {}", items - 1, first_few(outside, outside.size())));
  }
  if (!doubled.empty()) wrong.push_back("doubled indices: " + first_few(doubled, doubled.size()));
  if (!missing.empty()) {
    wrong.push_back("missing indices: " + first_few(missing, static_cast<std::size_t>(lacking)));
  }
  if (wrong.empty()) return;
  std::string text;
  for (const std::string& part : wrong) text += (text.empty() ? "" : "; ") + part;
  throw bad_data(origin + ": " + text, "Every example belongs to exactly one client.");
}

}  // namespace discreet::federated
