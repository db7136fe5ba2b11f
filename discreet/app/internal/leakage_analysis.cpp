#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "discreet/app/internal/leakage_study.h"
#include "discreet/report/picture.h"
#include "discreet/stats/bootstrap.h"
#include "discreet/stats/jonckheere.h"
#include "discreet/stats/roc.h"

namespace discreet::app {
namespace {

// Fixed before anything was measured.
constexpr const char* kPrimaryAttack = "lira-online";
constexpr double kPrimaryFpr = 0.01, kTrendLevel = 0.01, kAccuracyLoss = 0.01, kLooseEpsilon = 50, kMargin = 0.05;
constexpr int kLeastCompared = 3;  // epsilons before eDP-SGD may be said to protect as DP-SGD

/// Scores of canaries, by seed.
struct CanaryScores {
  std::vector<std::vector<double>> in, out;
};

CanaryScores canary_scores(const Json& cell, const std::string& attack) {
  CanaryScores scores;
  for (const Json& seed : cell["seeds"]) {
    auto& in = scores.in.emplace_back();
    auto& out = scores.out.emplace_back();
    const Json& values = seed["scores"][attack];
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!values[i].is_null()) (seed["in"][i] == 1 ? in : out).push_back(core::to_double(values[i]));
    }
  }
  return scores;
}

/// Share of members above the threshold that at most kPrimaryFpr of the others reach, over these seeds together.
double tpr_of(const CanaryScores& scores, std::span<const std::uint32_t> seeds) {
  std::vector<double> in, out;
  for (const std::uint32_t seed : seeds) {
    in.insert(in.end(), scores.in[seed].begin(), scores.in[seed].end());
    out.insert(out.end(), scores.out[seed].begin(), scores.out[seed].end());
  }
  // So many of the others may lie above the threshold: it is the next one's score.
  const auto allowed = static_cast<std::ptrdiff_t>(kPrimaryFpr * static_cast<double>(out.size()) + 1e-9);
  std::nth_element(out.begin(), out.begin() + allowed, out.end(), std::greater<>());
  const double threshold = out[static_cast<std::size_t>(allowed)];
  const auto found = std::count_if(in.begin(), in.end(), [&](double score) { return score > threshold; });
  return static_cast<double>(found) / static_cast<double>(in.size());
}

struct LeakageOutcome {
  LeakageArm arm;
  std::string model;
  std::optional<double> tpr;                   // absent for the control
  std::optional<stats::Interval> exact;        // Clopper-Pearson over all seeds' canaries
  std::optional<stats::Interval> clustered;    // bootstrap over seeds
  std::vector<double> tpr_by_seed, accuracy, gap_by_label, gap_by_length;
  CanaryScores scores;
  std::map<std::string, double> tpr_by_attack;
  std::optional<stats::Interval> blind;        // AUC of the baseline without a model
  double ordinary_auc = 0.5, epsilon = 0, seconds = 0;
  std::optional<double> published;
  std::int64_t trainings = 0, members = 0, others = 0;

  double mean_accuracy() const {
    double sum = 0;
    for (const double value : accuracy) sum += value;
    return sum / static_cast<double>(accuracy.size());
  }
};

