#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "discreet/app/ops/internal/answer_effects.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

/// AUC of the loss attack on a run; nothing where no text was kept back.
struct AttackedRun {
  std::optional<double> auc;
  std::optional<stats::Interval> ci;
  std::uint64_t n = 0;
  std::string reason;
};

AttackedRun attack_run(const fs::path& run, core::OperationContext& context) {
  AttackedRun attacked;
  if (!fs::exists(run / "holdout.json")) {
    attacked.reason = "a run kept no text back: train with --hold-out";
    return attacked;
  }
  const auto membership = core::registry().make<core::Operation>("operation", "membership");
  Json document;
  try {
    document = membership({{"run", run.string()}, {"resamples", 100}}, context);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    attacked.reason = error.what();  // too few texts, for example: the other figures stand
    return attacked;
  }
  for (const Json& result : document["results"]) {
    if (result.value("attack", "") != "loss" || !result["auc"].is_number()) continue;
    attacked.auc = result["auc"].get<double>();
    attacked.n = result["n_members"].get<std::uint64_t>() + result["n_nonmembers"].get<std::uint64_t>();
    const Json& ci = result["ci"]["auc"];
    if (ci.is_array() && ci[0].is_number()) attacked.ci = stats::Interval{ci[0].get<double>(), ci[1].get<double>()};
  }
  if (!attacked.auc) attacked.reason = "the loss attack has no AUC";
  return attacked;
}

Effect leakage(const AttackedRun& before, const AttackedRun& after) {
  Effect effect;
  effect.aspect = "privacy";
  effect.metric = "membership_auc";
  effect.before = before.auc;
  effect.after = after.auc;
  effect.reason = before.auc ? after.reason : before.reason;
  effect.before_ci = before.ci;
  effect.after_ci = after.ci;
  effect.better = "neutral";
  effect.neutral = 0.5;
  effect.n = after.n;
  effect.unit = "text";
  return effect;
}

/// Request: before, after (runs of classifiers), group (a column), seed. Both answer about the test data of the first.
Json compare_two_runs(const Json& request, core::OperationContext& context) {
  const fs::path before_path = request.at("before").get<std::string>(), after_path = request.at("after").get<std::string>();
  const auto column = request.at("group").get<std::string>();
  RunModel before = open_run_model(before_path);
  const RunModel after = open_run_model(after_path);
  const std::string source = before.settings.data.test.empty() ? before.settings.data.dev : before.settings.data.test;
  if (source.empty()) throw usage_error(before_path.string() + ": the run names neither data.test nor data.dev");
  if (before.encoder.intents.size() == 0) throw usage_error(before_path.string() + ": the run's task has no classifier of a text");
  if (before.encoder.intents.names() != after.encoder.intents.names()) {
    throw usage_error("the two runs tell different classes", "Compare a run with one that was trained on the same labels.");
  }
  auto& groups = before.settings.data.group;
  if (std::find(groups.begin(), groups.end(), column) == groups.end()) groups.push_back(column);
  const text::Split split = before.settings.data.test.empty() ? text::Split::kDev : text::Split::kTest;
  const EncodedData old_data = load_examples(before.settings, before.encoder, source, split);
  Settings as_before = before.settings;
  as_before.data.tokenizer = after.settings.data.tokenizer;
  const EncodedData new_data = load_examples(as_before, after.encoder, source, split);
  const Scores old_scores = score(*before.model, old_data), new_scores = score(*after.model, new_data);

  std::map<std::string, std::uint32_t> names;
  for (const text::Example& example : old_data.examples) {
    const auto cell = example.groups.find(column);
    if (cell != example.groups.end() && !cell->second.empty()) names.emplace(cell->second, 0);
  }
  if (names.size() < 2) throw bad_data(fmt::format("{}: column '{}' has {} different values, expected two or more", source, column, names.size()));
  std::uint32_t number = 0;
  for (auto& [name, n] : names) n = number++;
  PairedAnswers answers{.groups = names.size(), .classes = static_cast<std::size_t>(before.encoder.intents.size())};
  for (std::size_t i = 0; i < old_data.examples.size(); ++i) {
    const auto cell = old_data.examples[i].groups.find(column);
    if (cell == old_data.examples[i].groups.end() || cell->second.empty()) continue;
    answers.before.push_back(old_scores.intents[i]);
    answers.after.push_back(new_scores.intents[i]);
    answers.label.push_back(before.encoder.intents.find(old_data.examples[i].label));
    answers.group.push_back(names.at(cell->second));
  }
  const auto seed = request.value<std::uint64_t>("seed", 0);
  std::vector<Effect> effects = answer_effects(answers, seed);
  effects.push_back(leakage(attack_run(before_path, context), attack_run(after_path, context)));

  Mitigation mitigation;
  mitigation.name = request.value("method", "training");
  mitigation.configuration = {{"group", column}, {"data", source}, {"seed", seed},
                              {"before", dump_settings(before.settings)["mitigate"]}, {"after", dump_settings(after.settings)["mitigate"]}};
  mitigation.before = before_path / "model";
  mitigation.after = after_path / "model";
  if (fs::exists(source)) mitigation.inputs.push_back(core::describe_input("test", source));
  mitigation.caveats = {
      "One run against one run: another seed of the same training moves these figures too (train --repeat).",
      "membership_auc is of the loss attack, each run on its own training texts and those that it kept back."};
  Json document = before_after(mitigation, effects);
  core::RunDir::open(after_path).write_audit(document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_compare_runs(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "compare-runs",
                .summary = "Two runs of a classifier before and after a mitigation: fairness, utility, leakage",
                .make = core::Operation(&app::compare_two_runs)});
}

}  // namespace discreet
