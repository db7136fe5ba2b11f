#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "discreet/app/run_data.h"
#include "discreet/core/operation.h"

namespace discreet::nn {
class Model;
}  // namespace discreet::nn

namespace discreet::app {

struct KeptVectors;

/// Examples on parts of which models are trained by one configuration.
struct TrainingPool {
  Settings settings;  ///< Of the run; its directory and its budget's ledger are not touched.
  Encoder encoder;    ///< The same for all models.
  EncodedData pool;   ///< Every label known.
  EncodedData dev;    ///< Read where the configuration has patience.
  /// Of model.vectors, once the first models have read them: their file takes longer than a small model.
  mutable std::shared_ptr<const KeptVectors> vectors{};
};

/// One of the models: its part of the pool, and what it draws from.
struct PoolModel {
  std::vector<std::int64_t> examples;  ///< Places in the pool, rising.
  std::int64_t seed = 0;               ///< In place of run.seed and, with privacy, of secure noise.
};

/// Why models of this configuration cannot be trained at once (nn/stacked); empty if they can.
std::string not_stacked(const TrainingPool& pool);

/// Trains the models and hands each over, with the weights that the run would release, before the next ones
/// are begun; at once where `not_stacked` is empty and `stack` is true, else one after another.
///
/// The configuration holds as it stands, with the part of the pool as training data: epochs are epochs of the
/// part, and a target epsilon is reached on it. Noise is drawn from the seed: these models have no guarantee,
/// and an audit can be repeated.
/// Throws: kInterrupted between steps when asked to stop; as train does.
void train_on_parts(const TrainingPool& pool, std::span<const PoolModel> models, bool stack,
                    core::OperationContext& context,
                    const std::function<void(std::size_t model, nn::Model& trained)>& finished);

/// The examples of both, one after another. Throws: kInternal for windows of longer texts.
EncodedData joined(const EncodedData& first, const EncodedData& second);

}  // namespace discreet::app
