#include "discreet/app/epsilon_audit.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "discreet/app/membership_scores.h"
#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::app {
namespace {

using privacy::AttackCounts;
using privacy::OneRun;
using Scores = std::vector<double>;

double level_of(const EpsilonAudit& audit) {
  if (!(audit.confidence > 0.5 && audit.confidence < 1)) {
    throw usage_error(
        fmt::format("confidence = {}: expected a number in (0.5, 1)", audit.confidence));
  }
  if (audit.tried < 1) throw usage_error("tried = 0: expected an integer >= 1");
  return (1 - audit.confidence) / static_cast<double>(audit.tried);
}

Json audit_configuration(const EpsilonAudit& audit, const std::vector<std::string>& methods) {
  Json json{{"methods", methods},
            {"delta", audit.delta},
            {"confidence", audit.confidence},
            {"tried", audit.tried}};
  json["claimed_epsilon"] = audit.claimed ? core::number(*audit.claimed) : Json();
  return json;
}

Json counts_json(const AttackCounts& c) {
  return {{"tp", c.tp}, {"fn", c.fn}, {"fp", c.fp}, {"tn", c.tn}};
}

Json run_json(const OneRun& run) {
  return {{"canaries", run.canaries}, {"guesses", run.guesses}, {"correct", run.correct}};
}

bool is_ratio(const std::string& method, privacy::RatioMethod& found) {
  for (const auto known : privacy::kRatioMethods) {
    if (privacy::name(known) == method) {
      found = known;
      return true;
    }
  }
  return false;
}

[[noreturn]] void unknown_method(const std::string& method, const char* known) {
  throw usage_error(fmt::format("method '{}' is not known here", method),
                    std::string("One of: ") + known + ".");
}

Json result_row(const std::string& method, double epsilon, double level,
                const EpsilonAudit& audit) {
  Json row{{"method", method}, {"epsilon_lower", core::number(epsilon)}, {"significance", level}};
  if (audit.claimed) row["contradicts_claim"] = epsilon > *audit.claimed;
  return row;
}

Json row_of_counts(const std::string& method, const std::vector<AttackCounts>& rules, double level,
                   const EpsilonAudit& audit) {
  privacy::RatioMethod ratio{};
  if (method == "clopper-pearson") {
    const double each = level / static_cast<double>(rules.size());
    Json best;
    for (const AttackCounts& rule : rules) {
      const double epsilon = privacy::clopper_pearson_epsilon(rule, audit.delta, each);
      if (!best.is_null() && epsilon <= core::to_double(best["epsilon_lower"])) continue;
      best = result_row(method, epsilon, each, audit);
      best["epsilon_lower_reversed"] = core::number(
          privacy::clopper_pearson_epsilon({rule.tn, rule.fp, rule.fn, rule.tp}, audit.delta, each));
      best["counts"] = counts_json(rule);
    }
    return best;
  }
  if (method == "gdp") {
    Json row = result_row(method, privacy::gdp_epsilon_lower_bound(rules, audit.delta, level), level,
                          audit);
    row["mu_lower"] = privacy::gdp_mu_lower_bound(rules, level);
    if (rules.size() == 1) row["counts"] = counts_json(rules[0]);
    return row;
  }
  if (is_ratio(method, ratio)) {
    if (rules.size() != 1) {
      throw usage_error(method + ": a bound on a ratio of rates is for one rule", "--threshold X or --select split give one.");
    }
    if (audit.delta != 0) {
      throw usage_error(fmt::format("{}: delta = {}: a bound on the ratio of rates holds for delta 0",
                                    method, audit.delta),
                        "Use --clopper-pearson for another delta.");
    }
    const double bound = privacy::ratio_lower_bound(rules[0], ratio, level);
    Json row = result_row(method, bound > 1 ? std::log(bound) : 0, level, audit);
    row["ratio_lower"] = bound;
    row["approximate"] = true;
    row["counts"] = counts_json(rules[0]);
    return row;
  }
  unknown_method(method, "clopper-pearson, gdp, katz-log, adjusted-log, bailey, inverse-sinh");
}

bool is_one_run(const std::string& method) {
  return method == "one-run" || method == "one-run-gaussian";
}

/// The rule with the largest bound, each at `level`.
struct BestRun {
  double epsilon = 0;
  std::size_t index = 0;
};

BestRun best_run(const std::string& method, const std::vector<OneRun>& runs, double level,
                 const EpsilonAudit& audit) {
  if (!is_one_run(method)) unknown_method(method, "one-run, one-run-gaussian");
  // The most telling rules first: one comparison then rules out most of the others.
  std::vector<std::size_t> order(runs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto precision = [&](std::size_t i) {
    const auto n = static_cast<double>(runs[i].guesses), v = static_cast<double>(runs[i].correct);
    return n == 0 ? -1.0 : v / n - 1 / std::sqrt(n);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return precision(a) > precision(b); });
  BestRun best{0, order[0]};
  for (const std::size_t i : order) {
    const double epsilon =
        method == "one-run"
            ? privacy::one_run_epsilon(runs[i], audit.delta, level, best.epsilon)
            : privacy::one_run_gaussian_epsilon(runs[i], audit.delta, level, best.epsilon);
    if (epsilon > best.epsilon) best = {epsilon, i};
  }
  return best;
}

Json row_of_runs(const std::string& method, const std::vector<OneRun>& runs, double level,
                 const EpsilonAudit& audit) {
  const double each = level / static_cast<double>(runs.size());
  const BestRun best = best_run(method, runs, each, audit);
  Json row = result_row(method, best.epsilon, each, audit);
  row["counts"] = run_json(runs[best.index]);
  return row;
}

void add_common_caveats(const std::vector<std::string>& methods, const EpsilonAudit& audit,
                        Json& document) {
  Json& c = document["caveats"];
  c.push_back(
      "A lower bound from one attack: a weak attack gives a small bound whatever the mechanism does.");
  for (const auto& method : methods) {
    privacy::RatioMethod ratio{};
    if (method == "gdp" || method == "one-run-gaussian") {
      c.push_back(fmt::format(
          "'{}' assumes the trade-off curve of Gaussian noise: it is no bound for other mechanisms.",
          method));
    }
    if (is_ratio(method, ratio)) {
      c.push_back(fmt::format("'{}' is an approximate interval, by a normal limit.", method));
    }
    if (is_one_run(method)) {
      c.push_back(fmt::format(
          "'{}' holds if each canary was included by its own fair coin, and if guesses were chosen "
          "without knowing the coins.",
          method));
    }
  }
  if (audit.tried == 1) {
    c.push_back(
        "No correction for rules tried before this one: if there were others on the same scores, "
        "say how many (--tried).");
  }
}

Json start_audit(const std::vector<std::string>& methods, const EpsilonAudit& audit,
                 std::vector<core::InputFile> inputs = {}) {
  if (methods.empty()) throw usage_error("audit epsilon without a method");
  return core::make_document({.schema = "discreet.audit.epsilon/1",
                              .configuration = audit_configuration(audit, methods),
                              .inputs = std::move(inputs)});
}

/// Two halves of the scores, by a seeded shuffle.
std::pair<Scores, Scores> halves(Scores scores, std::uint64_t seed, const char* side) {
  core::ReproducibleRng rng(seed, std::string("audit-epsilon-split-") + side);
  core::shuffle(std::span<double>(scores), rng);
  const auto middle = scores.begin() + static_cast<std::ptrdiff_t>(scores.size() / 2);
  return {Scores(scores.begin(), middle), Scores(middle, scores.end())};
}

/// Counts of the rule "among the `guesses` highest scores"; equal scores stand or fall together, so
/// that labels have no part in it.
AttackCounts top(const Scores& with, const Scores& without, std::uint64_t guesses) {
  Scores all = with;
  all.insert(all.end(), without.begin(), without.end());
  if (guesses < 1 || guesses > all.size()) {
    throw usage_error(fmt::format("guesses = {}: expected 1 to {}, the number of canaries", guesses,
                                  all.size()));
  }
  const auto place = all.begin() + static_cast<std::ptrdiff_t>(guesses - 1);
  std::nth_element(all.begin(), place, all.end(), std::greater<>());
  return privacy::counts_at(with, without, *place);
}

struct Rules {
  std::vector<AttackCounts> counts;
  std::string words;
};

OneRun as_run(const AttackCounts& c) {
  return {c.tp + c.fn + c.fp + c.tn, c.tp + c.fp, c.tp};
}

Rules fixed_rules(const std::string& method, const MemberScores& scores, const RuleChoice& choice) {
  if (choice.threshold) {
    return {{privacy::counts_at(scores.members, scores.nonmembers, *choice.threshold)},
            fmt::format("threshold {} fixed beforehand", *choice.threshold)};
  }
  if (!is_one_run(method)) {
    throw usage_error(fmt::format("{} from scores needs a rule", method),
                      "--threshold X if it was fixed beforehand, else --select split or hull.");
  }
  std::vector<std::uint64_t> guesses = choice.guesses;
  if (guesses.empty()) {
    const auto canaries = static_cast<double>(scores.members.size() + scores.nonmembers.size());
    for (const double share : {0.01, 0.02, 0.05, 0.1, 0.2, 0.5}) {
      const auto count = static_cast<std::uint64_t>(std::max(1.0, std::round(share * canaries)));
      if (guesses.empty() || guesses.back() != count) guesses.push_back(count);
    }
  }
  Rules rules{{}, fmt::format("{} numbers of guesses fixed beforehand", guesses.size())};
  for (const auto count : guesses) {
    rules.counts.push_back(top(scores.members, scores.nonmembers, count));
  }
  return rules;
}

/// The rule that does best on one half, applied to the other.
Rules split_rules(const std::string& method, const MemberScores& scores, const RuleChoice& choice,
                  double level, const EpsilonAudit& audit) {
  const auto [choose_in, use_in] = halves(scores.members, choice.seed, "members");
  const auto [choose_out, use_out] = halves(scores.nonmembers, choice.seed, "nonmembers");
  if (choose_in.empty() || choose_out.empty()) {
    throw bad_data("too few scores to split: expected at least two of each side");
  }
  const auto hull = privacy::threshold_hull(choose_in, choose_out);
  AttackCounts chosen = hull.front();
  if (is_one_run(method)) {
    std::vector<OneRun> runs;
    for (const AttackCounts& rule : hull) runs.push_back(as_run(rule));
    chosen = hull[best_run(method, runs, level, audit).index];
  } else {
    double best = -1;
    for (const AttackCounts& rule : hull) {
      const Json row = row_of_counts(method, {rule}, level, audit);
      const double epsilon = core::to_double(row["epsilon_lower"]);
      if (epsilon > best) best = epsilon, chosen = rule;
    }
  }
  // The threshold with these counts: so many scores lie at or above it.
  Scores all = choose_in;
  all.insert(all.end(), choose_out.begin(), choose_out.end());
  std::sort(all.begin(), all.end(), std::greater<>());
  const double threshold = chosen.tp + chosen.fp == 0 ? HUGE_VAL : all[chosen.tp + chosen.fp - 1];
  return {{privacy::counts_at(use_in, use_out, threshold)},
          fmt::format("threshold {:.6g} chosen on one half, used on the other", threshold)};
}

}  // namespace