LeakageOutcome outcome_of(const std::string& model, const LeakageArm& arm, const Json& cell) {
  LeakageOutcome outcome{arm, model};
  outcome.seconds = cell["seconds"];
  outcome.trainings = cell["models"];
  outcome.epsilon = core::to_double(cell["epsilon"]);
  if (cell.contains("epsilon_as_published")) outcome.published = core::to_double(cell["epsilon_as_published"]);
  for (const Json& seed : cell["seeds"]) {
    outcome.accuracy.push_back(seed["accuracy"]);
    outcome.gap_by_label.push_back(seed["gap_by_label"]);
    outcome.gap_by_length.push_back(seed["gap_by_length"]);
  }
  if (arm.kind == "control") return outcome;
  outcome.scores = canary_scores(cell, kPrimaryAttack);
  const auto seeds = stats::whole_sample(outcome.scores.in.size());
  outcome.tpr = tpr_of(outcome.scores, seeds);
  for (const std::uint32_t seed : seeds) {
    outcome.tpr_by_seed.push_back(tpr_of(outcome.scores, std::span(&seed, 1)));
    outcome.members += static_cast<std::int64_t>(outcome.scores.in[seed].size());
    outcome.others += static_cast<std::int64_t>(outcome.scores.out[seed].size());
  }
  const auto found = static_cast<std::uint64_t>(std::llround(*outcome.tpr * static_cast<double>(outcome.members)));
  outcome.exact = stats::clopper_pearson(found, static_cast<std::uint64_t>(outcome.members));
  const std::vector<stats::Stratum> strata = {seeds};
  outcome.clustered = stats::bootstrap(strata, [&](std::span<const std::uint32_t> drawn) -> std::optional<double> {
                        return tpr_of(outcome.scores, drawn);
                      }, {.resamples = 500, .seed = 1}).ci;
  for (const char* attack : {"lira-online", "lira-offline", "rmia-offline", "loss"}) {
    outcome.tpr_by_attack[attack] = tpr_of(canary_scores(cell, attack), seeds);
  }
  const CanaryScores blind = canary_scores(cell, "blind");
  // Over seeds, each of which drew its halves anew: scores of one cross-validated regression are not independent.
  std::vector<double> aucs;
  for (const std::uint32_t seed : seeds) aucs.push_back(stats::delong(blind.in[seed], blind.out[seed]).auc);
  outcome.blind = stats::mean_interval(aucs).ci;
  outcome.ordinary_auc = 0;
  for (const Json& seed : cell["seeds"]) {
    outcome.ordinary_auc += seed["ordinary_auc"][kPrimaryAttack].get<double>() / static_cast<double>(cell["seeds"].size());
  }
  return outcome;
}

std::string mean_with_ci(const std::vector<double>& values) { return mean_with_interval(values, 3); }

std::string epsilon_text(double epsilon) { return std::isinf(epsilon) ? "none" : fmt::format("{:.3g}", epsilon); }

const LeakageOutcome* find_arm(const std::vector<LeakageOutcome>& outcomes, const std::string& model, const LeakageArm& arm) {
  for (const LeakageOutcome& outcome : outcomes) {
    if (outcome.model == model && outcome.arm.name() == arm.name()) return &outcome;
  }
  return nullptr;
}

Json outcome_json(const LeakageOutcome& outcome) {
  Json json = {{"model", outcome.model},
               {"arm", outcome.arm.kind},
               {"target", outcome.arm.epsilon ? core::number(*outcome.arm.epsilon) : Json()},
               {"epsilon", core::number(outcome.epsilon)},
               {"accuracy", outcome.accuracy},
               {"gap_by_label", outcome.gap_by_label},
               {"gap_by_length", outcome.gap_by_length},
               {"seconds", outcome.seconds},
               {"n_members", outcome.members},
               {"n_nonmembers", outcome.others}};
  if (!outcome.tpr) return json;
  json["tpr_at_fpr"] = {{"0.01", *outcome.tpr}};
  json["ci"] = {{"clopper_pearson", {outcome.exact->low, outcome.exact->high}}};
  if (outcome.clustered) json["ci"]["by_seed"] = {outcome.clustered->low, outcome.clustered->high};
  json["tpr_by_seed"] = outcome.tpr_by_seed;
  json["tpr_by_attack"] = outcome.tpr_by_attack;
  return json;
}

Json leakage_table(const std::vector<LeakageOutcome>& outcomes) {
  std::vector<std::vector<std::string>> rows;
  for (const LeakageOutcome& o : outcomes) {
    const bool attacked = o.tpr.has_value();
    rows.push_back({o.model, o.arm.label(), epsilon_text(o.epsilon), o.published ? epsilon_text(*o.published) : "",
                    attacked ? with_interval(*o.tpr, o.exact, 3) : "no canaries", attacked ? with_interval(*o.tpr, o.clustered, 3) : "",
                    attacked ? fmt::format("{:.3f}", o.ordinary_auc) : "",
                    o.blind ? fmt::format("[{:.3f}, {:.3f}]", o.blind->low, o.blind->high) : "", mean_with_ci(o.accuracy),
                    fmt::format("{:.1f}", o.seconds / static_cast<double>(o.trainings))});
  }
  return study_table("What attacks find, and what it costs",
                     {"model", "arm", "epsilon", "as published", "TPR at 1 % FPR, exact interval", "interval by seed",
                      "AUC, ordinary texts", "blind AUC by seed", "intent accuracy", "seconds a training"},
                     rows,
                     "TPR: of canaries (mislabelled texts) by LiRA online with fixed variance, over all seeds together. The exact "
                     "interval (Clopper-Pearson) takes canaries for independent; the other resamples seeds. Accuracy: mean and 95 % t-interval over seeds. "
                     "epsilon: PRV upper bound (of 10,000 RDP), delta 1e-5, per example, add or remove one, Poisson sampling.");
}

