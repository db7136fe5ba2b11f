#include "discreet/report/internal/sections.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "discreet/report/chart.h"
#include "discreet/report/html.h"
#include "discreet/report/internal/read_run.h"
#include "discreet/stats/intervals.h"

namespace discreet::report::internal {
namespace {

constexpr std::size_t kMostGroups = 24;

Series curve(const std::string& name, const Json& points) {
  Series series{.name = name};
  for (const Json& point : points) {
    if (!point[0].is_number() || !point[1].is_number()) continue;
    series.points.push_back({point[0].get<double>(), point[1].get<double>()});
  }
  return series;
}

std::string ends_of(const Series& series) {
  if (series.points.empty()) return "";
  return fmt::format("{} from {} at step {} to {} at step {}", series.name,
                     show(series.points.front().y), show(series.points.front().x),
                     show(series.points.back().y), show(series.points.back().x));
}

std::string loss_chart(const Json& curves) {
  std::vector<Series> series;
  std::vector<std::string> said;
  for (const char* split : {"train", "dev"}) {
    Series one = curve(split, curves["loss"][split]);
    if (one.points.empty()) continue;
    said.push_back(ends_of(one));
    series.push_back(std::move(one));
  }
  return line_chart(series, {.title = "Loss over steps",
                             .description = fmt::format("{}", fmt::join(said, "; ")),
                             .x_label = "step",
                             .y_label = "loss"});
}

std::string metric_chart(const Json& curves) {
  if (!curves["metric"].is_object()) return "";
  const std::string name = spaced(curves["metric"]["name"].get<std::string>());
  const Series series = curve("dev", curves["metric"]["dev"]);
  return line_chart({series}, {.title = "Development " + name,
                               .description = ends_of(series),
                               .x_label = "step",
                               .y_label = name,
                               .y_max = 1});
}

std::string epsilon_chart(const Json& curves) {
  const Series series = curve("epsilon spent", curves["epsilon"]);
  return line_chart({series}, {.title = "Epsilon over steps",
                               .description = ends_of(series),
                               .x_label = "step",
                               .y_label = "epsilon"});
}

std::string attack_name(const Json& result) {
  const std::string name = result["attack"].get<std::string>();
  return result.value("sees_model", true) ? name : name + " (no model)";
}

/// The decade of one false positive, so that the axes show no empty decades.
double roc_floor(const Json& results) {
  double most = 10;
  for (const Json& result : results) {
    most = std::max(most, result["n_nonmembers"].get<double>());
  }
  return std::pow(10, -std::clamp(std::floor(std::log10(most)), 1.0, 4.0));
}

/// The curves that one chart can show: the three attacks with the largest AUC, and a baseline; in the
/// document's order.
std::vector<const Json*> shown_curves(const Json& results) {
  std::vector<const Json*> attacks, shown;
  for (const Json& result : results) {
    if (!result.contains("roc")) continue;
    (result.value("sees_model", true) ? attacks : shown).push_back(&result);
  }
  if (shown.size() > 1) shown.resize(1);
  std::stable_sort(attacks.begin(), attacks.end(),
                   [](const Json* a, const Json* b) { return (*a)["auc"] > (*b)["auc"]; });
  if (attacks.size() > 3) attacks.resize(3);
  shown.insert(shown.end(), attacks.begin(), attacks.end());
  std::sort(shown.begin(), shown.end());  // both lie in one array
  return shown;
}

std::string roc_chart(const Json& audit) {
  const double floor = roc_floor(audit["results"]);
  std::vector<Series> all;
  std::vector<std::string> said;
  for (const Json* curve : shown_curves(audit["results"])) {
    const Json& result = *curve;
    Series series{.name = attack_name(result)};
    const auto n = result["n_members"].get<std::uint64_t>();
    const double confidence = result.value("confidence", 0.95);
    for (const Json& point : result["roc"]) {
      const double fpr = point[0].get<double>();
      const double tpr = point[1].get<double>();
      series.points.push_back({fpr, tpr});
      const auto hits = static_cast<std::uint64_t>(std::llround(tpr * static_cast<double>(n)));
      const stats::Interval ci = stats::wilson(std::min(hits, n), n, confidence);
      if (all.empty()) series.band.push_back({fpr, tpr, ci.low, ci.high});
    }
    const Json& ci = result["ci"];
    for (const auto& [key, tpr] : result["tpr_at_fpr"].items()) {
      char* end = nullptr;
      const double rate = std::strtod(key.c_str(), &end);
      if (!tpr.is_number() || !ci["tpr_at_fpr"].contains(key) || end == key.c_str() || *end != 0) continue;
      const Json& range = ci["tpr_at_fpr"][key];
      series.markers.push_back({rate, tpr.get<double>(), range[0].get<double>(), range[1].get<double>()});
    }
    said.push_back(
        fmt::format("{}: AUC {}{}", series.name, show(result["auc"]), show_interval(ci["auc"])));
    all.push_back(std::move(series));
  }
  return line_chart(all, {.title = "ROC of the membership attack, log axes",
                          .description = fmt::format("{}", fmt::join(said, "; ")),
                          .x_label = "false positive rate",
                          .y_label = "true positive rate",
                          .log_axes = true,
                          .floor = floor,
                          .chance_line = true});
}

std::string group_label(const Json& group) {
  std::vector<std::string> parts;
  for (const auto& [column, value] : group.items()) {
    parts.push_back(value.is_string() ? value.get<std::string>() : value.dump());
  }
  return fmt::format("{}", fmt::join(parts, " / "));
}

/// The rate that a group chart shows.
std::string shown_rate(const Json& audit) {
  for (const char* rate : {"accuracy", "true_positive_rate", "selection_rate"}) {
    if (audit["overall"].contains(rate)) return rate;
  }
  return "accuracy";
}

bool is_small(const Json& entry, const std::string& rate) {
  if (!entry.contains("small")) return false;
  return std::find(entry["small"].begin(), entry["small"].end(), rate) != entry["small"].end();
}

/// Escapes a cell and keeps each interval in it on one line.
std::string cell_html(const std::string& cell) {
  const std::string safe = escape(cell);
  std::string html;
  std::size_t at = 0;
  while (at < safe.size()) {
    const std::size_t open = safe.find('[', at);
    if (open == std::string::npos) break;
    const std::size_t close = safe.find_first_not_of("0123456789.,e+- ", open + 1);
    html += safe.substr(at, open - at);
    if (close != std::string::npos && safe[close] == ']') {
      html += "<span class=\"iv\">" + safe.substr(open, close + 1 - open) + "</span>";
      at = close + 1;
    } else {
      html += '[';
      at = open + 1;
    }
  }
  return html + safe.substr(at);
}

/// Groups by falling n: the largest are known best.
std::vector<const Json*> by_size(const Json& audit) {
  std::vector<const Json*> entries;
  for (const Json& entry : audit["by_group"]) entries.push_back(&entry);
  std::stable_sort(entries.begin(), entries.end(), [](const Json* a, const Json* b) {
    return (*a)["n"].get<std::int64_t>() > (*b)["n"].get<std::int64_t>();
  });
  return entries;
}

std::string group_chart(const Json& audit) {
  const std::string rate = shown_rate(audit);
  std::vector<IntervalRow> rows;
  for (const Json* entry : by_size(audit)) {
    if (rows.size() == kMostGroups) break;
    IntervalRow row{.label = group_label((*entry)["group"])};
    const Json value = entry->value(rate, Json());
    if (value.is_number()) row.value = value.get<double>();
    if ((*entry)["ci"].contains(rate)) {
      row.low = (*entry)["ci"][rate][0].get<double>();
      row.high = (*entry)["ci"][rate][1].get<double>();
    }
    row.note = "n " + show((*entry)["n"]);
    row.small = is_small(*entry, rate);
    rows.push_back(row);
  }
  IntervalChartOptions options{.title = "Groups: " + spaced(rate) + " with interval",
                               .description = fmt::format("{} of {} groups, largest first",
                                                          rows.size(), audit["by_group"].size()),
                               .reference_name = "all examples"};
  const Json overall = audit["overall"].value(rate, Json());
  if (overall.is_number()) options.reference = overall.get<double>();
  return interval_chart(rows, options);
}

/// Slices, users and most exposed ids of the attack with the largest AUC.
std::string membership_parts(const Json& audit) {
  const Json* best = nullptr;
  for (const Json& result : audit["results"]) {
    if (!result.value("sees_model", true)) continue;
    if (best == nullptr || result["auc"] > (*best)["auc"]) best = &result;
  }
  if (best == nullptr) return "";
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& name, const Json& part) {
    rows.push_back({name,
                    part["auc"].is_null() ? "n/a: " + part.value("auc_reason", "")
                                          : show(part["auc"]) + show_interval(part["ci"]["auc"]),
                    fmt::format("{} / {}", show(part["n_members"]), show(part["n_nonmembers"]))});
  };
  for (const Json& slice : best->value("slices", Json::array())) {
    for (const auto& [column, value] : slice["slice"].items()) add(column + " " + value.get<std::string>(), slice);
  }
  if (best->contains("users")) add("users", (*best)["users"]);
  std::string html;
  if (!rows.empty()) {
    html += table("By slice: " + attack_name(*best), {"slice", "AUC", "members / others"}, rows);
  }
  rows.clear();
  for (const Json& one : best->value("most_exposed", Json::array())) {
    rows.push_back({one["id"].get<std::string>(), show(one["score"])});
  }
  if (!rows.empty()) {
    html += table("Most exposed members by " + attack_name(*best) + "; not private", {"id", "score"}, rows);
  }
  return html;
}

}  // namespace

