#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "discreet/app/ops/internal/federation.h"
#include "discreet/core/error.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/distributed/share.h"
#include "discreet/nn/model.h"
#include "discreet/privacy/ledger.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

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
std::vector<float> floats_of(const at::Tensor& tensor) {
  const auto* values = tensor.const_data_ptr<float>();
  return {values, values + tensor.numel()};
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

std::int64_t number_in(const std::string& name) { return std::stoll(name.substr(name.find('.') + 1)); }

/// What clients keep lies on the process that serves them; whoever saves needs all of it. Collective.
void gather_memories(Federation& federation) {
  if (federation.parallel->alone()) return;
  nn::ProcessGroup& group = *federation.parallel->group;
  for (auto* memory : {&federation.memories.compression, &federation.memories.control, &federation.memories.personal}) {
    std::vector<std::int64_t> clients, sizes;
    std::vector<float> values;
    for (const auto& [client, own] : *memory) {
      if (own.empty() || client % group.size() != group.rank()) continue;
      clients.push_back(client);
      sizes.push_back(static_cast<std::int64_t>(own.size()));
      values.insert(values.end(), own.begin(), own.end());
    }
    clients = nn::join(group, clients);
    sizes = nn::join(group, sizes);
    values = nn::join(group, values);
    std::size_t place = 0;
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(place);
      (*memory)[clients[i]].assign(begin, begin + sizes[i]);
      place += static_cast<std::size_t>(sizes[i]);
    }
  }
}

bool follows_from_arrivals(const Federation& federation) {
  return !federation.federated.own.storage.starts_with("replay");
}

Json stores_to_json(const Federation& federation) {
  Json list = Json::array();
  for (const federated::DeviceStore& store : federation.stores) list.push_back(store.held());
  return list;
}

nn::NamedTensors ftrl_state(const Federation& federation) {
  if (!federation.ftrl || federation.ftrl->noise->secure()) return {};
  const privacy::CorrelatedNoise::State state = federation.ftrl->noise->state();
  return {{"noise_position", at::full({1}, state.position, at::kLong)},
          {"noise_stds", bits_of(state.stds)},
          {"noise_past", floats_tensor(state.past)}};
}

}  // namespace

void allow_for_lost_rounds(Federation& federation) {
  if (!federation.plan || federation.settings.privacy.insecure_seed) return;
  Json found;
  if (federation.parallel->group->leads()) {
    const privacy::LedgerSum spent = privacy::read_ledger(federation.run->path() / "ledger.jsonl");
    found = {{"lost", privacy::lost_steps(spent, federation.round)}};
  }
  if (!federation.parallel->alone()) found = nn::share_json(*federation.parallel->group, found);
  federation.lost_rounds = found["lost"].get<std::int64_t>();
  if (federation.round + federation.lost_rounds < federation.federated.own.rounds) return;
  if (federation.round == federation.federated.own.rounds) return;
  throw privacy_refused(fmt::format("{}: the ledger holds all {} noisy rounds, the last checkpoint is of round {}: the "
                                    "budget is spent",
                                    federation.run->path().string(), federation.federated.own.rounds, federation.round),
                        "Simulate anew with a larger privacy.epsilon, or with more frequent checkpoints.");
}

namespace {

/// DP-FTRL after a resume: who took part before is known from the order, the noise begins anew.
void go_on_with_ftrl(Federation& federation, const nn::NamedTensors& tensors) {
  if (!federation.ftrl) return;
  FtrlRounds& ftrl = *federation.ftrl;
  for (std::int64_t place = 0; place < federation.round + federation.lost_rounds; ++place) {
    ftrl.guard->take(static_cast<std::uint64_t>(place), ftrl.order->sample(static_cast<std::uint64_t>(place)));
  }
  if (ftrl.noise->secure()) {
    ftrl.first = federation.round;
    return;
  }
  privacy::CorrelatedNoise::State state;
  bool found = false;
  for (const auto& [name, tensor] : tensors) {
    if (name == "noise_position") {
      state.position = tensor.item<std::int64_t>();
      found = true;
    }
    if (name == "noise_stds") state.stds = doubles_of_bits(tensor);
    if (name == "noise_past") state.past = floats_of(tensor);
  }
  if (found) ftrl.noise->restore(state);
}

}  // namespace

