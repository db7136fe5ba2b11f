#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/report/internal/read_run.h"

namespace discreet::report::internal {

std::vector<std::string> headline_metrics(const Json& metrics) {
  constexpr std::size_t kMost = 4;
  constexpr std::array kBestKnown = {
      "intent_accuracy", "accuracy", "slot_f1", "entity_f1", "exact_match", "f1",
      "perplexity",      "rouge_l",  "bleu",    "macro_f1"};
  std::vector<std::string> names;
  const auto take = [&](const std::string& name) {
    const bool taken = std::find(names.begin(), names.end(), name) != names.end();
    if (names.size() < kMost && !taken) names.push_back(name);
  };
  for (const char* name : kBestKnown) {
    if (metrics.contains(name)) take(name);
  }
  for (const auto& [name, value] : metrics.items()) {
    if (name != "loss" && name != "micro_f1") take(name);
  }
  return names;
}

const Json* strongest_attack(const Json& audits) {
  const Json* strongest = nullptr;
  for (const Json& audit : audits) {
    for (const Json& result : audit["results"]) {
      if (!result.value("sees_model", true) || !result.contains("auc") || !result["auc"].is_number()) continue;
      if (strongest == nullptr || result["auc"] > (*strongest)["auc"]) strongest = &result;
    }
  }
  return strongest;
}

Gap widest_gap(const Json& comparisons) {
  for (const char* wanted : {"accuracy_difference", "equalized_odds_difference"}) {
    Gap widest;
    for (const Json& comparison : comparisons) {
      for (const Json& result : comparison["results"]) {
        if (result["metric"] != wanted || result.contains("over")) continue;
        const bool larger = widest.result == nullptr || !(*widest.result)["value"].is_number() ||
                            (result["value"].is_number() && result["value"] > (*widest.result)["value"]);
        if (!larger) continue;
        std::vector<std::string> columns;
        if (comparison.contains("configuration") && comparison["configuration"].contains("group")) {
          for (const Json& column : comparison["configuration"]["group"]) {
            if (column.is_string()) columns.push_back(column);
          }
        }
        widest = {&result, columns.empty() ? "group" : fmt::format("{}", fmt::join(columns, ", "))};
      }
    }
    if (widest.result != nullptr) return widest;
  }
  return {};
}

}  // namespace discreet::report::internal
