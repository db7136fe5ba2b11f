#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/report/html.h"
#include "discreet/report/internal/sections.h"

namespace discreet::report::internal {
namespace {

std::vector<std::string> mean_row(const std::string& group, const Json& result) {
  return {result["weights"].get<std::string>(), group,
          result["value"].is_number() ? show(result["value"]) + show_interval(result["ci"])
                                      : "n/a: " + result.value("value_reason", ""),
          result.contains("quantiles") ? show(result["quantiles"]["0.95"]) : "–", show(result["n"]),
          show(result["left_out"])};
}

std::string group_of(const Json& group) {
  std::vector<std::string> parts;
  for (const auto& [column, value] : group.items()) parts.push_back(spaced(column) + " " + value.get<std::string>());
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

std::string sensitivity(const Json& entry) {
  std::string html;
  for (const Json& audit : entry.value("sensitivity", Json::array())) {
    std::vector<std::vector<std::string>> rows;
    for (const Json& result : audit["results"]) rows.push_back(mean_row("all", result));
    for (const Json& group : audit.value("by_group", Json::array())) {
      rows.push_back(mean_row(group_of(group["group"]), group));
    }
    const Json& asked = audit["configuration"];
    html += table(fmt::format("Accumulated prediction sensitivity, {} by {}: mean with bootstrap interval",
                              asked.value("outputs", ""), asked.value("features", "")),
                  {"weights", "group", "mean", "95 % quantile", "n", "left out"}, rows);
    rows.clear();
    for (const Json& word : audit["tokens"]) {
      rows.push_back({show(word["rank"]), word.value("text", "(hidden)"), show(word["n"]), show(word["mean"]),
                      fmt::format("{} %", show(100 * word["share"].get<double>()))});
    }
    if (!rows.empty()) {
      html += table("Words that bear most of it", {"rank", "word", "n", "mean attribution", "share"}, rows);
    }
  }
  return html.empty() ? "" : "<h3>Prediction sensitivity</h3>" + html;
}

}  // namespace discreet::report::internal