void save_federation(Federation& federation) {
  gather_memories(federation);
  if (!federation.parallel->group->leads()) return;
  Json flights = Json::array();
  for (const Flight& flight : federation.flights) {
    flights.push_back({flight.client, flight.version, flight.arrival, flight.lost});
  }
  Json state = {{"round", federation.round},
                {"period", federation.period},
                {"selected", federation.selected},
                {"reported", federation.reported},
                {"last_loss", numbers_or_null(federation.last_loss)},
                {"last_root_mean_square", numbers_or_null(federation.last_root_mean_square)},
                {"strategy_rounds", federation.strategy->state().rounds},
                {"seconds", federation.seconds},
                {"abandoned", federation.abandoned},
                {"departures", federation.departures},
                {"flights", flights},
                {"clip_norm", federation.clip ? Json(federation.clip->clip_norm()) : Json()},
                {"period_metrics", federation.period_metrics},
                {"rounds", federation.rounds}};
  if (!follows_from_arrivals(federation)) state["stores"] = stores_to_json(federation);
  federation.run->write_checkpoint(federation.round, state, [&](const fs::path& folder) {
    nn::NamedTensors tensors = {{"weights", bits_of(federation.weights)}};
    for (const auto& [name, values] : federation.strategy->state().vectors) {
      tensors.emplace_back("strategy." + name, bits_of(values));
    }
    if (remembers_gradients(federation)) {
      tensors.emplace_back("seen_sketches", floats_tensor(federation.seen_sketches));
      tensors.emplace_back("seen_norms", bits_of(federation.seen_norms));
    }
    if (!federation.memories.server_control.empty()) {
      tensors.emplace_back("server_control", bits_of(federation.memories.server_control));
    }
    const auto put = [&](const char* name, const std::map<std::int64_t, std::vector<float>>& memory) {
      for (const auto& [client, values] : memory) {
        if (!values.empty()) tensors.emplace_back(fmt::format("{}.{}", name, client), floats_tensor(values));
      }
    };
    put("compression", federation.memories.compression);
    put("control", federation.memories.control);
    put("personal", federation.memories.personal);
    for (const auto& [version, values] : federation.versions) {
      tensors.emplace_back(fmt::format("version.{}", version), floats_tensor(*values));
    }
    for (const auto& tensor : ftrl_state(federation)) tensors.push_back(tensor);
    nn::write_tensors(folder / "federation.safetensors", tensors);
  });
  federation.run->remove_old_checkpoints(2, {});
}

void load_federation(Federation& federation, const core::Checkpoint& checkpoint) {
  const Json& state = checkpoint.state;
  federation.round = state.at("round").get<std::int64_t>();
  federation.selected = state.at("selected").get<std::vector<std::int64_t>>();
  federation.reported = state.at("reported").get<std::vector<std::int64_t>>();
  federation.last_loss = numbers_from(state.at("last_loss"));
  federation.last_root_mean_square = numbers_from(state.at("last_root_mean_square"));
  federation.seconds = state.at("seconds").get<double>();
  federation.abandoned = state.at("abandoned").get<std::int64_t>();
  federation.departures = state.at("departures").get<std::int64_t>();
  federation.period_metrics = state.at("period_metrics");
  federation.rounds = state.at("rounds");
  for (const Json& flight : state.at("flights")) {
    federation.flights.push_back({.client = flight[0].get<std::int64_t>(),
                                  .version = flight[1].get<std::int64_t>(),
                                  .arrival = flight[2].get<double>(),
                                  .lost = flight[3].get<bool>()});
  }
  if (federation.clip && !state.at("clip_norm").is_null()) {
    const PrivacyOptions& asked = federation.settings.privacy;
    federation.clip.emplace(state.at("clip_norm").get<double>(), asked.quantile, asked.quantile_rate);
  }
  federated::ServerStrategy::State strategy;
  strategy.rounds = state.at("strategy_rounds").get<std::int64_t>();
  const nn::NamedTensors tensors = nn::read_tensors(checkpoint.folder / "federation.safetensors");
  for (const auto& [name, tensor] : tensors) {
    if (name == "weights") {
      federation.weights = doubles_of_bits(tensor);
    } else if (name == "server_control") {
      federation.memories.server_control = doubles_of_bits(tensor);
    } else if (name == "seen_sketches") {
      federation.seen_sketches = floats_of(tensor);
    } else if (name == "seen_norms") {
      federation.seen_norms = doubles_of_bits(tensor);
    } else if (name.starts_with("strategy.")) {
      strategy.vectors[name.substr(9)] = doubles_of_bits(tensor);
    } else if (name.starts_with("control.")) {
      federation.memories.control[number_in(name)] = floats_of(tensor);
    } else if (name.starts_with("compression.")) {
      federation.memories.compression[number_in(name)] = floats_of(tensor);
    } else if (name.starts_with("personal.")) {
      federation.memories.personal[number_in(name)] = floats_of(tensor);
    } else if (name.starts_with("version.")) {
      federation.versions[number_in(name)] = std::make_shared<const std::vector<float>>(floats_of(tensor));
    }
  }
  if (static_cast<std::int64_t>(federation.weights.size()) != federation.runner->values() ||
      federation.selected.size() != federation.clients.size()) {
    throw bad_data(checkpoint.folder.string() + ": the checkpoint is of another model or partition",
                   "Resume with the data and the configuration that the run began with.");
  }
  if (follows_from_arrivals(federation)) {
    // Before the strategy's state: what happened between periods happened then.
    bring_data(federation, std::max<std::int64_t>(1, federation.round));
  } else {
    federation.period = state.at("period").get<std::int64_t>();
    for (std::size_t k = 0; k < federation.stores.size(); ++k) {
      federation.stores[k].restore(
          state.at("stores").at(k).get<std::vector<std::pair<std::int64_t, std::int64_t>>>());
    }
    weigh_stores(federation);
  }
  federation.strategy->restore(std::move(strategy));
  allow_for_lost_rounds(federation);
  go_on_with_ftrl(federation, tensors);
}

}  // namespace discreet::app
