#include <fmt/format.h>

#include "discreet/report/html.h"
#include "discreet/report/internal/sections.h"

namespace discreet::report::internal {
namespace {

std::string measured(const Json& result, const char* key) {
  if (!result[key].is_number() && !result[key].is_string()) {
    return "n/a: " + result.value(std::string(key) + "_reason", "not measured");
  }
  return show(result[key]) + show_interval(result["ci"].value(key, Json()));
}

std::string wanted(const Json& result) {
  const std::string better = result["better"].get<std::string>();
  return better == "neutral" ? "near " + show(result.value("neutral", Json(0))) : better;
}

}  // namespace

std::string mitigations(const Json& entry) {
  if (!entry.contains("mitigations")) return "";
  std::string html;
  for (const Json& document : entry["mitigations"]) {
    std::vector<std::vector<std::string>> rows;
    for (const Json& result : document["results"]) {
      std::string of = result.contains("n") ? show(result["n"]) : "–";
      if (result.contains("unit")) of += " " + result["unit"].get<std::string>() + "s";
      rows.push_back({result["aspect"].get<std::string>(), spaced(result["metric"].get<std::string>()),
                      measured(result, "before"), measured(result, "after"), measured(result, "difference"),
                      wanted(result), of, result["verdict"].get<std::string>()});
    }
    html += table("Before and after " + document["mitigation"].get<std::string>() + "; intervals in brackets",
                  {"aspect", "measure", "before", "after", "after minus before", "better", "over", "verdict"}, rows);
  }
  return html.empty() ? "" : "<h3>Mitigation</h3>" + html;
}

}  // namespace discreet::report::internal