Json attacks_table(const std::vector<LeakageOutcome>& outcomes) {
  std::vector<std::vector<std::string>> rows;
  for (const LeakageOutcome& o : outcomes) {
    if (!o.tpr) continue;
    std::vector<std::string> row = {o.model, o.arm.label()};
    for (const char* attack : {"lira-online", "lira-offline", "rmia-offline", "loss"}) {
      row.push_back(fmt::format("{:.3f}", o.tpr_by_attack.at(attack)));
    }
    rows.push_back(std::move(row));
  }
  return study_table("TPR at 1 % FPR by other attacks",
                     {"model", "arm", "LiRA online", "LiRA offline", "RMIA offline", "loss"}, rows,
                     "Secondary: the first was chosen beforehand.");
}

Json gaps_table(const std::vector<LeakageOutcome>& outcomes) {
  std::vector<std::vector<std::string>> rows;
  for (const LeakageOutcome& o : outcomes) {
    rows.push_back({o.model, o.arm.label(), mean_with_ci(o.gap_by_label), mean_with_ci(o.gap_by_length)});
  }
  return study_table("Accuracy gaps", {"model", "arm", "between intents", "short against long"}, rows,
                     "Largest minus smallest accuracy; mean and 95 % t-interval over seeds. SNIPS names no people: groups of speakers "
                     "are in the next table.");
}

Json groups_table(const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows;
  for (const LeakageArm& arm : leakage_group_arms()) {
    const auto cell = finished.find(leakage_group_cell(arm));
    if (cell == finished.end()) continue;
    std::vector<double> accuracy, gender, dialect;
    for (const Json& seed : cell->second["seeds"]) {
      accuracy.push_back(seed["accuracy"]);
      gender.push_back(seed["gap_by_group"]["gender"]);
      dialect.push_back(seed["gap_by_group"]["dialect"]);
    }
    rows.push_back({arm.label(), mean_with_ci(accuracy), mean_with_ci(gender), mean_with_ci(dialect)});
  }
  return study_table("Accuracy gaps between speakers, built-in corpus", {"arm", "intent accuracy", "between genders", "between dialects"}, rows,
                     "Bags of words on halves of 4,500 texts, 2,000 test lines; mean and 95 % t-interval over seeds. Nothing in the corpus depends on "
                     "gender; the rarer dialect has rarer words.");
}

/// The most accurate arm whose epsilon is proved to be within a budget.
Json budget_table(const std::vector<LeakageOutcome>& outcomes, const LeakageDesign& design) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& model : design.models) {
    for (const double budget : design.dp) {
      const LeakageOutcome* best = nullptr;
      for (const LeakageOutcome& o : outcomes) {
        if (o.model != model || !o.arm.is_private() || !(o.epsilon <= budget * 1.001)) continue;
        if (best == nullptr || o.mean_accuracy() > best->mean_accuracy()) best = &o;
      }
      if (best == nullptr) continue;
      rows.push_back({model, std::isinf(budget) ? "no bound" : fmt::format("{:g}", budget), best->arm.label(),
                      epsilon_text(best->epsilon), mean_with_ci(best->accuracy), with_interval(*best->tpr, best->exact, 3)});
    }
  }
  return study_table("Recommended setting for each budget", {"model", "budget", "arm", "epsilon", "intent accuracy", "TPR at 1 % FPR"},
                     rows, "The most accurate private arm within the budget, picked by these figures: its accuracy errs upwards.");
}

