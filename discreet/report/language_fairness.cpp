#include <fmt/format.h>

#include "discreet/report/html.h"
#include "discreet/report/internal/sections.h"

namespace discreet::report::internal {
namespace {

using LanguageRows = std::vector<std::vector<std::string>>;

/// A figure with its interval, or why there is none.
std::string figure(const Json& result, const std::string& key, const Json& interval) {
  const Json value = result.value(key, Json());
  if (!value.is_number()) return "n/a: " + result.value(key + "_reason", "");
  return show(value) + (interval.is_array() ? show_interval(interval) : "");
}

Json member_of(const Json& object, const char* key) { return object.is_object() ? object.value(key, Json()) : Json(); }

std::string likelihood_table(const Json& audit) {
  const std::string benchmark = audit["configuration"].value("benchmark", "");
  std::vector<std::string> keys = {"score", "stereo", "antistereo"};
  if (benchmark == "stereoset") keys = {"ss", "lms", "icat"};
  if (benchmark == "ilps") keys = {"lpbs", "mean_absolute_lpbs"};
  if (benchmark == "bbq") keys = {"accuracy", "bias_score"};
  std::vector<std::string> header = {"split", "bias type"};
  for (const std::string& key : keys) header.push_back(spaced(key));
  header.push_back("n");
  LanguageRows rows;
  for (const Json& result : audit["results"]) {
    if (result.value("split", "") == "template") continue;
    std::vector<std::string> row = {result.value("split", ""), result.value("bias_type", "")};
    for (const std::string& key : keys) row.push_back(figure(result, key, member_of(result.value("ci", Json()), key.c_str())));
    row.push_back(show(result["examples"]));
    rows.push_back(std::move(row));
  }
  return table("Likelihood: " + benchmark, header, rows);
}

std::string association_table(const Json& audit) {
  LanguageRows rows;
  for (const Json& result : audit["results"]) {
    const bool contextual = result.contains("random_effects");
    rows.push_back({result.value("test", ""), figure(result, "effect_size", member_of(result.value("ci", Json()), "effect_size")),
                    contextual ? "not a test" : result.value("p_value", Json()).is_number() ? show(result["p_value"]) : "n/a",
                    show(result["n"])});
  }
  return table("Association of words", {"test", "effect size", "p", "words"}, rows);
}

std::string generation_table(const Json& audit) {
  LanguageRows rows;
  for (const Json& result : audit["results"]) {
    const std::string group = result.value("group", "");
    if (group != "overall" && group != "largest difference") continue;  // groups stand in the document
    std::string name = spaced(result.value("metric", ""));
    if (result.contains("class")) name += ": " + result["class"].get<std::string>();
    rows.push_back({name, result.value("domain", "all"), group, figure(result, "value", result.value("ci", Json())),
                    result.value("direction", ""), show(result["n"])});
  }
  return table("What the model writes", {"metric", "domain", "over", "value", "direction", "n"}, rows);
}

}  // namespace

std::string language_fairness(const Json& entry) {
  std::string html;
  for (const Json& audit : entry.value("language", Json::array())) {
    const std::string schema = audit.value("schema", "");
    if (schema.starts_with("discreet.fairness.likelihood/")) html += likelihood_table(audit);
    if (schema.starts_with("discreet.fairness.association/")) html += association_table(audit);
    if (schema.starts_with("discreet.fairness.generation/")) html += generation_table(audit);
  }
  return html.empty() ? "" : "<h3>Fairness of the language model</h3>" + html;
}

}  // namespace discreet::report::internal
