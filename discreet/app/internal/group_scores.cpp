#include "discreet/app/internal/group_scores.h"

#include <fmt/format.h>

#include "discreet/stats/class_recall.h"
#include "discreet/stats/counterfactual_gap.h"
#include "discreet/stats/subgroup_scores.h"

namespace discreet::app::internal {
namespace {

void put_value(Json& json, Json& ci, const char* key, const stats::MaybeValue& found) {
  if (found.value) json[key] = *found.value;
  else core::set_absent(json, key, found.reason);
  if (found.ci) ci[key] = interval_or_null(found.ci);
}

Json subgroup_json(const stats::SubgroupScores& scores) {
  Json json = Json::object(), ci = Json::object();
  json["n"] = scores.n;
  json["n_positive"] = scores.n_positive;
  put_value(json, ci, "subgroup_auc", scores.subgroup_auc);
  put_value(json, ci, "bpsn_auc", scores.bpsn_auc);
  put_value(json, ci, "bnsp_auc", scores.bnsp_auc);
  put_value(json, ci, "positive_aeg", scores.positive_aeg);
  put_value(json, ci, "negative_aeg", scores.negative_aeg);
  put_value(json, ci, "positive_aseg", scores.positive_aseg);
  put_value(json, ci, "negative_aseg", scores.negative_aseg);
  put_value(json, ci, "calibration_error", scores.calibration_error);
  put_value(json, ci, "wasserstein", scores.wasserstein);
  json["ci"] = ci;
  return json;
}

}  // namespace

Json interval_or_null(const std::optional<stats::Interval>& ci) {
  return ci ? Json::array({ci->low, ci->high}) : Json();
}

void add_gaps(const std::vector<stats::GroupGap>& gaps, const std::vector<Json>& keys, Json& document,
              const Json& extra) {
  for (const stats::GroupGap& gap : gaps) {
    Json json = {{"metric", gap.metric}};
    json.update(extra);
    if (gap.value) json["value"] = *gap.value;
    else core::set_absent(json, "value", gap.reason);
    json["ci"] = interval_or_null(gap.ci);
    if (!gap.ci) {
      json["ci_reason"] = gap.value ? "too few resamples have a value" : "there is no value";
    }
    if (gap.p_value) json["p"] = *gap.p_value;
    if (gap.p_holm) json["p_holm"] = *gap.p_holm;
    if (gap.p_benjamini_hochberg) json["p_benjamini_hochberg"] = *gap.p_benjamini_hochberg;
    json["n_groups"] = keys.size() - gap.excluded.size();
    if (gap.undefined_resamples > 0) json["undefined_resamples"] = gap.undefined_resamples;
    for (const auto& [name, members] : {std::pair("excluded", &gap.excluded), std::pair("small", &gap.small)}) {
      if (members->empty()) continue;
      json[name] = Json::array();
      for (const std::uint32_t group : *members) json[name].push_back(keys[group]);
    }
    document["results"].push_back(json);
  }
}

void add_class_recall(const stats::GroupedPredictions& data, const std::vector<std::string>& classes,
                      const stats::GroupOptions& options, const std::vector<Json>& keys, Json& document) {
  const stats::ClassRecall found = stats::class_recall(data, classes.size(), options);
  for (std::size_t c = 0; c < classes.size(); ++c) {
    add_gaps({found.gaps[c]}, keys, document, {{"class", classes[c]}});
    for (std::size_t g = 0; g < keys.size(); ++g) {
      const stats::Rate& rate = found.recall[c][g];
      Json json = {{"n", rate.n}};
      if (rate.value) json["true_positive_rate"] = *rate.value;
      else core::set_absent(json, "true_positive_rate", rate.reason);
      if (rate.ci) json["ci"] = {{"true_positive_rate", interval_or_null(rate.ci)}};
      if (rate.small) json["small"] = true;
      document["by_group"][g]["by_class"][classes[c]] = json;
    }
  }
  add_gaps({found.rms}, keys, document);
}

void add_subgroup_scores(const stats::GroupedPredictions& data, const GroupQuestion& question,
                         const std::vector<std::vector<std::uint8_t>>& identity, const std::vector<Json>& keys,
                         Json& document) {
  stats::SubgroupData groups{data.score, data.label, {}};
  for (std::uint32_t g = 0; g < data.groups; ++g) {
    auto& member = groups.member.emplace_back();
    for (const std::uint32_t own : data.group) member.push_back(own == g ? 1 : 0);
  }
  const stats::SubgroupReport report = stats::subgroup_report(groups, question.options);
  for (std::size_t g = 0; g < keys.size(); ++g) {
    Json scores = subgroup_json(report.by_group[g]);
    scores.erase("n");
    scores.erase("n_positive");
    const Json ci = scores["ci"];
    scores.erase("ci");
    document["by_group"][g].update(scores);
    document["by_group"][g]["ci"].update(ci);
  }
  add_gaps(report.results, keys, document);
  if (!question.weight.empty()) {
    document["caveats"].push_back("AUCs, calibration and distances of scores do not use the weights.");
  }
  if (identity.empty()) return;

  const stats::SubgroupReport named = stats::subgroup_report({data.score, data.label, identity}, question.options);
  std::vector<Json> names;
  document["by_identity"] = Json::array();
  for (std::size_t k = 0; k < identity.size(); ++k) {
    names.push_back({{"identity", question.identity[k]}});
    Json entry = names.back();
    entry.update(subgroup_json(named.by_group[k]));
    document["by_identity"].push_back(entry);
  }
  add_gaps(named.results, names, document, {{"over", "identity"}});
  document["caveats"].push_back(
      "An identity's background is everybody without it, those with other identities included; rows without a group are left out.");
}

void add_counterfactuals(const std::vector<double>& score, const std::vector<std::uint32_t>& set,
                         const std::vector<std::uint8_t>& original, const GroupQuestion& question, Json& document) {
  const stats::GroupOptions& options = question.options;
  const stats::CounterfactualGap found =
      stats::counterfactual_gap({score, set, original}, question.threshold,
                                {.resamples = options.resamples,
                                 .confidence = options.confidence,
                                 .method = stats::bootstrap_method(options.interval),
                                 .seed = options.seed});
  for (const auto& [name, estimate] : {std::pair("counterfactual_token_fairness_gap", &found.mean_of_means),
                                       std::pair("counterfactual_token_fairness_gap_pooled", &found.pooled),
                                       std::pair("counterfactual_flip_rate", &found.flip_rate)}) {
    Json json = {{"metric", name}};
    if (estimate->value) json["value"] = *estimate->value;
    else core::set_absent(json, "value", "no example has a counterfactual copy");
    json["ci"] = interval_or_null(estimate->ci);
    if (!estimate->ci) json["ci_reason"] = "too few resamples have a value";
    json["n_groups"] = 0;
    json["n"] = found.originals;
    json["copies"] = found.copies;
    if (name == std::string("counterfactual_flip_rate")) json["flips"] = found.flips;
    document["results"].push_back(json);
  }
  if (found.without_copy + found.without_original > 0) {
    document["caveats"].push_back(fmt::format("{} sets have no copy and {} no original; they enter no counterfactual figure.",
                                              found.without_copy, found.without_original));
  }
}

}  // namespace discreet::app::internal
