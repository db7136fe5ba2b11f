#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "discreet/app/ops/internal/canary_losses.h"
#include "discreet/app/ops/internal/learnt_canaries.h"
#include "discreet/core/config.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"
#include "discreet/stats/exposure.h"
#include "discreet/stats/intervals.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

constexpr double kRankedSpace = 1e6;

/// The attacks that were asked for, or all.
std::vector<std::string> extraction_names(const Json& request) {
  std::vector<std::string> names = request.value("attacks", std::vector<std::string>{});
  for (const std::string& name : names) core::registry().find("extraction", name);
  if (!names.empty()) return names;
  for (const core::Entry* entry : core::registry().list("extraction")) names.push_back(entry->name);
  return names;
}

/// ATTACK.OPTION=VALUE assignments; an unknown attack is told.
core::Config extraction_options(const Json& request) {
  core::Config config;
  for (const std::string& assignment : request.value("set", std::vector<std::string>{})) config.add_assignment(assignment);
  for (const auto& [name, value] : config.values().items()) core::registry().find("extraction", name);
  return config;
}

/// One canary under one attack.
struct Try {
  bool planted = false;
  bool right = false;
  double wrong_share = 0;  ///< Hamming distance over the number of places.
  double random_right = 0, random_wrong = 0;  ///< Of guessing uniformly.
  audit::Extraction found;
};

double share_wrong(const audit::Code& code, const audit::Code& truth) {
  double wrong = 0;
  for (std::size_t i = 0; i < code.size(); ++i) wrong += code[i] != truth[i] ? 1 : 0;
  return wrong / static_cast<double>(code.size());
}

Try judged(const audit::Extraction& found, const audit::Code& truth, const text::CanaryPattern& pattern, bool planted) {
  Try one{.planted = planted, .right = found.code == truth, .wrong_share = share_wrong(found.code, truth), .found = found};
  one.random_right = 1 / pattern.space();
  for (const auto& place : pattern.candidates) {
    one.random_wrong += (1 - 1 / static_cast<double>(place.size())) / static_cast<double>(pattern.candidates.size());
  }
  return one;
}

/// P[at least `hits` of the tries are right] when each is right with its own chance, all small or all alike:
/// a Poisson-binomial distribution, by convolution.
double chance_of_hits(const std::vector<double>& chances, std::uint64_t hits) {
  std::vector<double> mass{1.0};
  for (const double p : chances) {
    mass.push_back(0);
    for (std::size_t k = mass.size(); k-- > 0;) mass[k] = mass[k] * (1 - p) + (k > 0 ? mass[k - 1] * p : 0);
  }
  double tail = 0;
  for (std::size_t k = mass.size(); k-- > hits;) tail += mass[k];
  return std::min(1.0, tail);
}

Json side_of(const std::vector<Try>& tries, bool planted, double confidence) {
  std::vector<double> chances;
  std::uint64_t right = 0;
  double wrong = 0, random_wrong = 0;
  for (const Try& one : tries) {
    if (one.planted != planted) continue;
    chances.push_back(one.random_right);
    right += one.right ? 1 : 0;
    wrong += one.wrong_share;
    random_wrong += one.random_wrong;
  }
  Json side = {{"n", chances.size()}};
  if (chances.empty()) {
    core::set_absent(side, "accuracy", planted ? "no canary was planted" : "every canary was planted");
    return side;
  }
  const double n = static_cast<double>(chances.size());
  const stats::Interval ci = stats::clopper_pearson(right, chances.size(), confidence);
  double random = 0;
  for (const double p : chances) random += p / n;
  side["accuracy"] = static_cast<double>(right) / n;
  side["ci"] = {{"accuracy", {ci.low, ci.high}}};
  side["hamming"] = wrong / n;
  side["random_accuracy"] = random;
  side["random_hamming"] = random_wrong / n;
  side["p_value"] = chance_of_hits(chances, right);
  return side;
}

/// Everything of one pattern: its canaries, the model's losses of it.
struct Target {
  std::vector<const Canary*> canaries;
  std::unique_ptr<PatternLosses> losses;
  std::vector<double> every;  ///< Losses by number, where they were enumerated.
};

std::vector<Target> targets_of(const RunModel& run, const CanaryFile& file) {
  std::vector<Target> targets;
  for (const Canary& canary : file.canaries) {
    if (canary.kind != "pattern") continue;
    const auto same = std::ranges::find_if(targets, [&](const auto& t) { return same_sentences(*t.canaries.front(), canary); });
    if (same != targets.end()) {
      same->canaries.push_back(&canary);
    } else {
      targets.push_back({{&canary}, std::make_unique<PatternLosses>(run, canary), {}});
    }
  }
  if (targets.empty()) {
    throw bad_data("there is no canary with a pattern in the canary file: nothing of a mislabelled example is unknown",
                   "Plant some with `audit plant --pattern`.");
  }
  return targets;
}

