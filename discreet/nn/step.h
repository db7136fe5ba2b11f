#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/nn/batch.h"

namespace discreet::nn {

class Model;

/// What one logical step did; everything here is a function of the data (`not private` in logs).
struct StepReport {
  double loss_sum = 0;               ///< Sum of the examples' losses before the update.
  std::int64_t examples = 0;         ///< Realised batch size; may be 0.
  double gradient_norm = 0;
  std::int64_t clipped = 0;          ///< Private steps: segments whose norm was above the bound.
  std::int64_t non_finite = 0;       ///< Segments with a NaN or infinite gradient: they contribute zero.
};

/// A logical batch: example indices as the sampler drew them, grouped by segment. `collate` makes the
/// packed batch of a run of whole segments, so a step can work in physical parts that fit in memory.
struct LogicalBatch {
  std::vector<std::int64_t> indices;          ///< Examples in the order of their segments.
  std::vector<std::int64_t> segment_offsets;  ///< [S+1] over `indices`.
  std::function<PackedBatch(std::span<const std::int64_t> indices,
                            std::span<const std::int64_t> segment_offsets)> collate;
};

/// How parameters move: the ordinary step averages and updates; dp/ provides the private ones. The
/// training loop knows only this.
class Step {
 public:
  virtual ~Step() = default;
  /// Draws which examples take part in step `number` (from 0).
  virtual LogicalBatch sample(std::int64_t number) = 0;
  /// One logical step at the given learning rate.
  virtual StepReport run(const LogicalBatch& batch, double learning_rate) = 0;
  /// The epsilon spent after `steps` steps; nullopt for a step without a guarantee.
  virtual std::optional<double> epsilon(std::int64_t steps) const = 0;
  /// Collective over the processes of a run, before one of them calls `save`: brings there what others
  /// hold. A process that works alone need not call it.
  virtual void prepare_save() {}
  /// What a published method would state beside it, where that is another number; not a guarantee.
  virtual std::optional<double> epsilon_as_published(std::int64_t) const { return std::nullopt; }
  /// Optimiser and sampler state, for checkpoints: tensors into `folder`/optimizer.safetensors, the
  /// rest as the returned JSON. A secure step saves no generator state.
  virtual Json save(const std::filesystem::path& folder) const = 0;
  /// Collective; only the first process of a run reads `folder`, all pass the same `state`.
  virtual void load(const std::filesystem::path& folder, const Json& state) = 0;
  /// After a resume, before the next step, which is `step`: `lost` steps beyond it were charged to a
  /// ledger and are not taken again. For steps whose batches have a fixed place.
  virtual void go_on(std::int64_t step, std::int64_t lost) {}
};

}  // namespace discreet::nn
