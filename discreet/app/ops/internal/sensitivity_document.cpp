#include "discreet/app/ops/internal/sensitivity_document.h"

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>

#include "discreet/app/ops/internal/asked_data.h"
#include "discreet/core/error.h"
#include "discreet/stats/bootstrap.h"
#include "discreet/stats/correlation.h"

namespace discreet::app {
namespace {

stats::BootstrapEstimate mean_of(const std::vector<double>& values, const SensitivityQuestion& question) {
  const std::vector<stats::Stratum> strata = {stats::whole_sample(values.size())};
  return stats::bootstrap(
      strata,
      [&](std::span<const std::uint32_t> indices) -> std::optional<double> {
        if (indices.empty()) return std::nullopt;
        double sum = 0;
        for (const std::uint32_t i : indices) sum += values[i];
        return sum / static_cast<double>(indices.size());
      },
      {.resamples = question.resamples, .confidence = question.confidence, .seed = question.seed});
}

/// Mean, interval and quantiles of the values that there are.
Json summary_of_values(const std::vector<double>& values, std::uint64_t left_out, const SensitivityQuestion& question) {
  Json result = {{"metric", "accumulated_prediction_sensitivity"}};
  const stats::BootstrapEstimate mean = mean_of(values, question);
  if (mean.value) {
    result["value"] = *mean.value;
    if (mean.ci) result["ci"] = {mean.ci->low, mean.ci->high};
    else core::set_absent(result, "ci", "too few examples");
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    Json quantiles = Json::object();
    for (const double q : {0.05, 0.25, 0.5, 0.75, 0.95}) quantiles[fmt::format("{:g}", q)] = stats::sorted_quantile(sorted, q);
    result["quantiles"] = quantiles;
  } else {
    core::set_absent(result, "value", "the weights are undefined on every example");
    core::set_absent(result, "ci", "there is no value");
  }
  result["n"] = values.size();
  result["left_out"] = left_out;
  return result;
}

struct Values {
  std::vector<double> values;
  std::uint64_t left_out = 0;

  void add(const std::optional<double>& value) {
    if (value) values.push_back(*value);
    else ++left_out;
  }
};

Json by_group_of(const SensitivityScores& scores, const std::vector<text::Example>& examples,
                 const SensitivityQuestion& question) {
  std::map<std::vector<std::string>, Values> groups;
  for (std::size_t e = 0; e < examples.size(); ++e) {
    std::vector<std::string> key;
    for (const std::string& column : question.group) key.push_back(group_cell(examples[e], column));
    groups[key].add(scores.value[e]);
  }
  Json entries = Json::array();
  for (const auto& [key, values] : groups) {
    Json group = Json::object();
    for (std::size_t c = 0; c < key.size(); ++c) group[question.group[c]] = key[c];
    Json entry = {{"group", group}, {"weights", scores.weights}};
    entry.update(summary_of_values(values.values, values.left_out, question));
    entries.push_back(entry);
  }
  return entries;
}

/// The words that bear most of the sum of all attributions.
Json token_table(const SensitivityScores& scores, const SensitivityQuestion& question) {
  struct Sum {
    double total = 0;
    std::uint64_t n = 0;
  };
  std::map<std::string, Sum> sums;
  double all = 0;
  for (std::size_t u = 0; u < scores.token.size(); ++u) {
    if (question.texts[u].empty()) continue;
    Sum& sum = sums[question.texts[u]];
    sum.total += scores.token[u];
    ++sum.n;
    all += scores.token[u];
  }
  std::vector<std::pair<std::string, Sum>> order(sums.begin(), sums.end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second.total > b.second.total; });
  Json rows = Json::array();
  for (const auto& [text, sum] : order) {
    if (rows.size() == question.tokens || !(sum.total > 0)) break;
    Json row = {{"rank", rows.size() + 1}};
    if (question.show_text) row["text"] = text;
    row["n"] = sum.n;
    row["mean"] = sum.total / static_cast<double>(sum.n);
    row["share"] = sum.total / all;
    rows.push_back(row);
  }
  return rows;
}

double rating_of(const text::Example& example, const std::string& column, std::size_t row) {
  const std::string cell = group_cell(example, column);
  double value = 0;
  const auto [stop, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || stop != cell.data() + cell.size()) {
    throw bad_data(fmt::format("example {}: '{}' in column '{}' is no number", row + 1, cell, column));
  }
  return value;
}

Json with_ratings(const SensitivityScores& scores, const std::vector<text::Example>& examples,
                  const SensitivityQuestion& question) {
  std::vector<double> a, b;
  for (std::size_t e = 0; e < examples.size(); ++e) {
    if (!scores.value[e] || group_cell(examples[e], question.ratings).empty()) continue;
    a.push_back(*scores.value[e]);
    b.push_back(rating_of(examples[e], question.ratings, e));
  }
  const stats::Correlation found = stats::correlate(a, b, question.confidence);
  Json entry = {{"weights", scores.weights}, {"n", found.n}};
  const auto put = [&](const char* key, const std::optional<double>& value, const std::optional<stats::Interval>& ci) {
    if (value) entry[key] = *value;
    else core::set_absent(entry, key, found.reason);
    if (ci) entry["ci"][key] = {ci->low, ci->high};
  };
  entry["ci"] = Json::object();
  put("pearson", found.pearson, found.pearson_ci);
  put("spearman", found.spearman, found.spearman_ci);
  return entry;
}

}  // namespace

