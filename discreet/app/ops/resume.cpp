#include <cstdio>

#include <fmt/format.h>

#include "discreet/app/ops/internal/device.h"
#include "discreet/app/ops/internal/processes.h"
#include "discreet/app/ops/internal/session.h"
#include "discreet/core/config.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/nn/model.h"
#include "discreet/privacy/ledger.h"

namespace discreet {
namespace app {
namespace {
namespace fs = std::filesystem;

/// Steps that a private run spent and then lost are not taken again: with fresh noise they would be
/// further releases. The run ends that much earlier, so that its budget holds: noise never grows from
/// step to step, so the last steps, which are left out, cost at least what the lost ones did.
void allow_for_lost_steps(Session& session, std::int64_t from_step) {
  if (!session.plan || session.settings.privacy.insecure_seed) {
    go_on(session, from_step, 0);
    return;
  }
  Json found;
  if (leads(session)) {
    const privacy::LedgerSum spent = privacy::read_ledger(session.run.path() / "ledger.jsonl");
    found = {{"lines", spent.lines}, {"lost", privacy::lost_steps(spent, from_step)}};
  }
  found = share_document(session, found);
  const auto lines = found["lines"].get<std::uint64_t>();
  const auto lost = found["lost"].get<std::int64_t>();
  session.steps_allowed = session.steps - lost;
  go_on(session, from_step, lost);
  if (session.steps_allowed > from_step) return;
  throw privacy_refused(
      fmt::format("{}: the ledger holds {} noisy steps of {}, the last checkpoint is of step {}: the "
                  "budget is spent",
                  session.run.path().string(), lines, session.steps, from_step),
      "Train anew with a larger privacy.epsilon, or with more frequent checkpoints.");
}

core::RunDir open_run(const fs::path& path, const nn::ParallelRun& parallel) {
  return leads(parallel) ? core::RunDir::open_for_writing(path) : core::RunDir::kept_elsewhere(path);
}

/// What rank 0 finds in the run directory; {"result"} if there is nothing to go on with.
Json look_at(const core::RunDir& run) {
  if (run.manifest().value("finished", false) && fs::exists(run.path() / "result.json")) {
    return {{"result", core::read_document(run.path() / "result.json")}};
  }
  return Json::object();
}

Json resume_in(const fs::path& path, const Settings& settings,
               const std::shared_ptr<nn::ParallelRun>& parallel, core::OperationContext& context) {
  Session session{.settings = settings, .parallel = parallel, .run = open_run(path, *parallel)};
  session.distill = load_run_distill(path);
  const Json found = share_document(session, leads(session) ? look_at(session.run) : Json());
  if (found.contains("result")) return found["result"];
  set_threads(settings.train.threads);
  session.data = load_run_data(settings, session.distill);
  check_same_run(*parallel, settings, session.data);
  session.settings.run.dir = path.string();
  std::optional<core::Checkpoint> checkpoint;
  if (leads(session)) {
    check_inputs(session.run.manifest(), session.data.inputs);
    std::vector<std::string> damaged;
    checkpoint = session.run.latest_checkpoint(&damaged);
    for (const std::string& what : damaged) fmt::print(stderr, "warning: skipped a checkpoint: {}\n", what);
  }

  prepare(session, true, context);
  nn::TrainState state;
  const Json saved = share_document(session, checkpoint ? checkpoint->state : Json());
  if (!saved.is_null()) {
    load_checkpoint(session, checkpoint.value_or(core::Checkpoint{}));
    state = nn::TrainState::from_json(saved, "the checkpoint's state.json");
  }
  if (!state.finished) allow_for_lost_steps(session, state.step);
  state_resumed(session, state.finished ? session.steps_allowed : state.step, context);
  session.run.truncate_metrics(state.step);
  if (leads(session)) {
    session.run.update_manifest(
        {{"resumes", session.run.manifest().value("resumes", 0) + 1},
         {"device", session.model->device().str()},
         {"processes", alone(session) ? Json() : describe_processes(*parallel)}});
  }
  return run_to_end(session, state, context);
}

Json resume(const Json& request, core::OperationContext& context) {
  const fs::path path = request.at("run").get<std::string>();
  core::Config config;
  config.add_toml_file(core::RunDir::open(path).config_file().string());
  if (!config.at("federated").is_null()) {
    throw usage_error(path.string() + " is a simulated federation",
                      fmt::format("It goes on with: discreet federated simulate --resume {}", path.string()));
  }
  Settings settings = load_run_settings(path);
  settings.run.device = request.value("device", settings.run.device);
  find_device(settings.run.device);  // refused before anything is read
  return in_processes(settings.train, context,
                      [&](const std::shared_ptr<nn::ParallelRun>& parallel, core::OperationContext& mine) {
                        return resume_in(path, settings, parallel, mine);
                      });
}

}  // namespace
}  // namespace app

void register_operation_resume(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "resume",
                .summary = "Continues an interrupted run from its last checkpoint",
                .make = core::Operation(&app::resume)});
}

}  // namespace discreet