std::string table(const std::string& caption, const std::vector<std::string>& header,
                  const std::vector<std::vector<std::string>>& rows) {
  std::string html = fmt::format("<table><caption>{}</caption><thead><tr>", escape(caption));
  for (const std::string& cell : header) html += "<th scope=\"col\">" + escape(cell) + "</th>";
  html += "</tr></thead><tbody>";
  for (const auto& row : rows) {
    html += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c == 0) {
        html += "<th scope=\"row\">" + escape(row[c]) + "</th>";
      } else {
        html += fmt::format("<td data-label=\"{}\">{}</td>", escape(header[c]), cell_html(row[c]));
      }
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table>\n";
}

std::string charts(const Json& entry) {
  const Json& curves = entry["curves"];
  const std::string all = loss_chart(curves) + metric_chart(curves) + epsilon_chart(curves);
  if (all.empty()) return "<p class=\"note\">No training curve was recorded.</p>\n";
  return "<h3>Training</h3><div class=\"charts\">" + all + "</div>\n";
}

std::string privacy(const Json& entry) {
  if (!entry["privacy"].is_object()) return "";
  const Json& claim = entry["privacy"];
  const auto said = [&](const char* key) {
    const Json value = claim.value(key, Json());
    return value.is_string() ? spaced(value.get<std::string>()) : show(value);
  };
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, name] :
       {std::pair("unit", "unit of privacy"), std::pair("relation", "neighbouring data"),
        std::pair("sampling", "sampling"), std::pair("mechanism", "mechanism"),
        std::pair("clipping", "clipping"), std::pair("details", "of the mechanism"),
        std::pair("clip_norm", "clip norm"),
        std::pair("expected_batch_size", "expected batch size"), std::pair("steps", "steps"),
        std::pair("unamplified_epsilon", "epsilon without sampling")}) {
    if (key == std::string("details") && claim.value(key, "").empty()) continue;
    rows.push_back({name, said(key)});
  }
  for (const Json& phase : claim.value("phases", Json::array())) {
    rows.push_back(
        {"noise", fmt::format("multiplier {}, rate {}, {} steps", show(phase["noise_multiplier"]),
                              show(phase["sampling_rate"]), show(phase["steps"]))});
  }
  std::vector<std::vector<std::string>> bounds;
  if (claim.contains("as_published") && claim["as_published"].is_object()) {
    bounds.push_back({claim.value("accountant", "") + ", sensitivity-corrected",
                      show_upper(claim.value("epsilon", Json())), "the guarantee"});
    bounds.push_back({claim.value("accountant", "") + ", as published",
                      show(claim["as_published"].value("epsilon", Json())), "no guarantee"});
  }
  for (const Json& bound : claim.value("results", Json::array())) {
    const Json epsilon = bound.value("epsilon", Json());
    bounds.push_back(
        {bound.value("accountant", ""),
         epsilon.is_null() ? "n/a: " + bound.value("epsilon_reason", "") : show_upper(epsilon),
         bound.value("kind", "")});
  }
  std::string html = "<h3>Privacy</h3><div class=\"halves\"><div>" +
                     table("What the statement rests on", {"term", "value"}, rows) + "</div><div>" +
                     table("Epsilon at the stated delta; only upper bounds are guarantees",
                           {"accountant", "epsilon", "kind"}, bounds) +
                     "</div></div>\n";
  const Json warnings = claim.value("warnings", Json::array());
  if (warnings.empty()) return html;
  html += "<ul class=\"caveats card warn\">";
  for (const Json& warning : warnings) {
    html += "<li>" + escape(warning.is_string() ? warning.get<std::string>() : "") + "</li>";
  }
  return html + "</ul>\n";
}

