#pragma once

#include "discreet/app/ops/internal/session.h"
#include "discreet/dp/plan.h"
#include "discreet/nn/model.h"
#include "discreet/nn/train.h"

// What a configuration says to the modules below, for work that trains without a run directory.
namespace discreet::app {

nn::ModelSpec model_spec(const ModelOptions& model);
/// The vectors of model.vectors as an embedding's start, [entries of the table, d], or undefined.
at::Tensor start_vectors(const Settings& settings, const Encoder& encoder);
/// Without layers, which rules by layer need.
dp::PrivacyOptions plan_options(const Settings& settings, std::uint64_t units, std::int64_t steps);
/// The session must be prepared.
nn::TrainLoopOptions loop_options(const Session& session);
nn::Schedule learning_schedule(const TrainOptions& train, std::int64_t steps);

}  // namespace discreet::app
