#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "discreet/nn/torch.h"

namespace discreet::nn {

/// The update rules; weight decay is decoupled from the moments only in kAdamW.
enum class OptimizerKind { kSgd, kMomentum, kAdam, kAdamW };

/// "sgd", "momentum", "adam", "adamw". Throws: kUsage naming what there is.
OptimizerKind parse_optimizer(const std::string& name);
std::string optimizer_name(OptimizerKind kind);

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kSgd;
  double momentum = 0.9;  ///< kMomentum only.
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< L2 added to the gradient; kAdamW: a shrinking of the weights.
};

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Moves parameters by explicit gradients. The ordinary and the private step share it, so that the two
/// differ in the gradient alone.
///
/// Ref: Kingma & Ba 2015; Loshchilov & Hutter 2019 (AdamW). Same formulas as torch.optim.
class Optimizer {
 public:
  Optimizer(NamedTensors parameters, OptimizerOptions options);

  const OptimizerOptions& options() const { return options_; }
  const NamedTensors& parameters() const { return parameters_; }

  /// One step. `gradients`: one per parameter, undefined to leave that parameter as it is.
  void step(std::span<const at::Tensor> gradients, double learning_rate);

  /// The same in pieces, for callers that make the gradient piece by piece (noise in cache): first
  /// `begin_step`, then every element of every parameter once. `gradient` holds the elements
  /// first .. first + size of the flattened parameter, float32 on the CPU.
  void begin_step(double learning_rate);
  void update(std::size_t parameter, std::int64_t first, std::span<const float> gradient);

  std::int64_t steps() const { return steps_; }
  /// Moments by name ("<parameter>.exp_avg" …) and "steps", for a checkpoint; shares memory.
  NamedTensors state() const;
  /// Throws: kBadData if a tensor is missing or of another size.
  void load(const NamedTensors& state);

 private:
  void update_tensor(std::size_t parameter, const at::Tensor& gradient);

  NamedTensors parameters_;
  OptimizerOptions options_;
  std::vector<at::Tensor> first_;   // momentum buffer or first moment
  std::vector<at::Tensor> second_;  // second moment
  std::int64_t steps_ = 0;
  double learning_rate_ = 0;
};

}  // namespace discreet::nn