std::string membership(const Json& entry) {
  std::string html;
  for (const Json& audit : entry["membership"]) {
    std::vector<std::vector<std::string>> rows;
    for (const Json& result : audit["results"]) {
      const Json& ci = result["ci"];
      std::vector<std::string> rates;
      for (const auto& [fpr, tpr] : result["tpr_at_fpr"].items()) {
        rates.push_back(tpr.is_number()
                            ? fmt::format("{} at {}{}", show(tpr), fpr,
                                          show_interval(ci["tpr_at_fpr"].value(fpr, Json())))
                            : fmt::format("n/a at {}", fpr));
      }
      rows.push_back(
          {attack_name(result), show(result["auc"]) + show_interval(ci["auc"]),
           show(result["advantage"]) + show_interval(ci["advantage"]),
           fmt::format("{}", fmt::join(rates, "; ")),
           result.contains("ppv") ? show(result["ppv"]) + show_interval(ci.value("ppv", Json()))
                                  : "n/a",
           fmt::format("{} / {}", show(result["n_members"]), show(result["n_nonmembers"]))});
    }
    html += table("Can members of the training data be told from others? Intervals in brackets.",
                  {"attack", "AUC", "advantage", "TPR at FPR", "PPV", "members / others"}, rows);
    html += "<div class=\"charts\">" + roc_chart(audit) + "</div>\n" + membership_parts(audit);
  }
  return html.empty() ? "" : "<h3>Membership</h3>" + html;
}