/// Arms that no other beats in both accuracy and TPR.
Json pareto_picture(const std::vector<LeakageOutcome>& outcomes, const std::string& model) {
  report::ScatterChart chart{.title = fmt::format("Leakage and accuracy, {}", model),
                             .description = "True positive rate at 1 % false positives on canaries against intent accuracy, one point for each arm.",
                             .x_label = "intent accuracy",
                             .y_label = "TPR at 1 % FPR",
                             .groups = {"no privacy", "DP-SGD", "eDP-SGD, as published", "eDP-SGD, corrected"}};
  std::vector<const LeakageOutcome*> sorted;
  for (const LeakageOutcome& o : outcomes) {
    if (o.model == model && o.tpr) sorted.push_back(&o);
  }
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->mean_accuracy() > b->mean_accuracy(); });
  double least = std::numeric_limits<double>::infinity();
  for (const LeakageOutcome* o : sorted) {
    const std::size_t group = o->arm.kind == "dp-sgd" ? 1 : o->arm.kind == "edp-sgd-published" ? 2 : o->arm.kind == "edp-sgd-corrected" ? 3 : 0;
    const std::string label = !o->arm.is_private() ? o->arm.kind : std::isinf(*o->arm.epsilon) ? "clipping" : fmt::format("{:g}", *o->arm.epsilon);
    chart.points.push_back({label, o->mean_accuracy(), *o->tpr, o->exact->low, o->exact->high, group});
    if (*o->tpr >= least) continue;
    least = *o->tpr;
    chart.front.emplace_back(o->mean_accuracy(), *o->tpr);
  }
  std::reverse(chart.front.begin(), chart.front.end());
  return {{"name", fmt::format("leakage-{}", model)},
          {"title", "Pareto chart: " + chart.title},
          {"svg", report::scatter_chart(chart)}};
}

stats::TrendTest trend_of(const std::vector<LeakageOutcome>& outcomes, const LeakageDesign& design, const std::string& model) {
  std::vector<stats::OrderedValue> values;
  for (std::size_t rank = 0; rank < design.dp.size(); ++rank) {
    const LeakageOutcome* o = find_arm(outcomes, model, {"dp-sgd", design.dp[rank]});
    if (o == nullptr) continue;
    for (std::size_t seed = 0; seed < o->tpr_by_seed.size(); ++seed) {
      values.push_back({static_cast<std::int64_t>(rank), o->tpr_by_seed[seed], static_cast<std::int64_t>(seed)});
    }
  }
  return stats::jonckheere(values);
}

Json primary_verdict(const std::vector<LeakageOutcome>& outcomes, const LeakageDesign& design, const std::string& model) {
  const std::string claim = fmt::format("A looser epsilon still lowers what attacks find ({})", model);
  const LeakageOutcome* none = find_arm(outcomes, model, {"none", {}});
  const stats::TrendTest trend = trend_of(outcomes, design, model);
  if (none == nullptr || !trend.p_value) return study_verdict(claim, "inconclusive", "cells are missing");
  const LeakageOutcome* found = nullptr;
  bool all_above = true, any = false;
  for (const LeakageOutcome& o : outcomes) {
    if (o.model != model || o.arm.kind != "dp-sgd" || *o.arm.epsilon < kLooseEpsilon || std::isinf(*o.arm.epsilon)) continue;
    any = true;
    all_above = all_above && o.exact->low > *none->tpr / 2;
    const bool accurate = o.mean_accuracy() >= none->mean_accuracy() - kAccuracyLoss;
    if (accurate && o.exact->high <= *none->tpr / 2 && (found == nullptr || *o.tpr < *found->tpr)) found = &o;
  }
  const LeakageOutcome* control = find_arm(outcomes, model, {"control", {}});
  const std::string why = fmt::format(
      "trend of TPR over epsilon: J = {:g} of {} pairs, p = {:.2g} ({}); accuracy without canaries {}; {}", trend.statistic, trend.pairs,
      *trend.p_value, trend.exact ? "exact, within seeds" : "normal approximation, within seeds",
      control != nullptr ? fmt::format("{:.3f}", control->mean_accuracy()) : "not measured",
      found != nullptr ? fmt::format("{} has TPR {} against {:.3f}, accuracy {:.3f} against {:.3f}", found->arm.label(),
                                     with_interval(*found->tpr, found->exact, 3), *none->tpr, found->mean_accuracy(), none->mean_accuracy())
                       : fmt::format("no epsilon from {:g} on halves the unprotected TPR of {:.3f} at a loss of at most 1 point of "
                                     "accuracy",
                                     kLooseEpsilon, *none->tpr));
  if (none->blind && !none->blind->contains(0.5)) {
    return study_verdict(claim, "inconclusive", "the blind baseline tells the two sides apart; " + why);
  }
  if (*trend.p_value < kTrendLevel && found != nullptr) return study_verdict(claim, "reproduced", why);
  return study_verdict(claim, any && all_above ? "not reproduced" : "inconclusive", why);
}

