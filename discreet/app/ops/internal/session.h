#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "discreet/app/distill_options.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/operation.h"
#include "discreet/core/run_dir.h"
#include "discreet/nn/train.h"
#include "discreet/privacy/statement.h"

namespace discreet::nn {
class LostProcess;
struct ParallelRun;
class Step;
class WeightAverage;
struct OptimizerOptions;
}  // namespace discreet::nn
namespace discreet::privacy {
struct LedgerSum;
}

namespace discreet::app {

/// A training run in progress: everything that `train` makes and `resume` makes again. Of several
/// processes each has one; only rank 0's run directory is more than a name.
struct Session {
  Settings settings;
  std::shared_ptr<nn::ParallelRun> parallel;
  core::RunDir run;
  RunData data;
  std::shared_ptr<nn::Model> model{};
  std::shared_ptr<nn::Model> trained{};  ///< What the step trains: the model, or its wrapper with a teacher.
  std::shared_ptr<nn::Step> step{};
  std::shared_ptr<const nn::WeightAverage> average{};  ///< Null without train.average.
  std::int64_t trainable_values = 0;
  std::int64_t steps = 0;          ///< Of the schedule.
  std::int64_t steps_allowed = 0;  ///< Fewer where abandoned steps of a private run were spent.
  DistillOptions distill{};
  std::optional<privacy::PrivacyRun> plan{};  ///< What the statement rests on; absent without privacy.
  /// Where the run is one of several: makes what is stated of this one what holds beside the others, or for the choice
  /// of the best. Empty otherwise.
  std::function<void(privacy::PrivacyRun&)> as_selected{};
};

/// Where a run is kept: run.dir, or runs/ and a name made from task, model and mechanism.
std::filesystem::path run_folder(const Settings& settings);

/// A fresh run directory with manifest, configuration and holdout.json. The data are read first: a run
/// that cannot begin leaves no folder behind. With `force` the whole run is prepared once before, so that
/// a refusal leaves the existing run as it was.
/// `folder`: in place of what the settings say.
Session start_session(const Settings& settings, bool force,
                      const std::shared_ptr<nn::ParallelRun>& parallel,
                      const std::filesystem::path& folder = {}, const DistillOptions& distill = {});

/// Makes the model and how it moves; a private run gets its plan, its charge on the budget's ledger
/// (unless `resumed`) and privacy.json as planned.
/// Throws: kPrivacyRefused if the budget does not allow it.
void prepare(Session& session, bool resumed, core::OperationContext& context);

/// Trains from `state` to the end or to a signal; at the end writes model/, privacy.json, result.json.
/// Returns a document of discreet.train/1. Throws: kInterrupted, kTerminated after saving.
Json run_to_end(Session& session, nn::TrainState state, core::OperationContext& context);

/// privacy.json. `status`: "planned"; or "spent", after the ledger, which knows of abandoned steps too.
/// `after`: in the ledger's place, what it will hold at the end.
privacy::PrivacyStatement write_statement(Session& session, const std::string& status,
                                          const privacy::LedgerSum* after = nullptr);
/// privacy.json of a private run that goes on at `from_step`, and its warnings: the ledger, which may hold
/// steps that were lost, and the steps still allowed. To be called after `go_on`.
void state_resumed(Session& session, std::int64_t from_step, core::OperationContext& context);

/// The session's model, or with distill.teacher that model with the teacher's outputs as its targets, which are
/// made or found in the cache. A rehearsal gets the model itself.
std::shared_ptr<nn::Model> with_teacher(Session& session, core::OperationContext& context);
/// Where a run keeps a teacher's outputs unless distill.cache names another folder.
std::filesystem::path own_teacher_cache(const std::filesystem::path& run);

// What follows hides libtorch from the files above.

/// What all steps of a private run cost at a noise multiplier, for calibrations over more than the run.
/// The session must have its data and its model.
std::function<privacy::Event(double noise_multiplier)> planned_event(const Session& session);
/// What patience, "best" and `train --tune` look at, and whether more of it is better.
std::string selection_metric(const Settings& settings);
bool higher_is_better(const std::string& metric);

/// Sets the number of threads of tensor operations; 0 leaves libtorch's choice.
void set_threads(std::int64_t threads);
std::shared_ptr<nn::Model> make_run_model(const Settings& settings, const Encoder& encoder);
/// Blocks of the teacher as distill.layers says, and all else of it that fits by name and shape.
void take_layers(const DistillOptions& distill, nn::Model& model);
/// Steps of a whole run: train.steps, or train.epochs passes over `units`.
std::int64_t step_count(const Settings& settings, std::int64_t units);
/// Tokens of a step's physical part: train.physical_tokens, or fewer for a language model, which has a logit per word of
/// the vocabulary for every token that it tells: a part's take 256 MiB at most.
std::int64_t part_tokens(const Session& session);
/// train.layer_decay goes by the names of the session's model.
nn::OptimizerOptions optimizer_options(const Session& session);
void prepare_private(Session& session, bool resumed, core::OperationContext& context);

/// Collective over the processes of the run, all three; `checkpoint` is looked at on rank 0 alone.
void save_checkpoint(Session& session, const nn::TrainState& state);
void load_checkpoint(Session& session, const core::Checkpoint& checkpoint);
/// See nn::Step::go_on.
void go_on(Session& session, std::int64_t step, std::int64_t lost);
/// While the returned object lives, the model holds the weights that are evaluated and saved: their
/// moving average if train.average asks for it. Null, and nothing changes, if it does not.
std::shared_ptr<void> with_released_weights(const Session& session);
/// Goes back to the checkpoint at `step`.
void take_parameters_of(Session& session, std::int64_t step);
/// After another process was lost: saves the last whole step where that can still be done. Returns what
/// to tell the user. Not collective.
std::string save_after_loss(Session& session, const nn::TrainState& state, const nn::LostProcess& lost);
/// True on the process that keeps the run directory, prints and decides.
bool leads(const Session& session);
/// True if the run has one process.
bool alone(const Session& session);
/// True if any process was asked to stop before the last step; false before the first.
bool agreed_to_stop(const Session& session);
/// Rank 0's document, on every process. Collective.
Json share_document(const Session& session, const Json& document);
void write_model_weights(const Session& session, const std::filesystem::path& folder);

}  // namespace discreet::app
