#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "discreet/app/ops/internal/federation.h"
#include "discreet/app/ops/internal/session.h"
#include "discreet/core/error.h"
#include "discreet/nn/model.h"
#include "discreet/stats/divergence.h"

namespace discreet::app {
namespace {

constexpr std::int64_t kReplaySketch = 64;

std::int64_t text_bytes(const text::Example& example) {
  std::size_t bytes = example.question.size();
  for (const std::string& word : example.words) bytes += word.size() + 1;
  for (const std::string& answer : example.answers) bytes += answer.size();
  return static_cast<std::int64_t>(bytes);
}

std::string period_name(const text::Example& example, const std::string& by) {
  const auto found = example.groups.find(by);
  if (found == example.groups.end() || found->second.empty()) {
    throw usage_error(fmt::format("federated.period_by = \"{}\": line {} has no such group", by, example.line),
                      "Name the column with data.group.");
  }
  return found->second;
}

/// Numbers by their size, other names by the alphabet.
std::vector<std::string> ordered_periods(const std::vector<text::Example>& examples, const std::string& by) {
  std::set<std::string> names;
  for (const text::Example& example : examples) names.insert(period_name(example, by));
  std::vector<std::string> order(names.begin(), names.end());
  const bool numbers = std::ranges::all_of(order, [](const std::string& name) {
    return name.size() < 16 && name.find_first_not_of("0123456789") == std::string::npos;
  });
  if (numbers) {
    std::ranges::sort(order, {}, [](const std::string& name) { return std::stoll(name); });
  }
  return order;
}

std::vector<std::int64_t> places_of(const std::vector<text::Example>& examples, const std::string& by,
                                    const std::vector<std::string>& order) {
  std::vector<std::int64_t> places;
  for (const text::Example& example : examples) {
    const auto found = std::ranges::find(order, period_name(example, by));
    places.push_back(found == order.end() ? 0 : 1 + (found - order.begin()));
  }
  return places;
}

/// The rows of the test data that are of a period: by its name, or an equal part of their order.
std::vector<std::int64_t> test_part(const Federation& federation, const EncodedData& tests,
                                    std::int64_t period) {
  std::vector<std::int64_t> rows;
  if (federation.item_period.empty()) {
    const std::int64_t n = tests.size();
    for (std::int64_t i = (period - 1) * n / federation.periods; i < period * n / federation.periods; ++i) {
      rows.push_back(i);
    }
    return rows;
  }
  const auto& by = federation.federated.own.period_by;
  const auto order = ordered_periods(federation.data.train.examples, by);
  const auto places = places_of(tests.examples, by, order);
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] == period) rows.push_back(static_cast<std::int64_t>(i));
  }
  return rows;
}

const EncodedData& tested(const Federation& federation) {
  return federation.data.test.size() > 0 ? federation.data.test : federation.data.dev;
}

/// The metric that is to be reached, before any round: a missing run must not be noticed after the last one.
double level_of(const FederatedOptions& own) {
  if (own.level_of.empty()) return own.level;
  const auto file = std::filesystem::path(own.level_of) / "simulation.json";
  if (!std::filesystem::exists(file)) {
    throw usage_error(fmt::format("federated.level_of = \"{}\": there is no finished simulation", own.level_of),
                      "Name the run directory of a simulation with all data at once.");
  }
  const Json metric = core::read_document(file).at("final").at("metric");
  if (!metric.is_number()) {
    throw usage_error(fmt::format("federated.level_of = \"{}\": that simulation has no metric of one model", own.level_of));
  }
  return metric.get<double>();
}

/// What a device with more than it may keep forgets: all but those whose mean gradient is that of all.
void thin_out(Federation& federation) {
  std::vector<float> start;
  for (federated::DeviceStore& store : federation.stores) {
    if (!store.is_over_full()) continue;
    if (start.empty()) start.assign(federation.weights.begin(), federation.weights.end());
    store.end_period([&](const std::vector<std::int64_t>& items, std::size_t keep) {
      const auto sketches = federation.runner->first().gradient_sketches(start, items, kReplaySketch);
      return federated::nearest_mean(sketches, kReplaySketch, keep);
    });
  }
}

/// What happens between periods does not happen in a single one.
void check_periods(const Federation& federation) {
  const FederatedOptions& own = federation.federated.own;
  using Kind = federated::StoragePolicy::Kind;
  const Kind kind = federated::parse_storage(own.storage).kind;
  const bool between = kind == Kind::kWindow || kind == Kind::kTimeToLive || kind == Kind::kReplay;
  if (federation.periods > 1 || (!between && !own.reset_server)) return;
  throw usage_error(fmt::format("federated.{}, but the data have one period, which never ends",
                                between ? fmt::format("storage = \"{}\"", own.storage) : "reset_server = true"),
                    "Set federated.periods or period_by, or leave it out.");
}

}  // namespace

void plan_periods(Federation& federation) {
  const FederatedOptions& own = federation.federated.own;
  federation.federated.own.level = level_of(own);
  for (const text::Example& example : federation.data.train.examples) {
    federation.item_bytes.push_back(text_bytes(example));
  }
  federation.periods = own.periods;
  if (own.period_by.empty()) return check_periods(federation);
  const auto order = ordered_periods(federation.data.train.examples, own.period_by);
  federation.item_period = places_of(federation.data.train.examples, own.period_by, order);
  federation.periods = static_cast<std::int64_t>(order.size());
  if (federation.periods > own.rounds) {
    throw usage_error(fmt::format("federated.period_by = \"{}\" has {} periods, federated.rounds are {}",
                                  own.period_by, federation.periods, own.rounds),
                      "Every period needs a round.");
  }
  check_periods(federation);
}

