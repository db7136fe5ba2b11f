#include <fmt/format.h>

#include "discreet/report/chart.h"
#include "discreet/report/html.h"
#include "discreet/report/internal/sections.h"

namespace discreet::report::internal {
namespace {

std::string mega(const Json& bytes) { return show(bytes.get<double>() / 1e6) + " MB"; }

/// A number of the document, or why there is none.
std::string or_reason(const Json& from, const std::string& key) {
  const Json value = from.value(key, Json());
  return value.is_null() ? "n/a: " + from.value(key + "_reason", "") : show(value);
}

std::string round_chart(const Json& points, const std::string& name) {
  Series series{.name = name, .points = {}, .band = {}, .markers = {}};
  for (const Json& point : points) series.points.push_back({point[0].get<double>(), point[1].get<double>()});
  if (series.points.size() < 2) return "";
  return line_chart({series}, {.title = spaced(name) + " by round",
                               .description = fmt::format("The {} of the server's model on the test data after each evaluated round.", spaced(name)),
                               .x_label = "round",
                               .y_label = spaced(name)});
}

std::string federation_table(const Json& federation) {
  const Json& final = federation["final"];
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& name, const std::string& value) { rows.push_back({name, value}); };
  add("strategy of the server", federation["configuration"].value("strategy", ""));
  add("selection of clients", federation["configuration"].value("selection", ""));
  add("weights of updates", federation["configuration"].value("weights", ""));
  add("rounds", show(final["rounds"]));
  add("clients, never selected", show(final["clients"]) + ", " + show(final["never_selected"]));
  add("participation Gini", show(final["participation_gini"]));
  add("examples trained on", show(final["examples"]));
  add("updates dropped", show(final["dropped"]));
  add("numbers sent by a client", show(final["values"]));
  add("sent up, down", mega(final["bytes_up"]) + ", " + mega(final["bytes_down"]));
  if (final.contains("clock")) {
    add("virtual seconds", show(final["clock"]["virtual_seconds"]));
    add("rounds abandoned", show(final["clock"]["abandoned_rounds"]));
  }
  if (final.contains("continual")) {
    add("forgetting", or_reason(final["continual"], "forgetting"));
    add("backward transfer", or_reason(final["continual"], "backward_transfer"));
    add("bytes stored on a device, at most", show(final["stored_bytes"]["most"]));
  }
  if (final.contains("level")) add("rounds to the level of " + show(final["level"]), or_reason(final, "rounds_to_level"));
  return table("The federation", {"what", "value"}, rows);
}

/// The models that clients keep to themselves, against the server's, on examples that they kept from training.
std::string personal_table(const Json& tests) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : tests.items()) {
    if (value.is_number()) {
      rows.push_back({spaced(name), show(value)});
    } else if (value.is_object()) {
      for (const auto& [part, number] : value.items()) {
        if (number.is_number()) rows.push_back({spaced(name) + ", " + spaced(part), show(number)});
      }
    }
  }
  return rows.empty() ? "" : table("On the clients' own test examples", {"what", "value"}, rows);
}

std::string device_tables(const Json& audits) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& audit : audits) {
    const Json& metrics = audit["metrics"];
    std::vector<std::string> row = {audit["file"].get<std::string>(), show(audit["n"]),
                                    metrics.contains("accuracy") ? show(metrics["accuracy"]) : "–"};
    for (const char* key : {"mean", "worst_decile", "gini"}) row.push_back(show(audit["clients"].value(key, Json())));
    row.push_back(metrics.contains("groups") ? show(metrics["groups"].value("accuracy_difference", Json())) : "–");
    row.push_back(audit["epsilon"].is_number() ? "epsilon " + show_upper(audit["epsilon"]) : "exact sums");
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return "";
  return table("Measured on devices, by sums alone",
               {"document", "devices", "accuracy", "mean over devices", "worst decile", "Gini", "gap of groups", "privacy of the sums"}, rows);
}

}  // namespace

std::string federation(const Json& entry) {
  std::string html;
  if (entry.contains("federation")) {
    const Json& federation = entry["federation"];
    const std::string drawn = round_chart(federation["loss"], "loss") + round_chart(federation["metric"], federation["final"]["metric_name"]);
    if (!drawn.empty()) html += "<div class=\"charts\">" + drawn + "</div>\n";
    html += federation_table(federation);
    if (federation["final"].contains("local_tests")) html += personal_table(federation["final"]["local_tests"]);
  }
  html += device_tables(entry.value("devices", Json::array()));
  return html.empty() ? "" : "<h3>Federation</h3>" + html;
}

}  // namespace discreet::report::internal