SensitivityQuestion sensitivity_question(const Json& request) {
  SensitivityQuestion question;
  question.group = request.value("group", question.group);
  question.ratings = request.value("ratings", question.ratings);
  question.share = request.value("share", question.share);
  question.show_text = request.value("show_text", question.show_text);
  question.examples = request.value("examples", question.examples);
  question.tokens = request.value("tokens", question.tokens);
  question.resamples = request.value("resamples", question.resamples);
  question.seed = request.value("seed", question.seed);
  question.confidence = request.value("confidence", question.confidence);
  return question;
}

Json sensitivity_configuration(const Json& request, const SensitivityQuestion& question, const std::string& role) {
  return {{"split", role},
          {"weights", request.value("protected", "").empty() ? request.value("weights", "uniform") : "protected"},
          {"share", question.share},
          {"outputs", request.value("outputs", "probabilities")},
          {"classes", request.value("classes", "uniform")},
          {"features", question.coordinates ? "coordinates" : request.value("features", "auto") == "token-l2" ? "token-l2" : "token-l1"},
          {"by_words", question.words},
          {"group", question.group},
          {"ratings", question.ratings},
          {"limit", request.value("limit", 0)},
          {"resamples", question.resamples},
          {"confidence", question.confidence},
          {"seed", question.seed}};
}

void answer_sensitivity(const std::vector<SensitivityScores>& scores, const std::vector<text::Example>& examples,
                        const SensitivityQuestion& question, Json& document) {
  document["n"] = examples.size();
  if (!question.group.empty()) document["by_group"] = Json::array();
  for (const SensitivityScores& one : scores) {
    Values values;
    for (const auto& value : one.value) values.add(value);
    Json result = summary_of_values(values.values, values.left_out, question);
    Json entry = {{"metric", result["metric"]}, {"weights", one.weights}};
    entry.update(result);
    entry["direction"] = "lower is less sensitive; 0: the model does not look at the weighted features";
    if (question.examples) {
      entry["examples"] = Json::array();
      for (const auto& value : one.value) entry["examples"].push_back(value ? Json(*value) : Json());
    }
    document["results"].push_back(entry);
    if (!question.ratings.empty()) document["ratings"].push_back(with_ratings(one, examples, question));
    if (question.group.empty()) continue;
    for (Json& group : by_group_of(one, examples, question)) document["by_group"].push_back(std::move(group));
  }
  document["tokens"] = token_table(scores.front(), question);
  document["caveats"] = {
      "P(x) = w'|J|v with weights w of classes and v of input features: the weighting in this form is our reading of the method.",
      "Sensitivity is local: it says how far predictions move with the features at each example, not by how much they differ between "
      "groups. 0 with v on the protected features means that the model does not use these; proxies of them may remain.",
      "Values depend on the scale of the word vectors: compare weights or groups within one model, not models of different tables."};
  if (scores.front().weights == "protected") {
    document["caveats"].push_back(
        "v comes from a model that predicts the protected status: where that model is no better than chance, v means nothing; compare "
        "with uniform weights and with a control trained on shuffled labels.");
  }
  if (!question.show_text) document["caveats"].push_back("Words are left out of the token table; --show-text shows them.");
}

}  // namespace discreet::app
