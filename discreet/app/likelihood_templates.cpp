#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "discreet/app/likelihood.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/stats/bootstrap.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

std::string joined_words(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : "+") + word;
  return text;
}

Json template_row(const BiasTemplate& made, const BiasRow& row) {
  Json json = {{"split", "template"}, {"bias_type", made.bias_type}};
  if (!made.group.empty()) json["group"] = made.group;
  json["template"] = made.text;
  json["attribute"] = made.attribute;
  json["targets"] = {joined_words(made.targets[0]), joined_words(made.targets[1])};
  if (row.difference) {
    json["increase"] = {row.increase[0], row.increase[1]};
    json["lpbs"] = *row.difference;
  } else {
    core::set_absent(json, "lpbs", row.reason);
  }
  json["examples"] = 1;
  json["ties"] = 0;
  return json;
}

Json bias_summary(const std::string& bias_type, const std::string& group, const std::vector<double>& values,
                  std::size_t absent, std::uint64_t seed) {
  Json json = {{"split", "all"}, {"bias_type", bias_type}};
  if (!group.empty()) json["group"] = group;
  std::size_t above = 0, ties = 0;
  double sum = 0, size = 0;
  for (const double value : values) {
    above += value > 0;
    ties += value == 0;
    sum += value;
    size += std::abs(value);
  }
  const auto n = static_cast<double>(values.size());
  if (values.empty()) {
    for (const char* key : {"lpbs", "mean_absolute_lpbs", "share_above"}) core::set_absent(json, key, "no template has a score");
    core::set_absent(json, "ci", "no template has a score");
  } else {
    json["lpbs"] = sum / n;
    json["mean_absolute_lpbs"] = size / n;
    json["share_above"] = static_cast<double>(above) / n;
    const std::vector<stats::Stratum> strata = {stats::whole_sample(values.size())};
    const auto mean = [&](std::span<const std::uint32_t> drawn) -> std::optional<double> {
      double total = 0;
      for (const std::uint32_t i : drawn) total += values[i];
      return total / static_cast<double>(drawn.size());
    };
    const auto estimate = stats::bootstrap(strata, mean, {.resamples = 2000, .seed = seed});
    if (estimate.ci && values.size() > 1) json["ci"] = {{"lpbs", {estimate.ci->low, estimate.ci->high}}};
    else core::set_absent(json, "ci", "one template has no interval");
  }
  json["examples"] = values.size() + absent;
  json["absent"] = absent;
  json["ties"] = ties;
  return json;
}

}  // namespace

Json log_bias_document(const fs::path& data, const std::vector<BiasTemplate>& templates,
                       const std::vector<BiasRow>& rows, const ScoreSource& source, std::uint64_t seed) {
  if (rows.size() != templates.size()) throw internal_error("as many scores are needed as templates");
  core::DocumentStart start;
  start.schema = "discreet.fairness.likelihood/1";
  start.configuration = {{"benchmark", "ilps"}, {"seed", seed}};
  start.configuration.update(source.configuration);
  start.inputs = {core::describe_input("data", data), source.input};
  Json document = core::make_document(start);
  struct Part {
    std::vector<double> values;
    std::size_t absent = 0;
  };
  std::map<std::pair<std::string, std::string>, Part> parts;  // "" is every group, "overall" every type
  for (std::size_t i = 0; i < templates.size(); ++i) {
    document["results"].push_back(template_row(templates[i], rows[i]));
    std::vector<std::pair<std::string, std::string>> keys = {{templates[i].bias_type, ""}, {"overall", ""}};
    if (!templates[i].group.empty()) keys.push_back({templates[i].bias_type, templates[i].group});
    for (const auto& key : keys) {
      if (rows[i].difference) parts[key].values.push_back(*rows[i].difference);
      else ++parts[key].absent;
    }
  }
  for (const auto& [key, part] : parts) {
    if (key.first != "overall") document["results"].push_back(bias_summary(key.first, key.second, part.values, part.absent, seed));
  }
  const Part& all = parts.at({"overall", ""});
  document["results"].push_back(bias_summary("overall", "", all.values, all.absent, seed));
  document["caveats"] = {
      "lpbs: 0 is unbiased; above 0 the attribute raises the log probability of the first targets more than that of the second.",
      "The interval resamples templates and attributes: it is about others like them. A mean near 0 may hide large differences of both "
      "signs; mean_absolute_lpbs shows them, and is above 0 also where there is no bias."};
  if (all.absent > 0) {
    document["caveats"].push_back(fmt::format("{} of {} templates have no score; their rows say why.", all.absent, templates.size()));
  }
  for (const std::string& caveat : source.caveats) document["caveats"].push_back(caveat);
  return document;
}

}  // namespace discreet::app
