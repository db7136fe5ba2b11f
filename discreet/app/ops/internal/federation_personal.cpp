#include <algorithm>
#include <numeric>

#include "discreet/app/ops/internal/federation.h"
#include "discreet/app/ops/internal/session.h"
#include "discreet/nn/model.h"

namespace discreet::app {
namespace {

/// Mean, tenth percentile and mean of the worst tenth of the clients (nearest ranks; one client at
/// least).
Json spread_of(std::vector<double> values, bool higher_is_better) {
  if (values.empty()) return nullptr;
  std::ranges::sort(values);
  if (!higher_is_better) std::ranges::reverse(values);
  const std::size_t tenth = std::max<std::size_t>(1, values.size() / 10);
  const auto sum = [&](std::size_t n) {
    return std::accumulate(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(n), 0.0) /
           static_cast<double>(n);
  };
  return {{"mean", sum(values.size())}, {"percentile_10", values[tenth - 1]}, {"worst_decile", sum(tenth)}};
}

}  // namespace

bool has_personal_models(const Federation& federation) {
  const std::string& strategy = federation.federated.own.strategy;
  return strategy == "ditto" || strategy == "partial";
}

Json personal_of(Federation& federation) {
  const std::string name = main_metric_of_task(federation.settings.task);
  const bool higher = higher_is_better(name);
  federated::ClientTrainer& trainer = federation.runner->first();
  const std::vector<float> server(federation.weights.begin(), federation.weights.end());
  const auto measure = [&](const EncodedData& data) -> std::optional<double> {
    const Json metrics = metrics_of(federation.settings.task, federation.data.encoder, data,
                                    score(trainer.model(), data));
    if (!metrics.contains(name) || metrics[name].is_null()) return std::nullopt;
    return metrics[name].get<double>();
  };
  std::vector<double> own, shared, gained;
  std::int64_t tests = 0;
  for (std::size_t k = 0; k < federation.clients.size(); ++k) {
    if (federation.clients[k].tests.empty()) continue;
    const EncodedData data = select(federation.data.train, federation.clients[k].tests);
    trainer.write(server);
    if (trainer.personal_values() > 0) trainer.write_personal(federation.runner->personal_start());
    const auto before = measure(data);
    if (!before) continue;
    tests += data.size();
    shared.push_back(*before);
    const auto found = federation.memories.personal.find(static_cast<std::int64_t>(k));
    if (found == federation.memories.personal.end() || found->second.empty()) continue;
    if (trainer.personal_values() > 0) {
      trainer.write_personal(found->second);
    } else {
      trainer.write(found->second);
    }
    const auto after = measure(data);
    if (!after) continue;
    own.push_back(*after);
    gained.push_back(*after - *before);
  }
  trainer.write(server);
  if (trainer.personal_values() > 0) trainer.write_personal(federation.runner->personal_start());
  const double gain = std::accumulate(gained.begin(), gained.end(), 0.0);
  Json document = {{"metric_name", name},
                   {"test_examples", tests},
                   {"clients", shared.size()},
                   {"server_model", spread_of(shared, higher)}};
  if (own.empty()) return document;
  document["personal_models"] = spread_of(own, higher);
  document["clients_with_personal_models"] = own.size();
  // Of the same clients: what their own model adds to the server's.
  document["mean_gain"] = gain / static_cast<double>(gained.size());
  return document;
}

}  // namespace discreet::app
