#include "discreet/app/ops/internal/federation.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/federated/partition_files.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/model.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/calibrate.h"
#include "discreet/privacy/ledger.h"
#include "discreet/privacy/noise.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

using federated::Partition;

std::string factor_of(const text::Example& example, const std::string& by) {
  if (by == "user") return example.user;
  const auto group = example.groups.find(by);
  return group == example.groups.end() ? "" : group->second;
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
  }
  if (!train.intents.empty()) {
    input.label_names = federation.data.encoder.intents.names();
    for (const std::int64_t intent : train.intents) {
      input.label.push_back(static_cast<std::int32_t>(std::max<std::int64_t>(0, intent)));
    }
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
  std::vector<char> seen(static_cast<std::size_t>(examples), 0);
  for (const federated::ClientPart& client : partition.clients) {
    for (const std::int64_t item : client.train) {
      if (item < 0 || item >= examples) {
        throw bad_data(fmt::format("{}: client '{}' has example {}, the training data have {}", path,
                                   client.name, item, examples),
                       "Divide the same file as data.train names.");
      }
      if (seen[static_cast<std::size_t>(item)]++) {
        throw bad_data(fmt::format("{}: doubled indices: {}", path, item));
      }
    }
  }
  return partition;
}

/// Doubles as int64 tensors of the same bits: safetensors files of checkpoints hold float32 and int64.
at::Tensor bits_of(const std::vector<double>& values) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
  if (!values.empty()) std::memcpy(tensor.data_ptr(), values.data(), values.size() * sizeof(double));
  return tensor;
}
std::vector<double> doubles_of_bits(const at::Tensor& tensor) {
  std::vector<double> values(static_cast<std::size_t>(tensor.numel()));
  if (!values.empty()) std::memcpy(values.data(), tensor.data_ptr(), values.size() * sizeof(double));
  return values;
}

at::Tensor floats_tensor(const std::vector<float>& values) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kFloat);
  if (!values.empty()) std::memcpy(tensor.data_ptr(), values.data(), values.size() * sizeof(float));
  return tensor;
}

Json numbers_or_null(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(std::isnan(value) ? Json() : Json(value));
  return list;
}
std::vector<double> numbers_from(const Json& list) {
  std::vector<double> values;
  for (const Json& value : list) {
    values.push_back(value.is_null() ? std::nan("") : value.get<double>());
  }
  return values;
}

/// The public bound on every client's rate.
double private_rate(const Federation& federation) {
  const FederatedOptions& own = federation.federated.own;
  if (own.selection == "uniform") return own.sampling_rate;
  return federated::selection_privacy(own.selection, {}, federation.federated.selection).sampling_rate;
}

privacy::Event round_event(double rate, double noise_multiplier) {
  return privacy::Event::poisson_sampled(
      privacy::SamplingRate(rate),
      privacy::Event::gaussian(privacy::NoiseMultiplier(noise_multiplier)));
}

bool is_insecure(const Federation& federation) {
  return federation.settings.privacy.insecure_seed.has_value();
}

}  // namespace

void divide_clients(Federation& federation) {
  const FederatedOptions& asked = federation.federated.own;
  const bool file = asked.partition.ends_with(".json") || asked.partition.ends_with(".h5") ||
                    asked.partition.ends_with(".hdf5");
  const Partition partition = file ? read_clients(asked.partition, federation.data.train.size())
                                   : drawn_partition(federation);
  if (file) federation.data.inputs.push_back(core::describe_input("partition", asked.partition));
  for (const federated::ClientPart& client : partition.clients) {
    federation.clients.push_back({client.name, client.train});
  }
  federation.caveats = partition.notes;
  const auto seed = static_cast<std::uint64_t>(federation.settings.run.seed);
  const auto policy = federated::parse_storage(asked.storage);
  for (std::size_t k = 0; k < federation.clients.size(); ++k) {
    federation.stores.emplace_back(policy, seed, static_cast<std::int64_t>(k));
  }
  federation.selected.assign(federation.clients.size(), 0);
  federation.last_loss.assign(federation.clients.size(), std::nan(""));
  federation.last_root_mean_square = federation.last_loss;
}

