#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "discreet/app/ops/internal/model_signals.h"
#include "discreet/app/ops/internal/shadow_training.h"

namespace discreet::app {

struct ShadowOptions {
  std::int64_t models = 16;        ///< Even, so that half of them were trained on each example.
  std::uint64_t seed = 0;          ///< Of their halves of the pool and of their trainings.
  bool stack = true;               ///< At once where the configuration allows.
  std::filesystem::path folder;    ///< Above the folder that keeps what finished models say; empty: nothing is kept.
};

/// What shadow models say of a pool on halves of which they were trained (stats/shadow_design.h); of
/// users' halves where the unit is the user.
struct ShadowSignals {
  SignalForm form = SignalForm::kLoss;  ///< kLogits or kLoss.
  std::vector<ModelSignals> models;
  std::vector<std::vector<std::uint8_t>> in;  ///< [models][examples of the pool]
  Json about;                                 ///< For a document: how many, trained how, kept where.
};

/// Reads what finished models said, trains the others, and keeps what they say, one file for each:
/// folder/shadows-<12 hex>/model-<number>.safetensors, named by all that the models depend on, written
/// whole or not at all. Several processes with the same request share the work out: each takes blocks of
/// models that no other holds, and waits for those of others.
/// Throws: as train_on_parts; kBadData for a kept file that does not fit the pool.
ShadowSignals shadow_signals(const TrainingPool& pool, SignalForm form, const ShadowOptions& options,
                             core::OperationContext& context);

}  // namespace discreet::app
