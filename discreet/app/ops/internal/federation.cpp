#include "discreet/app/ops/internal/federation.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/federated/partition_files.h"
#include "discreet/nn/model.h"

namespace discreet::app {
namespace {

using federated::Partition;

constexpr std::int64_t kSketchWidth = 64;  // of gradients that a selection compares

std::string factor_of(const text::Example& example, const std::string& by) {
  if (by == "user") return example.user;
  const auto group = example.groups.find(by);
  return group == example.groups.end() ? "" : group->second;
}

/// Tagged sentences without a label count by the set of their kinds of entity (FedNLP).
void put_entity_labels(const EncodedData& train, federated::PartitionInput& input) {
  std::map<std::string, std::int32_t> places;
  for (const text::Example& example : train.examples) {
    std::string name;
    std::vector<std::string> kinds;
    for (const std::string& tag : example.tags) {
      if (tag.size() > 2) kinds.push_back(tag.substr(2));
    }
    std::sort(kinds.begin(), kinds.end());
    kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
    for (const std::string& kind : kinds) name += (name.empty() ? "" : "-") + kind;
    if (name.empty()) name = "NULL";
    const auto [place, fresh] = places.try_emplace(name, static_cast<std::int32_t>(places.size()));
    if (fresh) input.label_names.push_back(name);
    input.label.push_back(place->second);
  }
}

Partition drawn_partition(const Federation& federation) {
  const FederatedOptions& asked = federation.federated.own;
  const EncodedData& train = federation.data.train;
  federated::PartitionInput input;
  input.train = train.size();
  federated::PartitionOptions options;
  options.clients = asked.clients;
  options.alpha = asked.alpha;
  options.seed = static_cast<std::uint64_t>(federation.settings.run.seed);
  options.min_train = asked.min_examples;
  options.min_test = 0;
  options.test_share = 0;
  if (asked.partition == "natural") {
    for (const text::Example& example : train.examples) {
      input.factor.push_back(factor_of(example, asked.by));
    }
    if (std::ranges::all_of(input.factor, &std::string::empty)) {
      throw usage_error(fmt::format("federated.by = \"{}\": no example of data.train has that", asked.by),
                        "user is the column that data.user names; others must be among data.group.");
    }
  }
  if (!train.intents.empty()) {
    input.label_names = federation.data.encoder.intents.names();
    for (const std::int64_t intent : train.intents) {
      input.label.push_back(static_cast<std::int32_t>(std::max<std::int64_t>(0, intent)));
    }
  } else if (federation.settings.task == "tagging") {
    put_entity_labels(train, input);
  }
  input.features = [&train] {
    std::vector<std::vector<std::string>> words;
    for (const text::Example& example : train.examples) words.push_back(example.words);
    return federated::hashed_tf_idf(words);
  };
  return federated::make_partition(asked.partition, input, options);
}

/// A partition that was written before: its test parts and what it left out are not trained on.
Partition read_clients(const std::string& path, std::int64_t examples) {
  Partition partition = federated::read_partition(path);
  for (const federated::ClientPart& client : partition.clients) {
    for (const std::int64_t item : client.train) {
      if (item >= 0 && item < examples) continue;
      throw bad_data(fmt::format("{}: client '{}' has example {}, the training data have {}", path, client.name, item,
                                 examples),
                     "Divide the same file as data.train names.");
    }
  }
  Partition own = partition;  // without the examples of a test file, which are counted after these
  for (federated::ClientPart& client : own.clients) {
    std::erase_if(client.test, [examples](std::int64_t item) { return item >= examples; });
  }
  std::erase_if(own.left_out, [examples](std::int64_t item) { return item >= examples; });
  federated::check_partition(own, examples, path);
  return partition;
}

/// Moves a share of a client's examples to its tests, at random; who has one example trains on it.
void keep_tests(FederatedClient& client, double share, std::uint64_t seed) {
  const auto n = static_cast<std::int64_t>(client.items.size());
  std::int64_t kept = std::llround(share * static_cast<double>(n));
  kept = std::min(std::max<std::int64_t>(kept, 1), n - 1);
  if (share == 0 || kept < 1) return;
  std::vector<std::int64_t> order(client.items.size());
  std::iota(order.begin(), order.end(), 0);
  core::ReproducibleRng rng(seed, "local-test." + client.name);
  core::shuffle(std::span(order), rng);
  std::vector<char> is_test(client.items.size(), 0);
  for (std::int64_t i = 0; i < kept; ++i) is_test[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = 1;
  std::vector<std::int64_t> items;
  for (std::size_t i = 0; i < client.items.size(); ++i) {
    (is_test[i] ? client.tests : items).push_back(client.items[i]);
  }
  client.items = std::move(items);
}

federated::AggregationWeights weights_kind(const std::string& name) {
  if (name == "uniform") return federated::AggregationWeights::kUniform;
  if (name == "horvitz-thompson") return federated::AggregationWeights::kHorvitzThompson;
  return name == "hajek" ? federated::AggregationWeights::kHajek
                         : federated::AggregationWeights::kExamples;
}

/// Mean gradients of these clients at the server's model, into their places among all.
void see_gradients(Federation& federation, const std::vector<federated::ClientJob>& jobs) {
  const std::vector<float> start(federation.weights.begin(), federation.weights.end());
  const auto found = federation.runner->client_gradients(start, jobs, kSketchWidth);
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    std::copy_n(found.sketches.begin() + static_cast<std::ptrdiff_t>(j * kSketchWidth), kSketchWidth,
                federation.seen_sketches.begin() + static_cast<std::ptrdiff_t>(jobs[j].client * kSketchWidth));
    federation.seen_norms[static_cast<std::size_t>(jobs[j].client)] = found.norms[j];
  }
}

/// What a selection by gradients goes by: those of all devices that could be asked, or those last seen.
/// `norms` receives how far each device's update would go, [clients].
void put_gradients(Federation& federation, std::span<const double> activity,
                   federated::SelectionInput& input, std::vector<double>& norms) {
  if (federation.federated.selection.signals == "fresh") {
    std::vector<federated::ClientJob> jobs;
    for (std::size_t k = 0; k < activity.size(); ++k) {
      if (activity[k] > 0) {
        jobs.push_back({.client = static_cast<std::int64_t>(k), .examples = federation.stores[k].items()});
      }
    }
    std::ranges::fill(federation.seen_sketches, 0.0F);
    std::ranges::fill(federation.seen_norms, 0.0);
    see_gradients(federation, jobs);
  }
  for (std::size_t k = 0; k < activity.size(); ++k) norms.push_back(federation.seen_norms[k] * activity[k]);
  input.gradients = federation.seen_sketches;
  input.gradient_size = kSketchWidth;
  input.update_norm = norms;
}

}  // namespace

bool wants_gradients(const Federation& federation) {
  const std::string& selection = federation.federated.own.selection;
  return selection == "divfl" || selection == "update-norm";
}

bool remembers_gradients(const Federation& federation) {
  return wants_gradients(federation) && federation.federated.selection.signals != "fresh";
}

void divide_clients(Federation& federation) {
  const FederatedOptions& asked = federation.federated.own;
  const bool file = asked.partition.ends_with(".json") || asked.partition.ends_with(".h5") ||
                    asked.partition.ends_with(".hdf5");
  const Partition partition = file ? read_clients(asked.partition, federation.data.train.size())
                                   : drawn_partition(federation);
  if (file) federation.data.inputs.push_back(core::describe_input("partition", asked.partition));
  const auto seed = static_cast<std::uint64_t>(federation.settings.run.seed);
  double share = asked.local_test_share;
  if (share == 0 && (asked.strategy == "ditto" || asked.strategy == "partial")) share = 0.2;
  for (const federated::ClientPart& part : partition.clients) {
    federation.clients.push_back({part.name, part.train, {}});
    keep_tests(federation.clients.back(), share, seed);
  }
  federation.caveats = partition.notes;
  const auto policy = federated::parse_storage(asked.storage);
  for (const FederatedClient& client : federation.clients) federation.stores.emplace_back(policy, seed, client.name);
  federation.selected.assign(federation.clients.size(), 0);
  federation.reported = federation.selected;
  federation.last_loss.assign(federation.clients.size(), std::nan(""));
  federation.last_root_mean_square = federation.last_loss;
  if (wants_gradients(federation)) {
    federation.seen_sketches.assign(federation.clients.size() * kSketchWidth, std::nanf(""));
    federation.seen_norms = federation.last_loss;
  }
}

Cohort choose_clients(Federation& federation, std::vector<std::string>& notes) {
  const FederatedOptions& own = federation.federated.own;
  const double asked = own.clock ? own.over_selection : 1;
  const auto cohort = static_cast<std::int64_t>(
      std::ceil(asked * static_cast<double>(federation.federated.selection.cohort) - 1e-9));
  return choose_clients(federation, notes, absent_devices(federation), cohort, federation.round + 1);
}

Cohort choose_clients(Federation& federation, std::vector<std::string>& notes,
                      const std::vector<char>& busy, std::int64_t cohort, std::int64_t draw) {
  const FederatedOptions& own = federation.federated.own;
  std::vector<double> activity;
  Cohort chosen;
  for (const federated::DeviceStore& store : federation.stores) {
    activity.push_back(static_cast<double>(store.count()));
    chosen.all_examples += activity.back();
  }
  std::vector<double> there = activity;
  for (std::size_t k = 0; k < busy.size(); ++k) {
    if (busy[k]) there[k] = 0;
  }
  federated::Selection selection;
  const bool is_private = federation.settings.privacy.is_private();
  if (is_private) {
    // Where clients add the noise, who holds nothing takes part all the same: it must not be told from the others.
    const bool all = own.noise != "central";
    for (const std::int64_t k : draw_private_clients(federation, activity)) {
      if (all || there[static_cast<std::size_t>(k)] > 0) selection.clients.push_back(k);
    }
  } else {
    federated::SelectionOptions options = federation.federated.selection;
    options.cohort = cohort;
    std::vector<double> seconds;
    for (std::size_t k = 0; k < federation.devices.size(); ++k) {
      const std::int64_t bytes = federation.runner->sent_values() * 4;
      seconds.push_back(federation.devices[k].round_seconds(static_cast<std::int64_t>(activity[k]),
                                                            own.local_epochs, federation.update_bytes, bytes));
    }
    federated::SelectionInput input = {
        .activity = there,
        .loss = federation.last_loss,
        .root_mean_square_loss = federation.last_root_mean_square,
        .round = draw,
        .want_inclusion = own.weights == "horvitz-thompson" || own.weights == "hajek"};
    input.seconds = seconds;
    std::vector<double> norms;
    if (wants_gradients(federation)) put_gradients(federation, there, input, norms);
    selection = federated::select_clients(own.selection, input, options,
                                          static_cast<std::uint64_t>(federation.settings.run.seed));
    notes = selection.notes;
    chosen.cost = selection.cost;
  }
  for (const std::int64_t k : selection.clients) {
    const auto place = static_cast<std::size_t>(k);
    if (!chosen.jobs.empty() && chosen.jobs.back().client == k) {  // drawn again: trains once, counts twice
      chosen.jobs.back().weight += 1;
      continue;
    }
    chosen.jobs.push_back({.client = k, .examples = federation.stores[place].items(), .weight = 1});
    if (!selection.inclusion.probability.empty()) {  // to be asked, and then to report
      chosen.inclusion.push_back(selection.inclusion.probability[place] * (1 - own.drop_download) * (1 - own.drop_train) *
                                 (1 - own.drop_upload));
    }
  }
  if (remembers_gradients(federation)) see_gradients(federation, chosen.jobs);
  return chosen;
}

void weigh_clients(const Federation& federation, Cohort& cohort) {
  const FederatedOptions& own = federation.federated.own;
  if (federation.settings.privacy.is_private() || cohort.jobs.empty()) return;
  std::vector<double> examples;
  for (const federated::ClientJob& job : cohort.jobs) {
    const auto held = static_cast<double>(job.examples.size());
    // Over the chance of being there at all, it does not count how often a client was drawn.
    examples.push_back(own.weights == "examples" ? held * job.weight : held);
  }
  const auto weights = federated::aggregation_weights(
      weights_kind(own.weights),
      {.examples = examples, .inclusion = cohort.inclusion, .all_examples = cohort.all_examples});
  double sum = 0;
  for (std::size_t i = 0; i < cohort.jobs.size(); ++i) {
    const double drawn = own.weights == "uniform" ? cohort.jobs[i].weight : 1;
    cohort.jobs[i].weight = weights[i] * drawn;
    sum += cohort.jobs[i].weight;
  }
  if (own.weights == "uniform") {
    for (federated::ClientJob& job : cohort.jobs) job.weight /= sum;
  }
}

}  // namespace discreet::app
