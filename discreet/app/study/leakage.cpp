// S1: what attacks find of mislabelled canaries, against what epsilon allows and what it costs.
#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "discreet/app/internal/leakage_study.h"
#include "discreet/app/loader.h"
#include "discreet/core/registry.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/calibrate.h"

namespace discreet {
namespace app {

std::string LeakageArm::name() const { return epsilon ? fmt::format("{}-{:g}", kind, *epsilon) : kind; }

std::string LeakageArm::label() const {
  if (!epsilon) return kind;
  return std::isinf(*epsilon) ? kind + " clipping alone" : fmt::format("{} {:g}", kind, *epsilon);
}

LeakageDesign leakage_design(StudyPreset preset) {
  const double none = std::numeric_limits<double>::infinity();
  if (preset == StudyPreset::kQuick) return {{"bow"}, {1, 8, 50, 500, none}, {8}, {8}, 5};
  const std::vector<double> all = {1, 3, 8, 50, 500, 1e4, none};
  return {{"bow", "bilstm-crf"}, all, all, {1, 3, 8, 50, 500, 1e4}, 5};
}

std::vector<LeakageArm> leakage_arms(const LeakageDesign& design) {
  std::vector<LeakageArm> arms = {{"none", {}}, {"control", {}}};
  for (const double epsilon : design.dp) arms.push_back({"dp-sgd", epsilon});
  for (const double epsilon : design.published) arms.push_back({"edp-sgd-published", epsilon});
  for (const double epsilon : design.corrected) arms.push_back({"edp-sgd-corrected", epsilon});
  arms.push_back({"dropout", {}});
  arms.push_back({"early-stopping", {}});
  return arms;
}

std::vector<LeakageArm> leakage_group_arms() {
  return {{"none", {}}, {"dp-sgd", 1.0}, {"dp-sgd", 8.0}, {"dp-sgd", 50.0}};
}

std::string leakage_cell(const std::string& model, const LeakageArm& arm) { return model + "-" + arm.name(); }

std::string leakage_group_cell(const LeakageArm& arm) { return "groups-" + arm.name(); }

namespace {

constexpr double kLeakageDelta = 1e-5;
constexpr std::int64_t kTexts = 4000, kCanaries = 500;

int shadows_of(StudyPreset preset, const std::string& model) {
  return model == "bilstm-crf" ? 16 : preset == StudyPreset::kQuick ? 32 : 64;
}

constexpr double kLeakageUnits = (kTexts + kCanaries) / 2.0, kPrivateBatch = 256, kPrivateSteps = 300;

/// Where so little noise is left, PRV's grid would need more cells than it takes. A published epsilon of eDP-SGD is a
/// quarter of the corrected one or less, and both are accounted for.
const char* leakage_accountant(const std::string& arm, double epsilon) {
  return (arm == "edp-sgd-published" ? 4 * epsilon : epsilon) > 1000 ? "rdp" : "prv";
}

/// As in the study of eDP-SGD: the noise with which the published method would state `epsilon`.
double leakage_multiplier(double epsilon) {
  const auto accountant = privacy::make_accountant(leakage_accountant("edp-sgd-published", epsilon));
  const privacy::Target target{epsilon, kLeakageDelta, accountant.get()};
  return privacy::calibrate_noise_multiplier(target, [](double multiplier) {
           return privacy::event_of({{multiplier, kPrivateBatch / kLeakageUnits, static_cast<std::int64_t>(kPrivateSteps)}});
         }).value;
}

std::vector<std::string> leakage_settings(const std::string& model, const LeakageArm& arm) {
  const bool tagger = model == "bilstm-crf";
  std::vector<std::string> set = {tagger ? "task=intent-slot" : "task=text-classification",
                                  "data.train=snips",
                                  "data.test=snips:test + snips:dev",
                                  "data.vocabulary=hashed",
                                  "data.buckets=4096",
                                  "model.kind=" + model,
                                  "model.embedding=64",
                                  "model.hidden=64",
                                  "train.optimizer=adam",
                                  "train.threads=1"};
  const auto add = [&](std::initializer_list<std::string> more) { set.insert(set.end(), more); };
  if (!arm.is_private()) {
    add({"train.batch_size=64", "train.epochs=30", "train.learning_rate=5e-3"});
    if (arm.kind == "dropout") add({"model.dropout=0.5", "model.word_dropout=0.1"});
    // SNIPS' test file is what accuracy is told on; its development file decides when to stop.
    if (arm.kind == "early-stopping") {
      std::replace(set.begin(), set.end(), std::string("data.test=snips:test + snips:dev"), std::string("data.test=snips:test"));
      add({"data.dev=snips:dev", "train.patience=2", "train.metric=" + std::string(tagger ? "intent_accuracy" : "accuracy")});
    }
    return set;
  }
  add({fmt::format("train.batch_size={:g}", kPrivateBatch), fmt::format("train.steps={:g}", kPrivateSteps),
       "train.learning_rate=1e-2", fmt::format("privacy.delta={}", kLeakageDelta), "privacy.clip_norm=1"});
  const bool slots = arm.kind != "dp-sgd";
  add({slots ? "privacy.mechanism=edp-sgd" : "privacy.mechanism=dp-sgd"});
  if (slots) add({"privacy.slots=64"});
  if (std::isinf(*arm.epsilon)) {
    add({"privacy.noise_multiplier=0"});
    return set;
  }
  const std::string accountant = leakage_accountant(arm.kind, *arm.epsilon);
  if (accountant != "prv") add({"privacy.accountant=" + accountant});
  // Of a published epsilon the noise is calibrated when the cell is measured.
  if (arm.kind != "edp-sgd-published") add({fmt::format("privacy.epsilon={:g}", *arm.epsilon)});
  return set;
}

std::vector<std::string> group_settings(const LeakageArm& arm) {
  std::vector<std::string> set = leakage_settings("bow", arm);
  for (std::string& setting : set) {
    if (setting == "data.train=snips") setting = "data.train=assistant:lines=6000";
    if (setting.starts_with("data.test=")) setting = "data.test=assistant:lines=2000";
  }
  set.emplace_back("data.group=[\"gender\", \"dialect\"]");
  return set;
}

std::vector<StudyCell> leakage_cells(StudyPreset preset) {
  const LeakageDesign design = leakage_design(preset);
  std::vector<StudyCell> cells;
  // Arms outermost: where time runs out, both models have the same arms.
  for (const LeakageArm& arm : leakage_arms(design)) {
    for (const std::string& model : design.models) {
      const bool control = arm.kind == "control";
      // Without canaries, and with as many texts: what the canaries cost in accuracy.
      cells.push_back({leakage_cell(model, arm),
                       {{"model", model},
                        {"arm", arm.kind},
                        {"epsilon", arm.epsilon ? core::number(*arm.epsilon) : Json()},
                        {"set", leakage_settings(model, arm)},
                        {"texts", control ? kTexts + kCanaries : kTexts},
                        {"canaries", control ? 0 : kCanaries},
                        {"shadows", control ? 0 : shadows_of(preset, model)},
                        {"targets", design.targets},
                        {"seed", 1}}});
    }
  }
  for (const LeakageArm& arm : leakage_group_arms()) {
    cells.push_back({leakage_group_cell(arm),
                     {{"model", "bow"},
                      {"arm", arm.kind},
                      {"epsilon", arm.epsilon ? core::number(*arm.epsilon) : Json()},
                      {"set", group_settings(arm)},
                      {"texts", kTexts + kCanaries},
                      {"canaries", 0},
                      {"shadows", 0},
                      {"targets", design.targets},
                      {"seed", 1}}});
  }
  return cells;
}

Json measure_leakage(const Json& request, const std::filesystem::path&, core::OperationContext& context) {
  Json asked = request;
  const double epsilon = request["epsilon"].is_null() ? 0 : core::to_double(request["epsilon"]);
  if (request["arm"] == "edp-sgd-published" && std::isfinite(epsilon)) {
    asked["set"].push_back(fmt::format("privacy.noise_multiplier={:.6g}", leakage_multiplier(epsilon)));
  }
  return call_operation("leakage", asked, context);
}

Study make_leakage() {
  return {.title = "Leakage: theory against practice",
          .question = "Does a looser epsilon still lower what attacks find, and does eDP-SGD protect as DP-SGD does at the same "
                      "published and at the same corrected epsilon? 4,000 different SNIPS texts and 500 with a wrong intent, each in "
                      "the training data of a model with probability 1/2.",
          .cells = leakage_cells,
          .measure = measure_leakage,
          .analyse = analyse_leakage};
}

}  // namespace
}  // namespace app

void register_study_leakage(core::Registry& registry) {
  registry.add({.kind = "study",
                .name = "leakage",
                .summary = "What attacks find of mislabelled canaries over epsilons and mechanisms, against accuracy",
                .reference = "Carlini et al. 2022; Aerni, Zhang and Tramer 2024; Dupuy et al. 2022",
                .make = app::MakeStudy(&app::make_leakage)});
}

}  // namespace discreet
