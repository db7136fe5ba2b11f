#include "discreet/app/ops/internal/processes.h"

#include <chrono>
#include <numeric>

#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/nn/distributed/data_parallel.h"
#include "discreet/nn/distributed/share.h"

namespace discreet::app {
namespace {

std::shared_ptr<nn::ParallelRun> meet(const TrainOptions& options, const core::OperationContext& context) {
  auto parallel = std::make_shared<nn::ParallelRun>();
  parallel->place = core::process_place();
  parallel->group = nn::make_process_group(parallel->place, std::chrono::seconds(options.process_timeout));
  parallel->sharded_optimizer = options.sharded_optimizer && !parallel->alone();
  parallel->asked_to_stop = [&context] { return context.stopping(); };
  return parallel;
}

/// Returns once all have come here: none closes its connections while another still listens.
void part(nn::ProcessGroup& group) { nn::join(group, std::vector<double>{}); }

}  // namespace

Json in_processes(const TrainOptions& options, core::OperationContext& context, const ProcessWork& work) {
  const auto parallel = meet(options, context);
  if (parallel->alone()) return work(parallel, context);
  core::OperationContext mine = context;
  if (!parallel->group->leads()) {
    mine.quiet = true;
    mine.emit = nullptr;
  }
  try {
    const Json document = work(parallel, mine);
    part(*parallel->group);
    return parallel->group->leads() ? document : Json();
  } catch (const Error& e) {
    parallel->group->leave(e);
    throw;
  } catch (const std::exception& e) {
    parallel->group->leave(internal_error(e.what()));
    throw;
  }
}

bool leads(const nn::ParallelRun& parallel) { return parallel.group->leads(); }

Json describe_processes(const nn::ParallelRun& parallel) {
  return {{"size", parallel.group->size()},
          {"launcher", parallel.place.launcher},
          {"backend", parallel.group->backend()},
          {"sharded_optimizer", parallel.sharded_optimizer}};
}

void check_same_run(const nn::ParallelRun& parallel, const Settings& settings, const RunData& data) {
  nn::check_same(*parallel.group, dump_settings(settings).dump(), "settings");
  Json inputs = Json::array();
  for (const core::InputFile& input : data.inputs) inputs.push_back(input.sha256);
  // Generated data have no file; what the model sees decides.
  inputs.push_back(content_sha256(data.train.examples));
  nn::check_same(*parallel.group, inputs.dump(), "data");
}

Scores score_together(const nn::ParallelRun& parallel, nn::Model& model, const EncodedData& data) {
  if (parallel.alone()) return score(model, data);
  nn::ProcessGroup& group = *parallel.group;
  const std::int64_t first = data.size() * group.rank() / group.size();
  const std::int64_t last = data.size() * (group.rank() + 1) / group.size();
  std::vector<std::int64_t> mine(static_cast<std::size_t>(last - first));
  std::iota(mine.begin(), mine.end(), first);
  Scores scores = score(model, select(data, mine));
  scores.loss = nn::join(group, scores.loss);
  scores.intent_loss = nn::join(group, scores.intent_loss);
  scores.slot_loss = nn::join(group, scores.slot_loss);
  scores.intent_probabilities = nn::join(group, scores.intent_probabilities);
  scores.intents = nn::join(group, scores.intents);
  scores.tags = nn::join(group, scores.tags);
  return scores;
}

}  // namespace discreet::app
