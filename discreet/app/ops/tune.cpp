#include <cmath>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/internal/budget.h"
#include "discreet/app/ops/internal/processes.h"
#include "discreet/app/ops/internal/request.h"
#include "discreet/app/ops/internal/session.h"
#include "discreet/app/tune.h"
#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/core/scratch_folder.h"
#include "discreet/nn/distributed/data_parallel.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/answers.h"
#include "discreet/privacy/calibrate.h"
#include "discreet/privacy/ledger.h"
#include "discreet/privacy/noise.h"
#include "discreet/privacy/selection.h"

namespace discreet {
namespace app {
namespace {
namespace fs = std::filesystem;

/// Everything that is fixed before the first run.
struct Selection {
  Settings base;
  TuneOptions tune;
  privacy::RunCount runs;
  std::string metric;
  std::vector<Candidate> candidates;
  RunData data;
  EncodedData development;
  std::shared_ptr<nn::ParallelRun> parallel = std::make_shared<nn::ParallelRun>();
  double noise_multiplier = 0;
  privacy::Relation relation = privacy::Relation::kAddOrRemoveOne;
  privacy::Event one = privacy::Event::composed({});  ///< What each training costs.

  bool charged() const { return tune.score_noise > 0; }
  privacy::Event whole(const privacy::Event& training) const {
    using privacy::Event;
    if (!charged()) return Event::repeat_and_select(runs, training);
    return Event::repeat_and_select(
        runs, Event::composed({training, Event::gaussian(privacy::NoiseMultiplier(tune.score_noise))}));
  }
};

/// A share of right answers among a public number: the one metric that an example moves by 1/n at most.
std::string accuracy_of(const Settings& settings) {
  return settings.task == "text-classification" ? "accuracy" : "intent_accuracy";
}

void check_tunable(const Selection& s) {
  const Settings& base = s.base;
  if (core::process_place().size > 1) {
    throw usage_error("train --tune works in one process", "Start it without a launcher.");
  }
  if (!base.privacy.is_private()) {
    throw usage_error("train --tune is private selection, but privacy.mechanism is \"none\"",
                      "Set privacy.mechanism, or compare runs by train --repeat.");
  }
  if (s.tune.grid.empty()) {
    throw usage_error("tune.grid is empty: there is nothing to choose among",
                      "For example: tune.grid = [\"train.learning_rate=0.1,0.3,1\"].");
  }
  if (base.data.dev.empty()) throw usage_error("train --tune chooses by data.dev, and there is none");
  const std::string noisy = accuracy_of(base);
  if (base.data.dev_public == s.charged()) {
    throw privacy_refused(
        base.data.dev_public
            ? "tune.score_noise puts noise on scores, but data.dev_public says that data.dev holds nothing private"
            : "data.dev is neither public nor charged: which run is best tells of it, and nothing bounds that",
        "Set either data.dev_public = true, or tune.score_noise with the metric " + noisy + ".");
  }
  if (!s.charged()) return;
  if (s.metric != noisy || (base.task != "text-classification" && base.task != "intent-slot")) {
    throw privacy_refused(fmt::format("tune.score_noise with the metric '{}': one example may move it by any amount",
                                      s.metric),
                          "Take tune.metric = \"" + noisy + "\", or public development data.");
  }
  if (base.privacy.unit == "user") {
    throw privacy_refused("tune.score_noise protects examples, and privacy.unit is \"user\"",
                          "Choose by public development data.");
  }
  if (base.train.patience > 0) {
    throw privacy_refused("train.patience looks at data.dev without noise", "Leave it out, or name public data.");
  }
}

/// A session whose run is kept nowhere, for looking at plans.
Session rehearsal_of(const Selection& s, const Settings& settings) {
  return {.settings = settings,
          .parallel = s.parallel,
          .run = core::RunDir::kept_elsewhere(run_folder(s.base)),
          .data = s.data};
}

core::OperationContext quiet() {
  core::OperationContext context;
  context.quiet = true;
  return context;
}

/// The noise that makes the whole choice cost privacy.epsilon.
void calibrate(Selection& s) {
  const PrivacyOptions& asked = s.base.privacy;
  Session session = rehearsal_of(s, s.candidates.front().settings);
  session.model = make_run_model(session.settings, session.data.encoder);
  const auto event = planned_event(session);
  const auto accountant = privacy::make_accountant(asked.accountant);
  if (asked.noise_multiplier) {
    s.noise_multiplier = *asked.noise_multiplier;
  } else {
    const privacy::Target target{*asked.epsilon, *asked.delta, accountant.get()};
    s.noise_multiplier =
        privacy::calibrate_noise_multiplier(target, [&](double m) { return s.whole(event(m)); }).value;
  }
  s.one = event(s.noise_multiplier);
  if (const std::string why = accountant->why_not(s.whole(s.one)); !why.empty()) {
    throw privacy_refused(fmt::format("accountant {}: {}", asked.accountant, why),
                          "Set privacy.accountant = \"rdp\".");
  }
}

/// The candidates with the calibrated noise. All must be able to run, and cost the same: the price of a
/// choice is known for one mechanism, whatever its settings.
void prepare_candidates(Selection& s) {
  for (Candidate& candidate : s.candidates) {
    PrivacyOptions& privacy = candidate.settings.privacy;
    privacy.epsilon.reset();
    privacy.noise_multiplier = s.noise_multiplier;
    privacy.accountant = s.base.privacy.accountant;
    privacy.ledger.clear();
    Session session = rehearsal_of(s, candidate.settings);
    auto context = quiet();
    prepare(session, false, context);
    s.relation = session.plan->relation;
    if (planned_event(session)(s.noise_multiplier) == s.one) continue;
    throw privacy_refused(
        fmt::format("tune.grid: a run with {} does not cost what others do", fmt::join(candidate.assignments, ", ")),
        "Candidates may differ in what noise, batches and steps do not depend on.");
  }
}

Selection selection_of(const Json& request) {
  core::Config config = requested_config(request);
  Selection s;
  s.tune = tune_fields().parse(config);
  s.runs = privacy::parse_runs(s.tune.runs);
  if (std::isinf(s.runs.shape)) {
    throw usage_error("tune.runs: a Poisson number of runs may be none, and then there is nothing to release",
                      "Take geometric or logarithmic.");
  }
  if (config.origin("privacy.accountant") == "default") config.set("privacy.accountant", "rdp", "train --tune");
  s.base = parse_settings(config);
  s.metric = s.tune.metric.empty() ? selection_metric(s.base) : s.tune.metric;
  check_tunable(s);
  s.candidates = candidates_of(config, s.tune);
  set_threads(s.base.train.threads);
  s.data = load_run_data(s.base);
  // With what a private score must not see, no training may log anything.
  s.development = s.data.dev;
  if (s.charged()) s.data.dev = {};
  calibrate(s);
  prepare_candidates(s);
  return s;
}

/// Makes what is stated of one run what holds for the choice.
void state_selection(const Selection& s, privacy::PrivacyRun& run) {
  run.event = s.whole(run.event ? *run.event : privacy::event_of(run.phases));
  run.target_epsilon = s.base.privacy.epsilon;
  run.development_data_public = !s.charged();
  const std::string scores =
      s.charged() ? fmt::format(" with noise {:g} on the number of right answers", s.tune.score_noise) : "";
  run.details += fmt::format("{}the best of {} over {} candidates by {} on {} development data{}",
                             run.details.empty() ? "" : ", ", privacy::in_words(s.runs), s.candidates.size(),
                             s.metric, s.charged() ? "charged" : "public", scores);
}

/// The metric on the development data; where it is charged, of the noisy number of right answers.
double score_of(const Selection& s, Session& session, std::int64_t run) {
  Json metrics;
  {
    const auto released = with_released_weights(session);
    metrics = metrics_of(s.base.task, session.data.encoder, s.development,
                         score_together(*s.parallel, *session.model, s.development));
  }
  if (!metrics.contains(s.metric)) {
    throw usage_error(fmt::format("tune.metric: data.dev has no '{}'", s.metric),
                      "It is one of those that `discreet eval` prints.");
  }
  const double value = metrics[s.metric].get<double>();
  if (!s.charged()) return value;
  const auto n = static_cast<double>(s.development.size());
  double right = std::round(value * n);
  // On the disk before the noisy score exists.
  session.run.append_ledger(privacy::ledger_line(
      static_cast<std::uint64_t>(session.steps), privacy::Event::gaussian(privacy::NoiseMultiplier(s.tune.score_noise))));
  const std::span<double> one(&right, 1);
  if (const auto& seed = s.base.privacy.insecure_seed) {
    privacy::InsecureNoise(static_cast<std::uint64_t>(*seed), fmt::format("score/{}", run))
        .add_gaussian(one, s.tune.score_noise);
  } else {
    privacy::SecureNoise().add_gaussian(one, s.tune.score_noise);
  }
  return right / n;
}

/// Losers, and what training left beside the model, are not part of what is released.
void keep_what_is_released(const fs::path& run) {
  std::vector<fs::path> rest;
  for (const auto& entry : fs::directory_iterator(run)) {
    const std::string name = entry.path().filename().string();
    if (name == "metrics.jsonl" || name == "checkpoints" || name.rfind("events.", 0) == 0) rest.push_back(entry.path());
  }
  for (const fs::path& path : rest) fs::remove_all(path);
  fs::create_directories(run / "checkpoints");
}

/// Where candidates are trained; gone in every case when the choice is over.
struct WorkFolder {
  core::ScratchFolder scratch;
  fs::path current() const { return scratch.path() / "current"; }
  fs::path best() const { return scratch.path() / "best"; }
};

struct Outcome {
  double score = 0;
  Json document;
};

Outcome train_candidate(const Selection& s, const Candidate& candidate, std::int64_t run, const fs::path& folder,
                        core::OperationContext& context) {
  Settings settings = candidate.settings;
  if (settings.privacy.insecure_seed) *settings.privacy.insecure_seed += run;
  Session session = start_session(settings, false, s.parallel, folder);
  if (s.charged()) session.data.dev = {};
  session.as_selected = [&s](privacy::PrivacyRun& stated) { state_selection(s, stated); };
  prepare(session, false, context);
  Outcome outcome;
  outcome.document = run_to_end(session, {}, context);
  outcome.score = score_of(s, session, run);
  outcome.document["selection"] = {{"runs", s.tune.runs},
                                   {"candidates", s.candidates.size()},
                                   {"chosen", candidate.assignments},
                                   {"metric", s.metric},
                                   {"score", core::number(outcome.score)},
                                   {"development_data", s.charged() ? "charged" : "public"},
                                   {"noise_multiplier", s.noise_multiplier}};
  outcome.document["run"] = run_folder(s.base).string();
  session.run.write_document("result.json", outcome.document);
  return outcome;
}

/// In 0 .. bound - 1, all with the same chance.
template <class Rng>
std::size_t uniform_below(Rng& rng, std::size_t bound) {
  const std::uint64_t left_over = -std::uint64_t{bound} % bound;  // 2^64 modulo bound
  std::uint64_t bits = rng();
  while (bits < left_over) bits = rng();
  return static_cast<std::size_t>(bits % bound);
}

template <class Rng>
Json select_best(const Selection& s, Rng&& rng, const fs::path& folder, core::OperationContext& context) {
  const std::int64_t count = privacy::draw_run_count(s.runs, rng);
  const WorkFolder work{core::ScratchFolder(folder.parent_path() / ("." + folder.filename().string() + ".tuning"))};
  const double sign = higher_is_better(s.metric) ? 1 : -1;
  Outcome best;
  for (std::int64_t run = 0; run < count; ++run) {
    const Candidate& candidate = s.candidates[uniform_below(rng, s.candidates.size())];
    auto silent = quiet();  // How many runs there are is not to be seen.
    silent.stop = context.stop;
    Outcome outcome = train_candidate(s, candidate, run, work.current(), silent);
    const bool better = run == 0 || !(sign * outcome.score <= sign * best.score);
    if (better) {
      fs::remove_all(work.best());
      fs::rename(work.current(), work.best());
      best = std::move(outcome);
    } else {
      fs::remove_all(work.current());
    }
  }
  keep_what_is_released(work.best());
  core::RunDir::open_for_writing(work.best()).finish();
  if (core::RunDir::is_run(folder)) fs::remove_all(folder);  // --force; looked at before
  fs::rename(work.best(), folder);
  return best.document;
}

Json tune_operation(const Json& request, core::OperationContext& context) {
  const Selection s = selection_of(request);
  const fs::path folder = fs::absolute(run_folder(s.base));
  const bool taken = fs::exists(folder) && !(fs::is_directory(folder) && fs::is_empty(folder));
  if (taken && !(core::RunDir::is_run(folder) && request.value("force", false))) {
    throw usage_error(fmt::format("{} exists", run_folder(s.base).string()),
                      "Choose another name, or replace the run with --force.");
  }
  charge_budget(budget_of(s.base.privacy, s.relation), run_folder(s.base).string(), s.whole(s.one), false);
  try {
    if (const auto& seed = s.base.privacy.insecure_seed) {
      return select_best(s, core::ReproducibleRng(static_cast<std::uint64_t>(*seed), "tune"), folder, context);
    }
    return select_best(s, core::SecureRng(), folder, context);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kInterrupted && e.code() != ErrorCode::kTerminated) throw;
    throw Error(e.code(), "the choice was stopped: nothing of it is released",
                "Start it again; what the stopped runs spent is known to nobody, as they are gone.");
  }
}

}  // namespace
}  // namespace app

void register_operation_tune(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "tune",
                .summary = "Trains a random number of candidates and keeps the best, counted as one choice",
                .reference = "Papernot and Steinke 2022",
                .make = core::Operation(&app::tune_operation)});
}

}  // namespace discreet
