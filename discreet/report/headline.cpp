#include <algorithm>
#include <array>

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

}  // namespace discreet::report::internal