Json canary_rows(const std::vector<Target>& targets, bool show_text) {
  Json rows = Json::array();
  for (const Target& target : targets) {
    const double space = target.losses->pattern().space();
    for (const Canary* canary : target.canaries) {
      Json row = {{"canary", canary->id}, {"pattern", canary->pattern}, {"planted", canary->planted},
                  {"repetitions", canary->repetitions}, {"candidates", core::number(space)}};
      if (show_text) row["text"] = canary->example.text;
      if (target.every.empty()) {
        core::set_absent(row, "rank", fmt::format("{:g} candidates were not enumerated", space));
      } else {
        const std::uint64_t number = audit::number_of_code(*target.losses->problem(), target.losses->code_of(*canary));
        const std::uint64_t rank = audit::exposure_rank(target.every, number);
        row["rank"] = rank;
        row["exposure"] = stats::exposure_of_rank(rank, space);
      }
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

/// Request: run; canaries; attacks (all unless told); set (ATTACK.OPTION=VALUE); seed, confidence, show_text;
/// out (a file instead of RUN/audits).
Json extract_of_run(const Json& request, core::OperationContext& context) {
  const fs::path path = request.at("run").get<std::string>();
  const core::RunDir directory = core::RunDir::open(path);
  CanaryFile file = read_canaries(request.at("canaries").get<std::string>());
  const std::string held_back = take_held_back(path, file.canaries);
  const std::vector<std::string> names = extraction_names(request);
  const core::Config options = extraction_options(request);
  const auto seed = request.value("seed", std::uint64_t{0});
  const double confidence = request.value("confidence", 0.95);
  const bool show_text = request.value("show_text", false);
  const RunModel run = open_run_model(path);
  std::vector<Target> targets = targets_of(run, file);

  Json document = core::make_document({.schema = "discreet.audit.extract/1",
                                       .configuration = {{"attacks", names}, {"set", options.values()}, {"seed", seed},
                                                         {"confidence", confidence}, {"show_text", show_text}},
                                       .inputs = {core::describe_input("model", path / "model"), file.input}});
  document["run"] = path.string();
  document["not_private"] = true;
  document["unavailable"] = Json::array();
  std::int64_t several = 0;
  for (Target& target : targets) {
    const audit::ExtractionProblem* problem = target.losses->problem();
    if (problem != nullptr && problem->space() <= kRankedSpace) target.every = audit::all_losses(*problem, kRankedSpace);
    several += std::ranges::count_if(target.canaries, [](const Canary* c) { return c->planted; }) > 1 ? 1 : 0;
  }
  Json rows = canary_rows(targets, show_text);
  for (const std::string& name : names) {
    const auto attack = core::registry().make<audit::ExtractionAttack>("extraction", name);
    std::vector<Try> tries;
    std::string reason;
    const auto started = std::chrono::steady_clock::now();
    std::int64_t evaluations = 0, place = 0;
    for (const Target& target : targets) {
      if (context.stopping()) throw core::interrupted(context, "Nothing was kept.");
      const audit::ExtractionProblem* problem = target.losses->problem();
      const std::string missing = problem != nullptr ? attack.missing(*problem) : "a secret word is not one token of this model";
      if (!missing.empty()) {
        reason = missing;
        place += static_cast<std::int64_t>(target.canaries.size());
        continue;
      }
      const audit::Extraction found = attack.run(*problem, options, seed);
      evaluations += found.evaluations;
      for (const Canary* canary : target.canaries) {
        tries.push_back(judged(found, target.losses->code_of(*canary), target.losses->pattern(), canary->planted));
        Json row = {{"right", tries.back().right}, {"hamming", tries.back().wrong_share}, {"loss", found.loss}};
        if (!target.every.empty()) row["rank_of_answer"] = audit::exposure_rank(target.every, audit::number_of_code(*problem, found.code));
        if (show_text) {
          std::string text;
          for (const std::string& word : target.losses->pattern().sentence(found.code)) text += (text.empty() ? "" : " ") + word;
          row["answer"] = text;
        }
        rows[static_cast<std::size_t>(place++)]["attacks"][name] = std::move(row);
      }
    }
    if (!reason.empty()) document["unavailable"].push_back({{"attack", name}, {"reason", reason}});
    if (tries.empty()) continue;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    Json result = {{"attack", name}, {"evaluations", evaluations}, {"seconds", took.count()}};
    result.update(side_of(tries, true, confidence));
    result["not_planted"] = side_of(tries, false, confidence);
    document["results"].push_back(std::move(result));
  }
  document["canaries"] = std::move(rows);
  if (document["results"].empty()) {
    throw usage_error(fmt::format("no attack can run: {}", document["unavailable"][0]["reason"].get<std::string>()));
  }
  document["caveats"] = {"Canaries are not private: nothing here is covered by a guarantee.",
                         "No attack on the loss finds a better code than the exhaustive search; where that fails, another "
                         "signal might still succeed."};
  if (several > 0) {
    document["caveats"].push_back(fmt::format(
        "{} patterns were planted with several codes: an attack gives one answer a pattern, so at most one of them can be right.", several));
  }
  if (!held_back.empty()) document["caveats"].push_back(held_back);
  if (const std::string elsewhere = planted_elsewhere(file, directory.manifest()); !elsewhere.empty()) {
    document["caveats"].push_back(elsewhere);
  }
  write_finding(request, directory, document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_extract(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "extract",
                .summary = "Extraction of planted codes from a run's model by white-box inversion and search",
                .reference = "Parikh, Dupuy and Gupta 2022",
                .make = core::Operation(&app::extract_of_run)});
}

}  // namespace discreet
