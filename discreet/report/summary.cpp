#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/report/html.h"
#include "discreet/report/internal/read_run.h"

namespace discreet::report::internal {
namespace {

std::string word(const Json& value, const std::string& otherwise) {
  return value.is_string() && !value.get_ref<const std::string&>().empty()
             ? value.get<std::string>()
             : otherwise;
}

std::string trained(const Json& entry) {
  const Json& training = entry["training"];
  std::string text = fmt::format("A {} model for {}", word(entry["model"], "(unnamed)"),
                                 word(entry["task"], "(an unnamed task)"));
  const bool federated = entry.contains("federation");
  if (federated) text += fmt::format(", a simulated federation of {} clients", show(entry["federation"]["final"]["clients"]));
  if (training.contains("steps")) text += fmt::format(", {} {}", show(training["steps"]), federated ? "rounds" : "steps");
  if (training.contains("seconds")) text += fmt::format(" in {} s", show(training["seconds"]));
  if (!training.contains("metrics") || !training["metrics"].is_object()) {
    return text + "; training has not ended.";
  }
  std::vector<std::string> metrics;
  for (const std::string& name : headline_metrics(training["metrics"])) {
    metrics.push_back(fmt::format("{} {}", spaced(name), show(training["metrics"][name])));
  }
  if (metrics.empty()) return text + ".";
  return fmt::format("{}: {} on {} {} examples.", text, fmt::join(metrics, ", "),
                     training.contains("n") ? show(training["n"]) : "the",
                     training.contains("split") ? word(training["split"], "") : "evaluation");
}

std::string guaranteed(const Json& entry) {
  if (!entry["privacy"].is_object()) {
    return fmt::format("Nothing is guaranteed about any person's text: {}.",
                       word(entry["privacy_reason"], "no statement"));
  }
  return word(entry["privacy"]["statement"], "There is no statement.");
}

std::string leaked(const Json& entry) {
  if (entry["membership"].empty()) return "No membership attack was run on it.";
  std::vector<std::string> attacks;
  // The verdict is the strongest attack's: what a weaker one does not find is no comfort.
  const Json* strongest = internal::strongest_attack(entry["membership"]);
  const std::string verdict = strongest != nullptr && strongest->contains("verdict") ? " " + (*strongest)["verdict"].get<std::string>() : "";
  for (const Json& audit : entry["membership"]) {
    for (const Json& result : audit["results"]) {
      const bool sees = result.value("sees_model", true);
      attacks.push_back(fmt::format("{} {}: AUC {}{}",
                                    sees ? "attack" : "baseline without the model",
                                    result["attack"].get<std::string>(), show(result["auc"]),
                                    show_interval(result["ci"]["auc"])));
    }
  }
  return fmt::format("Membership (AUC 0.5 is chance): {}.{}", fmt::join(attacks, "; "), verdict);
}

std::string fair(const Json& entry) {
  if (entry["groups"].empty()) return "No groups were compared.";
  const internal::Gap gap = internal::widest_gap(entry["groups"]);
  const Json* shown = gap.result;
  if (shown == nullptr) return fmt::format("{} groups were compared.", entry["groups"].front()["by_group"].size());
  const std::string name = spaced((*shown)["metric"].get<std::string>());
  if (!(*shown)["value"].is_number()) {
    return fmt::format("{} between groups by {}: n/a, {}.", name, gap.columns, shown->value("value_reason", ""));
  }
  std::string text = fmt::format("{} {}{} over {} groups by {}", name, show((*shown)["value"]),
                                 show_interval((*shown)["ci"]), show((*shown)["n_groups"]), gap.columns);
  if (entry["groups"].size() > 1) text += fmt::format(", the largest of {} comparisons", entry["groups"].size());
  if (shown->contains("small")) {
    text += fmt::format("; {} of them are small, so this supports no verdict",
                        (*shown)["small"].size());
  }
  if (shown->contains("excluded")) {
    text += fmt::format("; {} have no value and are left out", (*shown)["excluded"].size());
  }
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text + ".";
}

}  // namespace

Json summary_of(const Json& entry) {
  return {{"trained", trained(entry)},
          {"private", guaranteed(entry)},
          {"leaks", leaked(entry)},
          {"fair", fair(entry)}};
}

}  // namespace discreet::report::internal
