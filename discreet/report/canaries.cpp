#include <fmt/format.h>

#include <cmath>

#include "discreet/report/html.h"
#include "discreet/report/internal/sections.h"

namespace discreet::report::internal {
namespace {

constexpr std::size_t kMostCanaries = 20;

std::string bits_of(const Json& value) { return value.is_number() ? fmt::format("{:.2f}", value.get<double>()) : "n/a"; }

std::string side_name(const std::string& side) { return side == "planted" ? "planted" : "not planted"; }

std::string exposure_tables(const Json& audit) {
  std::vector<std::vector<std::string>> rows;
  for (const char* side : {"planted", "not_planted"}) {
    const Json& part = audit["summary"][side];
    if (part["n"] == 0) continue;
    rows.push_back({side_name(side), show(part["n"]), bits_of(part["mean_exposure"]) + show_interval(part.value("ci", Json())),
                    part.contains("rank_1") ? fmt::format("{} of {}{}", show(part["rank_1"]["count"]), show(part["rank_1"]["n"]),
                                                          show_interval(part["rank_1"]["ci"]))
                                            : "n/a"});
  }
  std::string html = table("Canaries: exposure in bits, and how many are the likeliest of all candidates; not private",
                           {"canaries", "n", "mean exposure", "rank 1"}, rows);
  rows.clear();
  for (const Json& row : audit["results"]) {
    if (rows.size() == kMostCanaries) break;
    rows.push_back({row["canary"].get<std::string>(), row.value("pattern", row["kind"].get<std::string>()), show(row["repetitions"]),
                    row.contains("rank") && row["rank"].is_number() ? show(row["rank"]) : "n/a", bits_of(row["exposure"]),
                    row["method"].get<std::string>()});
  }
  return html + table(fmt::format("{} of {} canaries", rows.size(), audit["results"].size()),
                      {"canary", "pattern", "lines", "rank", "exposure", "by"}, rows);
}

std::string extraction_table(const Json& audit) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& result : audit["results"]) {
    if (!result["accuracy"].is_number()) continue;
    rows.push_back({result["attack"].get<std::string>(), show(result["n"]),
                    show(result["accuracy"]) + show_interval(result["ci"]["accuracy"]), show(result["hamming"]),
                    fmt::format("{} / {}", show(result["random_accuracy"]), show(result["random_hamming"]))});
  }
  if (rows.empty()) return "";
  return table("Extraction of planted codes: share found whole, share of wrong places; not private",
               {"attack", "canaries", "all right", "wrong places", "by chance"}, rows);
}

}  // namespace

std::string canaries(const Json& entry) {
  std::string html;
  for (const Json& audit : entry["canaries"]) html += exposure_tables(audit);
  for (const Json& audit : entry["extraction"]) html += extraction_table(audit);
  return html.empty() ? "" : "<h3>Canaries</h3>" + html;
}

}  // namespace discreet::report::internal
