#include "discreet/app/internal/tuning_study.h"

#include <string>

#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/calibrate.h"
#include "discreet/stats/intervals.h"

namespace discreet::app {
namespace {

constexpr double kStatedEpsilon = 3;
constexpr double kStatedDelta = 1e-5;
constexpr double kTunedLines = 6000;
constexpr double kExpectedBatch = 512;
constexpr std::int64_t kTunedSteps = 200;
constexpr const char* kTuningRuns = "geometric:10";
const std::vector<std::string> kLearningRates = {"0.003", "0.01", "0.03", "0.1"};
const std::vector<std::string> kClipNorms = {"0.3", "1", "3"};

/// fixed: what was decided before anything was seen. selected: `train --tune`, epsilon of the whole choice.
/// unpaid: every candidate at the full epsilon, the best on the development data.
const std::vector<std::string> kTuningRules = {"fixed", "selected", "unpaid"};

std::string tuning_cell(const std::string& rule, int seed) { return fmt::format("tuning-{}-{}", rule, seed); }

std::vector<std::string> settings_of(int seed) {
  return {fmt::format("data.train=assistant:lines={:g},seed={}", kTunedLines, 10 * seed),
          fmt::format("data.dev=assistant:lines=1000,seed={}", 10 * seed + 1),
          "data.dev_public=true",
          fmt::format("data.test=assistant:lines=2000,seed={}", 10 * seed + 2),
          "data.buckets=4096",
          "model.kind=bow",
          "model.embedding=64",
          "train.optimizer=adam",
          "train.learning_rate=" + kLearningRates[1],
          "train.threads=1",
          fmt::format("train.batch_size={:g}", kExpectedBatch),
          fmt::format("train.steps={}", kTunedSteps),
          "privacy.mechanism=dp-sgd",
          "privacy.accountant=prv",
          "privacy.clip_norm=" + kClipNorms[1],
          fmt::format("privacy.epsilon={:g}", kStatedEpsilon),
          fmt::format("privacy.delta={}", kStatedDelta),
          fmt::format("run.seed={}", seed)};
}

std::string joined(const std::vector<std::string>& values) {
  return fmt::format("{}", fmt::join(values, ","));
}

/// The epsilon of all candidates together, each trained at kStatedEpsilon.
double epsilon_of_all() {
  const auto accountant = privacy::make_accountant("prv");
  const privacy::Target target{kStatedEpsilon, kStatedDelta, accountant.get()};
  const auto runs = [&](double multiplier, std::size_t times) {
    return privacy::event_of(std::vector<privacy::Phase>(times, {multiplier, kExpectedBatch / kTunedLines, kTunedSteps}));
  };
  const double multiplier =
      privacy::calibrate_noise_multiplier(target, [&](double m) { return runs(m, 1); }).value;
  const auto all = runs(multiplier, kLearningRates.size() * kClipNorms.size());
  return accountant->epsilon(all, privacy::Delta(kStatedDelta)).guarantee();
}

Json outcome(double accuracy, double spent, int trained) {
  return {{"intent_accuracy", accuracy}, {"spent", spent}, {"trained", trained}};
}

double accuracy_in(const Json& document) { return document["metrics"]["intent_accuracy"].get<double>(); }

Json measure_unpaid(int seed, const std::filesystem::path& scratch, core::OperationContext& context) {
  double best = -1;
  std::string chosen;
  int trained = 0;
  for (const std::string& rate : kLearningRates) {
    for (const std::string& clip : kClipNorms) {
      auto set = settings_of(seed);
      set.push_back("train.learning_rate=" + rate);
      set.push_back("privacy.clip_norm=" + clip);
      const std::string run = (scratch / fmt::format("run-{}", ++trained)).string();
      call_operation("train", {{"set", set}, {"run", run}}, context);
      const Json scored = call_operation(
          "eval", {{"run", run}, {"data", fmt::format("assistant:lines=1000,seed={}", 10 * seed + 1)}}, context);
      if (accuracy_in(scored) <= best) continue;
      best = accuracy_in(scored);
      chosen = run;
    }
  }
  const Json tested = call_operation(
      "eval", {{"run", chosen}, {"data", fmt::format("assistant:lines=2000,seed={}", 10 * seed + 2)}}, context);
  return outcome(accuracy_in(tested), epsilon_of_all(), trained);
}

std::vector<double> values_of(const StudyResults& finished, const std::string& rule, int seeds, const char* key) {
  std::vector<double> values;
  for (int seed = 1; seed <= seeds; ++seed) {
    const auto cell = finished.find(tuning_cell(rule, seed));
    if (cell != finished.end()) values.push_back(cell->second[key].get<double>());
  }
  return values;
}

}  // namespace

std::vector<StudyCell> tuning_cells(int seeds) {
  std::vector<StudyCell> cells;
  for (int seed = 1; seed <= seeds; ++seed) {
    for (const std::string& rule : kTuningRules) {
      cells.push_back({tuning_cell(rule, seed),
                       {{"kind", "tuning"}, {"rule", rule}, {"seed", seed}, {"rates", kLearningRates},
                        {"clip_norms", kClipNorms}, {"epsilon", kStatedEpsilon}, {"runs", kTuningRuns}}});
    }
  }
  return cells;
}

Json measure_tuning(const Json& request, const std::filesystem::path& scratch, core::OperationContext& context) {
  const int seed = request["seed"].get<int>();
  if (request["rule"] == "unpaid") return measure_unpaid(seed, scratch, context);
  auto set = settings_of(seed);
  const bool selected = request["rule"] == "selected";
  if (selected) {
    set.push_back(fmt::format("tune.runs={}", kTuningRuns));
    set.push_back(fmt::format("tune.grid=[\"train.learning_rate={}\", \"privacy.clip_norm={}\"]",
                              joined(kLearningRates), joined(kClipNorms)));
    set.push_back("privacy.accountant=rdp");  // private selection is accounted in Rényi divergence
  }
  const Json trained =
      call_operation(selected ? "tune" : "train", {{"set", set}, {"run", (scratch / "run").string()}}, context);
  // How many candidates private selection trained is a secret of its own: the count stays out of the cell.
  return outcome(accuracy_in(trained), trained["epsilon"].get<double>(), selected ? 0 : 1);
}

Json analyse_tuning(int seeds, const StudyResults& finished, Json& results) {
  const std::map<std::string, std::string> names = {
      {"fixed", fmt::format("learning rate {} and clip norm {}, fixed beforehand", kLearningRates[1], kClipNorms[1])},
      {"selected", fmt::format("private selection (`train --tune`, {})", kTuningRuns)},
      {"unpaid", "every candidate trained, the best released, one run's epsilon stated"}};
  std::vector<std::vector<std::string>> rows;
  for (const std::string& rule : kTuningRules) {
    const std::vector<double> accuracy = values_of(finished, rule, seeds, "intent_accuracy");
    if (accuracy.empty()) continue;
    const double spent = values_of(finished, rule, seeds, "spent").front();
    rows.push_back({names.at(rule), fmt::format("{:.2f}", kStatedEpsilon), fmt::format("{:.2f}", spent), mean_with_interval(accuracy, 3),
                    std::to_string(accuracy.size())});
    for (const double value : accuracy) {
      results.push_back({{"table", "tuning"}, {"rule", rule}, {"spent", spent}, {"intent_accuracy", value}});
    }
  }
  return study_table(
      "What tuning buys at one stated epsilon", {"rule", "epsilon stated", "epsilon spent", "intent accuracy", "seeds"}, rows,
      fmt::format("A bag of words on {:g} lines of the built-in corpus, {} steps of {:g} lines, delta {}; candidates: learning "
                  "rate {} by clip norm {}; chosen on 1,000 other lines, taken as public; accuracy on 2,000 more. Means with "
                  "95 % t-intervals over seeds, each of which has lines of its own.",
                  kTunedLines, kTunedSteps, kExpectedBatch, kStatedDelta, joined(kLearningRates), joined(kClipNorms)));
}

}  // namespace discreet::app
