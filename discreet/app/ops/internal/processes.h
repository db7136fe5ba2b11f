#pragma once

#include <functional>
#include <memory>

#include "discreet/app/run_data.h"
#include "discreet/app/scores.h"
#include "discreet/app/settings.h"
#include "discreet/core/operation.h"

namespace discreet::nn {
class Model;
struct ParallelRun;
}  // namespace discreet::nn

namespace discreet::app {

/// Work of one process among those of a run.
using ProcessWork = std::function<Json(const std::shared_ptr<nn::ParallelRun>& parallel,
                                       core::OperationContext& context)>;

/// Meets the processes that the environment tells of (core/process_place.h), does `work` in all of them,
/// and returns its document on rank 0 and null elsewhere; ranks other than 0 show no progress. If the
/// work ends by an error, the others are told which. Alone, it only does the work.
Json in_processes(const TrainOptions& options, core::OperationContext& context, const ProcessWork& work);

/// True on rank 0, and on a process that works alone.
bool leads(const nn::ParallelRun& parallel);

/// For the manifest: how many processes, started by what, talking over what.
Json describe_processes(const nn::ParallelRun& parallel);

/// Throws: kUsage unless all processes have the same settings and have read the same data. Collective.
void check_same_run(const nn::ParallelRun& parallel, const Settings& settings, const RunData& data);

/// `score`, each process on its part of the data; all get the whole. Collective.
Scores score_together(const nn::ParallelRun& parallel, nn::Model& model, const EncodedData& data);

}  // namespace discreet::app