void plan_privacy(Federation& federation) {
  const PrivacyOptions& asked = federation.settings.privacy;
  if (!asked.is_private()) return;
  const double rate = private_rate(federation);
  const std::int64_t rounds = federation.federated.own.rounds;
  const auto accountant = privacy::make_accountant(asked.accountant);
  if (asked.noise_multiplier) {
    federation.noise_multiplier = *asked.noise_multiplier;
  } else {
    const privacy::Target target{*asked.epsilon, *asked.delta, accountant.get()};
    federation.noise_multiplier =
        privacy::calibrate_noise_multiplier(target, [&](double z) {
          return privacy::Event::self_composed(round_event(rate, z), rounds);
        }).value;
  }
  privacy::PrivacyRun run;
  run.mechanism = "dp-sgd";
  run.details = "each client's whole update of a round is clipped and noised (DP-FedAvg)";
  run.unit = privacy::Unit::kUser;
  run.units = federation.clients.size();
  run.expected_batch_size = static_cast<double>(federation.federated.selection.cohort);
  run.clip_norm = asked.clip_norm;
  run.delta = *asked.delta;
  run.accountant = asked.accountant;
  run.phases = {{.noise_multiplier = federation.noise_multiplier, .sampling_rate = rate, .steps = rounds}};
  run.target_epsilon = asked.epsilon;
  run.parameters = static_cast<std::uint64_t>(federation.runner->values());
  run.insecure_seed = is_insecure(federation);
  run.floating_point_protection = asked.noise_protection == "grid";
  run.vocabulary_from_private_text = !federation.data.encoder.vocabulary.caveat().empty();
  run.labels_from_private_text = !federation.data.encoder.intents.caveat().empty() ||
                                 !federation.data.encoder.tags.caveat().empty();
  run.has_user_column = federation.data.has_user_column;
  run.user_contributions_capped = true;
  if (federation.federated.own.partition != "natural" || federation.federated.own.by != "user") {
    run.gaps = "The unit is a simulated client: the examples of one person may be with several of them.";
  }
  federation.plan = run;
}

namespace {

/// Rates of a private round: of each client by itself, whoever else is there.
std::vector<double> rates_of(const Federation& federation, std::span<const double> activity) {
  const FederatedOptions& own = federation.federated.own;
  if (own.selection == "uniform") return std::vector<double>(activity.size(), own.sampling_rate);
  return federated::public_rates(activity, federation.federated.selection);
}

std::vector<std::int64_t> draw_private(const Federation& federation, std::span<const double> activity) {
  const auto rates = rates_of(federation, activity);
  if (is_insecure(federation)) {
    core::ReproducibleRng rng(static_cast<std::uint64_t>(*federation.settings.privacy.insecure_seed),
                              fmt::format("private-selection.{}", federation.round + 1));
    return federated::draw_poisson(rates, [&rng] { return rng.uniform(); });
  }
  core::SecureRng rng;
  return federated::draw_poisson(rates, [&rng] { return rng.uniform(); });
}

federated::AggregationWeights weights_kind(const std::string& name) {
  if (name == "uniform") return federated::AggregationWeights::kUniform;
  if (name == "horvitz-thompson") return federated::AggregationWeights::kHorvitzThompson;
  return name == "hajek" ? federated::AggregationWeights::kHajek
                         : federated::AggregationWeights::kExamples;
}

}  // namespace

std::vector<federated::ClientJob> choose_clients(Federation& federation,
                                                 std::vector<std::string>& notes) {
  const FederatedOptions& own = federation.federated.own;
  std::vector<double> activity;
  for (const federated::DeviceStore& store : federation.stores) {
    activity.push_back(static_cast<double>(store.count()));
  }
  federated::Selection selection;
  const bool is_private = federation.settings.privacy.is_private();
  if (is_private) {
    for (const std::int64_t k : draw_private(federation, activity)) {
      if (activity[static_cast<std::size_t>(k)] > 0) selection.clients.push_back(k);
    }
  } else {
    const bool by_chance = own.weights == "horvitz-thompson" || own.weights == "hajek";
    selection = federated::select_clients(
        own.selection,
        {.activity = activity,
         .loss = federation.last_loss,
         .root_mean_square_loss = federation.last_root_mean_square,
         .round = federation.round + 1,
         .want_inclusion = by_chance},
        federation.federated.selection, static_cast<std::uint64_t>(federation.settings.run.seed));
    notes = selection.notes;
  }
  std::vector<federated::ClientJob> jobs;
  std::vector<double> examples, inclusion;
  for (const std::int64_t k : selection.clients) {
    const auto place = static_cast<std::size_t>(k);
    if (!jobs.empty() && jobs.back().client == k) {  // drawn again: trains once, counts twice
      examples.back() += activity[place];
      jobs.back().weight += 1;
      continue;
    }
    jobs.push_back({.client = k, .examples = federation.stores[place].items(), .weight = 1});
    examples.push_back(activity[place]);
    if (!selection.inclusion.probability.empty()) {
      inclusion.push_back(selection.inclusion.probability[place]);
    }
  }
  if (is_private || jobs.empty()) return jobs;
  const auto weights = federated::aggregation_weights(
      weights_kind(own.weights),
      {.examples = examples,
       .inclusion = inclusion,
       .all_examples = std::accumulate(activity.begin(), activity.end(), 0.0)});
  double sum = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const double drawn = own.weights == "uniform" ? jobs[i].weight : 1;
    jobs[i].weight = weights[i] * drawn;
    sum += jobs[i].weight;
  }
  if (own.weights == "uniform") {
    for (federated::ClientJob& job : jobs) job.weight /= sum;
  }
  return jobs;
}