void bring_data(Federation& federation, std::int64_t round) {
  const FederatedOptions& own = federation.federated.own;
  const std::int64_t period = 1 + (round - 1) * federation.periods / own.rounds;
  const bool moved = federation.period < period;
  while (federation.period < period) {
    if (federation.period > 0) thin_out(federation);
    ++federation.period;
    if (federation.period > 1 && own.reset_server) {
      federation.strategy->restore({{}, federation.strategy->state().rounds});
    }
    for (std::size_t k = 0; k < federation.clients.size(); ++k) {
      const auto& items = federation.clients[k].items;
      std::vector<std::int64_t> arriving;
      if (federation.item_period.empty()) {
        arriving = federated::arrivals(items, federation.periods)[static_cast<std::size_t>(federation.period - 1)];
      } else {
        for (const std::int64_t item : items) {
          if (federation.item_period[static_cast<std::size_t>(item)] == federation.period) arriving.push_back(item);
        }
      }
      federation.stores[k].arrive(federation.period, arriving);
    }
  }
  if (moved) weigh_stores(federation);
}

void weigh_stores(Federation& federation) {
  double sum = 0;
  federation.stored_most = 0;
  for (const federated::DeviceStore& store : federation.stores) {
    double bytes = 0;
    for (const std::int64_t item : store.items()) {
      bytes += static_cast<double>(federation.item_bytes[static_cast<std::size_t>(item)]);
    }
    sum += bytes;
    federation.stored_most = std::max(federation.stored_most, bytes);
  }
  federation.stored_mean = federation.stores.empty() ? 0 : sum / static_cast<double>(federation.stores.size());
}

bool ends_period(const Federation& federation) {
  if (federation.periods < 2) return false;
  const std::int64_t rounds = federation.federated.own.rounds - federation.lost_rounds;
  const std::int64_t all = federation.federated.own.rounds;
  if (federation.round == rounds) return true;
  return (federation.round - 1) * federation.periods / all != federation.round * federation.periods / all;
}

void note_period(Federation& federation) {
  const std::string name = main_metric_of_task(federation.settings.task);
  const EncodedData& tests = tested(federation);
  if (!tests.owners.empty()) return;  // windows of longer texts are not cut into parts
  Json row = Json::array();
  const std::vector<float> weights(federation.weights.begin(), federation.weights.end());
  federation.runner->first().write(weights);
  for (std::int64_t period = 1; period <= federation.periods; ++period) {
    const EncodedData part = select(tests, test_part(federation, tests, period));
    if (part.size() == 0) {
      row.push_back(nullptr);
      continue;
    }
    const Json metrics = metrics_of(federation.settings.task, federation.data.encoder, part,
                                    score(federation.runner->first().model(), part));
    row.push_back(metrics.contains(name) ? metrics[name] : Json());
  }
  federation.period_metrics.push_back({{"period", federation.period},
                                       {"round", federation.round},
                                       {"metric", row},
                                       {"stored_bytes_mean", federation.stored_mean},
                                       {"stored_bytes_most", federation.stored_most}});
}

Json continual_of(const Federation& federation) {
  const double sign = higher_is_better(main_metric_of_task(federation.settings.task)) ? 1 : -1;
  Json document = {{"periods", federation.period_metrics}};
  std::vector<double> forgotten, transferred;
  const auto rows = federation.period_metrics.size();
  Json by_period = Json::array();
  for (std::size_t j = 0; j < rows; ++j) {
    std::vector<double> values;  // since period j was trained on
    for (std::size_t t = j; t < rows; ++t) {
      const Json& value = federation.period_metrics[t]["metric"][j];
      if (!value.is_null()) values.push_back(sign * value.get<double>());
    }
    if (values.empty()) {
      by_period.push_back(nullptr);
      continue;
    }
    const double lost = federated::forgetting(values);
    by_period.push_back(lost);
    if (j + 1 < rows) {
      forgotten.push_back(lost);
      transferred.push_back(values.back() - values.front());
    }
  }
  document["forgetting_by_period"] = by_period;
  const auto put_mean = [&](const char* key, const std::vector<double>& values) {
    if (values.empty()) return core::set_absent(document, key, "there is no earlier period with test data");
    document[key] = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  };
  put_mean("forgetting", forgotten);
  put_mean("backward_transfer", transferred);
  return document;
}

void note_level(const Federation& federation, Json& final) {
  const double level = federation.federated.own.level;
  if (level == 0) return core::set_absent(final, "rounds_to_level", "no level was asked for");
  const double sign = higher_is_better(main_metric_of_task(federation.settings.task)) ? 1 : -1;
  final["level"] = level;
  for (const Json& round : federation.rounds) {
    if (round["metric"].is_null() || sign * round["metric"].get<double>() < sign * level) continue;
    final["rounds_to_level"] = round["round"];
    return;
  }
  core::set_absent(final, "rounds_to_level", "no evaluated round was at the level");
}

}  // namespace discreet::app