Json epsilon_of_counts(const AttackCounts& counts, const std::vector<std::string>& methods,
                       const EpsilonAudit& audit) {
  Json document = start_audit(methods, audit);
  const double level = level_of(audit);
  for (const auto& method : methods) {
    document["results"].push_back(row_of_counts(method, {counts}, level, audit));
  }
  add_common_caveats(methods, audit, document);
  return document;
}

Json epsilon_of_run(const OneRun& run, const std::vector<std::string>& methods,
                    const EpsilonAudit& audit) {
  Json document = start_audit(methods, audit);
  const double level = level_of(audit);
  for (const auto& method : methods) {
    document["results"].push_back(row_of_runs(method, {run}, level, audit));
  }
  add_common_caveats(methods, audit, document);
  return document;
}

Json epsilon_of_scores(const std::filesystem::path& path, const std::vector<std::string>& methods,
                       const RuleChoice& choice, const EpsilonAudit& audit) {
  if (choice.select != "fixed" && choice.select != "split" && choice.select != "hull") {
    throw usage_error(fmt::format("select '{}' is not known", choice.select),
                      "One of: fixed, split, hull.");
  }
  const MemberScores scores = read_member_scores(path, choice.score);
  Json document = start_audit(methods, audit, {core::describe_input("scores", path)});
  Json& configuration = document["configuration"];
  configuration["select"] = choice.select;
  configuration["score"] = choice.score;
  if (choice.threshold) configuration["threshold"] = *choice.threshold;
  if (!choice.guesses.empty()) configuration["guesses"] = choice.guesses;
  if (choice.select == "split") configuration["seed"] = choice.seed;
  const double level = level_of(audit);
  for (const auto& method : methods) {
    Rules rules;
    if (choice.select == "fixed") {
      rules = fixed_rules(method, scores, choice);
    } else if (choice.select == "split") {
      rules = split_rules(method, scores, choice, level, audit);
    } else {
      rules.counts = privacy::threshold_hull(scores.members, scores.nonmembers);
      rules.words = fmt::format("all {} thresholds of the hull, corrected for their number",
                                rules.counts.size());
    }
    Json row;
    if (is_one_run(method)) {
      std::vector<OneRun> runs;
      for (const AttackCounts& rule : rules.counts) runs.push_back(as_run(rule));
      row = row_of_runs(method, runs, level, audit);
    } else {
      row = row_of_counts(method, rules.counts, level, audit);
    }
    row["rule"] = rules.words;
    row["rules"] = rules.counts.size();
    row["n_members"] = scores.members.size();
    row["n_nonmembers"] = scores.nonmembers.size();
    document["results"].push_back(std::move(row));
  }
  add_common_caveats(methods, audit, document);
  if (choice.select == "hull") {
    document["caveats"].push_back(
        "The hull was found on the same scores: correcting for its vertices is customary and nearly "
        "always enough, but not proven; --select split is.");
  }
  return document;
}

}  // namespace discreet::app
