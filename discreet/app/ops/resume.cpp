#include <cstdio>

#include <fmt/format.h>

#include "discreet/app/ops/internal/session.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/registry.h"
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
  const privacy::LedgerSum spent = privacy::read_ledger(session.run.path() / "ledger.jsonl");
  const std::int64_t lost = privacy::lost_steps(spent, from_step);
  session.steps_allowed = session.steps - lost;
  go_on(session, from_step, lost);
  if (session.steps_allowed > from_step) return;
  throw privacy_refused(
      fmt::format("{}: the ledger holds {} noisy steps of {}, the last checkpoint is of step {}: the "
                  "budget is spent",
                  session.run.path().string(), spent.lines, session.steps, from_step),
      "Train anew with a larger privacy.epsilon, or with more frequent checkpoints.");
}

Json resume(const Json& request, core::OperationContext& context) {
  const fs::path path = request.at("run").get<std::string>();
  core::RunDir run = core::RunDir::open_for_writing(path);
  if (run.manifest().value("finished", false) && fs::exists(path / "result.json")) {
    return core::read_document(path / "result.json");
  }
  const Settings settings = load_run_settings(path);
  set_threads(settings.train.threads);
  RunData data = load_run_data(settings);
  check_inputs(run.manifest(), data.inputs);

  Session session{.settings = settings, .run = std::move(run), .data = std::move(data)};
  session.settings.run.dir = path.string();
  std::vector<std::string> damaged;
  const auto checkpoint = session.run.latest_checkpoint(&damaged);
  for (const std::string& what : damaged) fmt::print(stderr, "warning: skipped a checkpoint: {}\n", what);

  prepare(session, true, context);
  nn::TrainState state;
  if (checkpoint) {
    load_checkpoint(session, *checkpoint);
    state = nn::TrainState::from_json(checkpoint->state, (checkpoint->folder / "state.json").string());
  }
  if (!state.finished) allow_for_lost_steps(session, state.step);
  session.run.truncate_metrics(state.step);
  session.run.update_manifest({{"resumes", session.run.manifest().value("resumes", 0) + 1}});
  return run_to_end(session, state, context);
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
