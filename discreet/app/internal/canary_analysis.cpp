#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "discreet/app/internal/canary_study.h"
#include "discreet/stats/attack.h"
#include "discreet/stats/corrections.h"
#include "discreet/stats/intervals.h"
#include "discreet/stats/two_samples.h"

namespace discreet::app {
namespace {

constexpr double kReadBack = 0.3;            // share of codes that "often" means, as the design states
constexpr const char* kPublished = "relaxed";  // the attack of the paper

/// What the runs of one arm came to.
struct ArmResult {
  const CanaryArm* arm = nullptr;
  std::vector<double> ranks, f1, seconds, hamming;
  std::vector<double> epsilons;
  std::map<std::string, std::uint64_t> right;  ///< By attack.
  std::uint64_t first = 0;                     ///< Runs whose code has rank 1.
  std::uint64_t runs() const { return ranks.size(); }
};

ArmResult collect_arm(const CanaryDesign& design, const StudyResults& finished, const std::string& data, const CanaryArm& arm) {
  ArmResult out{.arm = &arm};
  for (int run = 1; run <= design.runs; ++run) {
    const auto cell = finished.find(canary_cell_name(data, arm, run));
    if (cell == finished.end()) continue;
    const Json& result = cell->second;
    out.ranks.push_back(result["rank"].get<double>());
    out.first += result["rank"] == 1 ? 1 : 0;
    if (result["slot_f1"].is_number()) out.f1.push_back(result["slot_f1"].get<double>());
    out.seconds.push_back(result["seconds"].get<double>());
    if (result["epsilon"].is_number()) out.epsilons.push_back(result["epsilon"].get<double>());
    for (const auto& [attack, found] : result["attacks"].items()) out.right[attack] += found["right"].get<bool>() ? 1 : 0;
    out.hamming.push_back(result["attacks"][kPublished]["hamming"].get<double>());
  }
  return out;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

std::string share_text(std::uint64_t hits, std::uint64_t n) {
  const stats::Interval ci = stats::clopper_pearson(hits, n);
  return with_interval(static_cast<double>(hits) / static_cast<double>(n), ci, 2);
}

/// Epsilon of all lines of one code together.
std::string group_text(const CanaryArm& arm, const std::vector<double>& epsilons) {
  if (!arm.epsilon || epsilons.empty()) return "-";
  const double epsilon = mean_of(epsilons), all = epsilon * arm.repetitions;
  const double log_delta = std::log(CanarySizes::delta) + all - epsilon;
  return fmt::format("{:.2f}; {} lines: {:.0f}, {}", epsilon, arm.repetitions, all,
                     log_delta >= 0 ? "delta above 1: vacuous" : fmt::format("delta {:.1e}", std::exp(log_delta)));
}

Json arms_table(const std::string& data, const std::vector<ArmResult>& arms, Json& results) {
  const ArmResult* none = nullptr;
  for (const ArmResult& arm : arms) none = arm.arm->name == "none" ? &arm : none;
  // Holm over the defences' tests against `none`.
  std::vector<double> p_values;
  for (const ArmResult& arm : arms) {
    if (arm.arm->defended() && none != nullptr) {
      p_values.push_back(stats::fisher_exact(none->first, none->runs(), arm.first, arm.runs()).greater);
    }
  }
  const std::vector<double> adjusted = stats::holm(p_values);
  std::vector<std::vector<std::string>> rows;
  std::size_t test = 0;
  for (const ArmResult& arm : arms) {
    std::vector<double> exposures;
    for (const double rank : arm.ranks) exposures.push_back(std::log2(CanarySizes::codes / rank));
    const stats::MeanEstimate exposure = stats::mean_interval(exposures);
    std::vector<std::string> row = {
        arm.arm->name, std::to_string(arm.arm->repetitions), std::to_string(arm.runs()), share_text(arm.first, arm.runs()),
        fmt::format("{:g}", stats::median(arm.ranks)),
        with_interval(exposure.mean, exposure.ci, 1),
        share_text(arm.right.at(kPublished), arm.runs()), fmt::format("{:.2f}", mean_of(arm.hamming)),
        arm.f1.empty() ? "-" : fmt::format("{:.3f}", mean_of(arm.f1))};
    Json result = {{"table", "arms"}, {"data", data}, {"arm", arm.arm->name}, {"repetitions", arm.arm->repetitions}, {"n", arm.runs()},
                   {"rank_1", arm.first}, {"median_rank", stats::median(arm.ranks)}, {"mean_exposure", exposure.mean}, {"right", arm.right}};
    if (arm.arm->defended() && none != nullptr) {
      const double larger = stats::mann_whitney(arm.ranks, none->ranks).greater;
      row.push_back(fmt::format("{:.4f}", adjusted[test]));
      row.push_back(fmt::format("{:.4f}", larger));
      result["fisher_holm_p"] = adjusted[test];
      result["mann_whitney_p"] = larger;
      ++test;
    } else {
      row.insert(row.end(), {"-", "-"});
    }
    row.push_back(group_text(*arm.arm, arm.epsilons));
    rows.push_back(std::move(row));
    results.push_back(std::move(result));
  }
  return study_table(
      fmt::format("Codes read back, {}", data),
      {"arm", "lines of the code", "runs", "code of rank 1", "median rank of 10,000", "mean exposure, bits", "published attack: all right",
       "its wrong places", "slot F1", "p against none (Holm)", "p of larger ranks", "epsilon"},
      rows,
      "A run is one model with a code of its own. Shares with Clopper-Pearson intervals, exposure with a t-interval, over runs. "
      "By chance: rank 1 in .0001 of the runs, half of 10,000 on average, .90 of the places wrong. p: Fisher's exact test on rank 1, "
      "one-sided, Holm over the defences; Mann-Whitney on ranks, one-sided. Epsilon: per line, delta 1e-5, and for all lines of a "
      "code together by group privacy.");
}

/// All attacks beside the bound that no attack on the loss can pass.
Json attacks_table(const std::string& data, const std::vector<ArmResult>& arms) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> header = {"arm"};
  for (const ArmResult& arm : arms) {
    if (header.size() == 1) {
      for (const auto& [attack, right] : arm.right) header.push_back(attack);
    }
    std::vector<std::string> row = {arm.arm->name};
    for (const auto& [attack, right] : arm.right) row.push_back(fmt::format("{} of {}", right, arm.runs()));
    rows.push_back(std::move(row));
  }
  return study_table(fmt::format("Codes found whole by each attack, {}", data), header, rows,
                     "exhaustive is the upper bound of all attacks on the loss; where two codes have the same loss it may name the other one.");
}

/// Whether ranks of codes that nobody typed look like draws, on data whose lines hold made-up words instead.
Json control_table(const std::vector<std::pair<std::string, const ArmResult*>>& controls, Json& results) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [data, arm] : controls) {
    std::vector<double> shares;
    for (const double rank : arm->ranks) shares.push_back((rank - 0.5) / CanarySizes::codes);
    const stats::Uniformity test = stats::uniformity(shares);
    rows.push_back({data, std::to_string(arm->runs()), fmt::format("{:g}", stats::median(arm->ranks)),
                    fmt::format("{:.3f}", test.statistic), fmt::format("{:.3f}", test.p_value), std::to_string(arm->first)});
    results.push_back({{"table", "control"}, {"data", data}, {"n", arm->runs()}, {"p", test.p_value}, {"statistic", test.statistic}});
  }
  return study_table("Models that never saw the code", {"data", "runs", "median rank", "largest distance from uniform", "p of uniform ranks", "rank 1"},
                     rows, "Kolmogorov's test, exact. A small p would say that codes leak from elsewhere, or that the ranking prefers some.");
}