void make_private(Federation& federation, std::vector<double>& sum) {
  const PrivacyOptions& asked = federation.settings.privacy;
  const auto step = static_cast<std::uint64_t>(federation.round);
  federation.run->append_ledger(privacy::ledger_line(
      step, round_event(private_rate(federation), federation.noise_multiplier)));
  const double deviation = federation.noise_multiplier * asked.clip_norm;
  const auto protection = asked.noise_protection == "grid" ? privacy::NoiseProtection::kGrid
                                                           : privacy::NoiseProtection::kNone;
  std::unique_ptr<privacy::NoiseSource> noise;
  if (is_insecure(federation)) {
    noise = std::make_unique<privacy::InsecureNoise>(
        static_cast<std::uint64_t>(*asked.insecure_seed), "federated", 1, protection);
  } else {
    noise = std::make_unique<privacy::SecureNoise>(1, protection);
  }
  noise->begin_step(step);
  noise->add_gaussian(std::span<double>(sum), deviation);
  const auto cohort = static_cast<double>(federation.federated.selection.cohort);
  for (double& value : sum) value /= cohort;
}

void save_federation(Federation& federation) {
  Json state = {{"round", federation.round},
                {"selected", federation.selected},
                {"last_loss", numbers_or_null(federation.last_loss)},
                {"last_root_mean_square", numbers_or_null(federation.last_root_mean_square)},
                {"strategy_rounds", federation.strategy->state().rounds},
                {"rounds", federation.rounds}};
  federation.run->write_checkpoint(federation.round, state, [&](const fs::path& folder) {
    nn::NamedTensors tensors = {{"weights", bits_of(federation.weights)}};
    for (const auto& [name, values] : federation.strategy->state().vectors) {
      tensors.emplace_back("strategy." + name, bits_of(values));
    }
    if (!federation.memories.server_control.empty()) {
      tensors.emplace_back("server_control", bits_of(federation.memories.server_control));
    }
    for (const auto& [client, values] : federation.memories.compression) {
      if (!values.empty()) tensors.emplace_back(fmt::format("compression.{}", client), floats_tensor(values));
    }
    for (const auto& [client, values] : federation.memories.control) {
      tensors.emplace_back(fmt::format("control.{}", client), floats_tensor(values));
    }
    nn::write_tensors(folder / "federation.safetensors", tensors);
  });
  federation.run->remove_old_checkpoints(2, {});
}

void load_federation(Federation& federation, const core::Checkpoint& checkpoint) {
  const Json& state = checkpoint.state;
  federation.round = state.at("round").get<std::int64_t>();
  federation.selected = state.at("selected").get<std::vector<std::int64_t>>();
  federation.last_loss = numbers_from(state.at("last_loss"));
  federation.last_root_mean_square = numbers_from(state.at("last_root_mean_square"));
  federation.rounds = state.at("rounds");
  federated::ServerStrategy::State strategy;
  strategy.rounds = state.at("strategy_rounds").get<std::int64_t>();
  const auto number = [](const std::string& name) { return std::stoll(name.substr(name.find('.') + 1)); };
  for (const auto& [name, tensor] : nn::read_tensors(checkpoint.folder / "federation.safetensors")) {
    if (name == "weights") {
      federation.weights = doubles_of_bits(tensor);
    } else if (name == "server_control") {
      federation.memories.server_control = doubles_of_bits(tensor);
    } else if (name.starts_with("strategy.")) {
      strategy.vectors[name.substr(9)] = doubles_of_bits(tensor);
    } else {
      const auto* values = tensor.const_data_ptr<float>();
      auto& memory = name.starts_with("control.") ? federation.memories.control
                                                  : federation.memories.compression;
      memory[number(name)].assign(values, values + tensor.numel());
    }
  }
  federation.strategy->restore(std::move(strategy));
  if (static_cast<std::int64_t>(federation.weights.size()) != federation.runner->values() ||
      federation.selected.size() != federation.clients.size()) {
    throw bad_data(checkpoint.folder.string() + ": the checkpoint is of another model or partition",
                   "Resume with the data and the configuration that the run began with.");
  }
}

}  // namespace discreet::app