std::string groups(const Json& entry) {
  std::string html;
  for (const Json& audit : entry["groups"]) {
    const std::string rate = shown_rate(audit);
    std::vector<std::vector<std::string>> rows;
    bool remarks = false;
    for (const Json* group : by_size(audit)) {
      if (rows.size() == kMostGroups) break;
      std::vector<std::string> row = {
          group_label((*group)["group"]), show((*group)["n"]),
          show(group->value(rate, Json())) + show_interval((*group)["ci"].value(rate, Json()))};
      const Json value = group->value(rate, Json());
      row.push_back(value.is_null()          ? group->value(rate + "_reason", "")
                    : is_small(*group, rate) ? "small: read the interval"
                                             : "");
      remarks = remarks || !row.back().empty();
      rows.push_back(row);
    }
    std::string caption = spaced(rate) + " by group, with Wilson intervals";
    if (audit["by_group"].size() > kMostGroups) {
      caption +=
          fmt::format("; the {} largest of {} groups", kMostGroups, audit["by_group"].size());
    }
    std::vector<std::string> header = {"group", "n", spaced(rate), "remark"};
    if (!remarks) {
      header.pop_back();
      for (auto& row : rows) row.pop_back();
    }
    html += "<div class=\"pair\">" + group_chart(audit) + table(caption, header, rows) + "</div>\n";
    rows.clear();
    for (const Json& result : audit["results"]) {
      std::string name = spaced(result["metric"].get<std::string>());
      if (result.contains("class")) name += ": " + result["class"].get<std::string>();
      if (result.contains("over")) name += ", over " + spaced(result["over"].get<std::string>());
      rows.push_back({name,
                      result["value"].is_number() ? show(result["value"])
                                                  : "n/a: " + result.value("value_reason", ""),
                      result["ci"].is_array() ? show_interval(result["ci"]) : "–",
                      show(result["n_groups"]),
                      fmt::format("{} / {}", result.contains("small") ? result["small"].size() : 0,
                                  result.contains("excluded") ? result["excluded"].size() : 0)});
    }
    html += table("Gaps between groups, with bootstrap intervals",
                  {"metric", "value", "interval", "groups", "small / left out"}, rows);
  }
  return html.empty() ? "" : "<h3>Groups</h3>" + html;
}