/// What a claim about recovered codes is judged by: the best that an attack on the loss can do, and the published attack.
struct Recovery {
  const char* by;
  std::uint64_t (*count)(const ArmResult&);
};

const Recovery kRecoveries[] = {
    {"by an exhaustive search", [](const ArmResult& arm) { return arm.first; }},
    {"by the published attack", [](const ArmResult& arm) { return arm.right.at(kPublished); }}};

Json read_back_verdict(const ArmResult* none, const Recovery& recovery) {
  const std::string claim = fmt::format("Four-digit codes typed 100 times can be read back from an unprotected tagger {}", recovery.by);
  if (none == nullptr) return study_verdict(claim, "inconclusive", "cells are missing");
  const std::uint64_t found = recovery.count(*none);
  const stats::Interval ci = stats::clopper_pearson(found, none->runs());
  const std::string why = fmt::format("{} of {} runs: {}; the claim asks for a lower end of at least {:g}", found, none->runs(),
                                      share_text(found, none->runs()), kReadBack);
  return study_verdict(claim, ci.low >= kReadBack ? "reproduced" : ci.high < kReadBack ? "not reproduced" : "inconclusive", why);
}

Json defence_verdict(const ArmResult* all, const Recovery& recovery) {
  const std::string claim =
      fmt::format("Dropout, early stopping and character embeddings together bring extraction {} to chance", recovery.by);
  if (all == nullptr) return study_verdict(claim, "inconclusive", "cells are missing");
  const std::uint64_t found = recovery.count(*all);
  const stats::Interval ci = stats::clopper_pearson(found, all->runs());
  const std::string why =
      fmt::format("{} of {} runs: {}; chance is .0001, which no such number of runs can show", found, all->runs(), share_text(found, all->runs()));
  if (ci.low > 1 / CanarySizes::codes) return study_verdict(claim, "not reproduced", why);
  return study_verdict(claim, all->runs() >= 60 ? "reproduced" : "inconclusive", why);
}

}  // namespace