/// eDP-SGD against DP-SGD at one epsilon: the difference of TPR, seeds resampled in pairs.
void add_pairs(const std::vector<LeakageOutcome>& outcomes, const LeakageDesign& design, const std::string& model, Json& tables,
               Json& verdicts) {
  std::vector<std::vector<std::string>> rows;
  for (const char* kind : {"edp-sgd-published", "edp-sgd-corrected"}) {
    int compared = 0;
    bool within = true, beyond = false;
    double highest = -HUGE_VAL;
    std::string worst;
    for (const double epsilon : design.dp) {
      const LeakageOutcome *dp = find_arm(outcomes, model, {"dp-sgd", epsilon}), *edp = find_arm(outcomes, model, {kind, epsilon});
      if (dp == nullptr || edp == nullptr) continue;
      const std::vector<stats::Stratum> strata = {stats::whole_sample(std::min(dp->scores.in.size(), edp->scores.in.size()))};
      const auto difference = stats::bootstrap(strata, [&](std::span<const std::uint32_t> seeds) -> std::optional<double> {
        return tpr_of(edp->scores, seeds) - tpr_of(dp->scores, seeds);
      }, {.resamples = 500, .seed = 2});
      ++compared;
      const double low = difference.ci ? difference.ci->low : -1, high = difference.ci ? difference.ci->high : 1;
      within = within && high <= kMargin;
      beyond = beyond || low > kMargin;
      if (high > highest) {
        highest = high;
        worst = fmt::format("{} at {:g}", with_interval(*difference.value, difference.ci, 3), epsilon);
      }
      rows.push_back({model, kind, fmt::format("{:g}", epsilon), with_interval(*difference.value, difference.ci, 3),
                      fmt::format("{:+.3f}", edp->mean_accuracy() - dp->mean_accuracy())});
    }
    const std::string claim = fmt::format("eDP-SGD protects as DP-SGD does at the same {} epsilon ({})",
                                          kind == std::string("edp-sgd-published") ? "published" : "corrected", model);
    const bool enough = compared >= kLeastCompared;
    verdicts.push_back(study_verdict(claim, beyond ? "not reproduced" : within && enough ? "reproduced" : "inconclusive",
                                     fmt::format("asked: TPR higher by at most {:g} at every epsilon; largest difference {}; {} compared, {} at least are needed",
                                                 kMargin, compared > 0 ? worst : "not measured", compared, kLeastCompared)));
  }
  tables.push_back(study_table("eDP-SGD minus DP-SGD at equal epsilon, " + model, {"model", "which", "epsilon", "difference of TPR at 1 % FPR", "of accuracy"},
                               rows, "95 % bootstrap interval over seeds, in pairs. Secondary."));
}

}  // namespace

Json analyse_leakage(StudyPreset preset, const StudyResults& finished) {
  const LeakageDesign design = leakage_design(preset);
  std::vector<LeakageOutcome> outcomes;
  Json results = Json::array(), pictures = Json::array(), verdicts = Json::array();
  for (const std::string& model : design.models) {
    for (const LeakageArm& arm : leakage_arms(design)) {
      const auto cell = finished.find(leakage_cell(model, arm));
      if (cell == finished.end()) continue;
      outcomes.push_back(outcome_of(model, arm, cell->second));
      results.push_back(outcome_json(outcomes.back()));
    }
  }
  Json tables = Json::array({leakage_table(outcomes), attacks_table(outcomes)});
  for (const std::string& model : design.models) {
    verdicts.push_back(primary_verdict(outcomes, design, model));
    add_pairs(outcomes, design, model, tables, verdicts);
    const bool drawn = std::any_of(outcomes.begin(), outcomes.end(), [&](const auto& o) { return o.model == model && o.tpr; });
    if (drawn) pictures.push_back(pareto_picture(outcomes, model));
  }
  tables.push_back(gaps_table(outcomes));
  tables.push_back(groups_table(finished));
  tables.push_back(budget_table(outcomes, design));
  verdicts.push_back(study_verdict("The figures of the eDP-SGD paper's attack", "not testable", "its data, tables and attack are not public"));
  Json caveats = {
      "Canaries are texts with a wrong label, the examples that are remembered best: what is said of them is no average.",
      "What remembers canaries pays for it: their wrong labels cost the unprotected model the accuracy by which it falls short of the "
      "control, and an arm that forgets them looks the better for it.",
      "Target and shadow models draw their noise from seeds, so that the study can be repeated; a real run draws it securely.",
      "Hyper-parameters were fixed beforehand, the same for all private arms; none was tuned on these data.",
      "Early stopping looks at SNIPS' development file and is measured on its test file alone."};
  return {{"tables", tables}, {"verdicts", verdicts}, {"results", results}, {"pictures", pictures}, {"caveats", caveats}};
}

}  // namespace discreet::app