std::string comparison(const Json& results) {
  std::vector<std::string> metrics;
  for (const Json& entry : results) {
    const Json& training = entry["training"];
    if (!training.contains("metrics") || !training["metrics"].is_object()) continue;
    for (const std::string& name : internal::headline_metrics(training["metrics"])) {
      const bool known = std::find(metrics.begin(), metrics.end(), name) != metrics.end();
      if (!known && metrics.size() < 4) metrics.push_back(name);
    }
  }
  std::vector<std::string> header = {"run", "epsilon"};
  for (const std::string& metric : metrics) header.push_back(spaced(metric));
  header.insert(header.end(), {"attack AUC", "gap"});
  std::vector<std::vector<std::string>> rows;
  for (const Json& entry : results) {
    std::vector<std::string> row = {entry["name"].get<std::string>()};
    row.push_back(entry["privacy"].is_object()
                      ? show_upper(entry["privacy"].value("epsilon", Json()))
                      : "none");
    for (const std::string& metric : metrics) {
      const Json& training = entry["training"];
      row.push_back(training.contains("metrics") && training["metrics"].is_object()
                        ? show(training["metrics"].value(metric, Json()))
                        : "n/a");
    }
    row.push_back("not attacked");
    if (const Json* attack = internal::strongest_attack(entry["membership"]); attack != nullptr) {
      row.back() = fmt::format("{}{} ({})", show((*attack)["auc"]), show_interval((*attack)["ci"]["auc"]), (*attack)["attack"].get<std::string>());
    }
    row.push_back("not measured");
    if (const auto gap = internal::widest_gap(entry["groups"]); gap.result != nullptr) {
      row.back() = fmt::format("{}{} ({})", show((*gap.result)["value"]), show_interval((*gap.result)["ci"]), gap.columns);
    }
    rows.push_back(row);
  }
  return table("Runs side by side; intervals in brackets; the attack with the largest AUC; gap: the largest accuracy difference between groups",
               header, rows);
}

std::string repeats(const Json& all) {
  std::string html;
  for (const Json& repeat : all) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [name, metric] : repeat["metrics"].items()) {
      rows.push_back(
          {spaced(name), show(metric["mean"]),
           metric.contains("ci") ? show_interval(metric["ci"]) : "–",
           metric.contains("standard_deviation") ? show(metric["standard_deviation"]) : "–",
           show(metric["n"])});
    }
    html += table("Mean over seeds of " + repeat["name"].get<std::string>(),
                  {"metric", "mean", "interval", "standard deviation", "seeds"}, rows);
  }
  return html;
}

}  // namespace discreet::report::internal