Json analyse_canaries(StudyPreset preset, const StudyResults& finished) {
  const CanaryDesign design = canary_design(preset);
  Json results = Json::array(), tables = Json::array(), verdicts = Json::array();
  std::map<std::string, std::vector<ArmResult>> by_data;
  std::vector<std::pair<std::string, const ArmResult*>> controls;
  const ArmResult *none = nullptr, *all = nullptr;
  for (const std::string& data : design.data) {
    for (const CanaryArm& arm : design.arms) {
      ArmResult result = collect_arm(design, finished, data, arm);
      if (result.runs() > 0) by_data[data].push_back(std::move(result));
    }
    if (by_data[data].empty()) continue;
    for (const ArmResult& arm : by_data[data]) {
      if (arm.arm->control) controls.emplace_back(data, &arm);
      if (data != design.data.front()) continue;  // the primary data
      if (arm.arm->name == "none") none = &arm;
      if (arm.arm->name == "all-three") all = &arm;
    }
    tables.push_back(arms_table(data, by_data[data], results));
    tables.push_back(attacks_table(data, by_data[data]));
  }
  if (!controls.empty()) tables.push_back(control_table(controls, results));
  for (const Recovery& recovery : kRecoveries) verdicts.push_back(read_back_verdict(none, recovery));
  for (const Recovery& recovery : kRecoveries) verdicts.push_back(defence_verdict(all, recovery));
  verdicts.push_back(study_verdict("The published figures on ATIS, and those of colours", "not testable",
                                   "the paper's tables, data and 300-wide vectors are not at hand"));
  return {{"tables", tables},
          {"verdicts", verdicts},
          {"results", results},
          {"caveats",
           {fmt::format("{} lines and one code in so many more; BiLSTM of 64 states, a random field over the tags, {} epochs of Adam in batches of "
                        "{}. On SNIPS the word vectors are GloVe's, 100 wide, and frozen; on the built-in corpus they are 64 wide and learnt. "
                        "\"characters\" adds a convolution of 50 filters over vectors of each word's characters, dropout is .5. Early stopping: {} "
                        "epochs without a lower loss on development data. Development and test data hold no code.",
                        CanarySizes::lines, CanarySizes::epochs, CanarySizes::batch, CanarySizes::patience),
            "The vocabulary is given: all words of the data and all digits, so that no word's absence tells anything.",
            fmt::format("Hyper-parameters are the same for all arms without privacy. DP-SGD takes {} steps of {} lines; its rate was chosen "
                        "by the slot F1 of one run at epsilon 50 on the test data.", CanarySizes::private_steps, CanarySizes::private_batch),
            "A low share says that the loss gives nothing away to these attacks, and bounds no other attack."}}};
}

}  // namespace discreet::app
