#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "discreet/nn/kernels/update.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// "sgd", "momentum", "nesterov", "adam", "adamw", "adam-bc". Throws: kUsage naming what there is.
OptimizerKind parse_optimizer(const std::string& name);
std::string optimizer_name(OptimizerKind kind);

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kSgd;
  double momentum = 0.9;  ///< kMomentum and kNesterov.
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< L2 added to the gradient; kAdamW, kAdamBc: a shrinking of the weights.
  /// kAdamBc: what remains of the second moment is held above this. 0: above the standard error that
  /// noise alone gives it (`second_moment_floor`).
  double floor = 0;
  /// What the learning rate of a parameter is multiplied by, by its name; null: 1 for all.
  std::function<double(const std::string&)> rate_of{};
};

/// The standard error of a bias-corrected second moment after `steps` steps of Gaussian noise of
/// variance `noise_variance`: noise_variance sqrt(2 sum of squared weights). What is left below it after
/// the noise's variance is taken out cannot be told from noise.
double second_moment_floor(double noise_variance, double beta2, std::int64_t steps);

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Moves parameters by explicit gradients. The ordinary and the private step share it, so that the two
/// differ in the gradient alone.
///
/// kAdamBc takes the noise's share out of the second moment: with g~ = g + noise of variance Phi,
/// E[g~^2] - Phi = g^2, so the denominator is that of Adam on g. Phi may change from step to step; its
/// moving average has the moments' weights.
///
/// Ref: Kingma & Ba 2015; Loshchilov & Hutter 2019 (AdamW); Sutskever et al. 2013 (Nesterov); Tang,
/// Shpilevskiy & Lecuyer 2024, DP-AdamBC. Same formulas as torch.optim.
class Optimizer {
 public:
  Optimizer(NamedTensors parameters, OptimizerOptions options);

  const OptimizerOptions& options() const { return options_; }
  const NamedTensors& parameters() const { return parameters_; }

  /// One step. `gradients`: one per parameter, undefined to leave that parameter as it is.
  /// `noise_variances` of the gradients' elements: one per parameter, one for all, or none for 0; only
  /// kAdamBc looks at them.
  void step(std::span<const at::Tensor> gradients, double learning_rate,
            std::span<const double> noise_variances = {});

  /// The same in pieces, for callers that make the gradient piece by piece (noise in cache): first
  /// `begin_step`, then every element of every parameter once. `gradient` holds the elements
  /// first .. first + size of the flattened parameter, float32 on the CPU.
  void begin_step(double learning_rate, std::span<const double> noise_variances = {});
  void update(std::size_t parameter, std::int64_t first, std::span<const float> gradient);
  /// A whole parameter at once, on its own device.
  void update(std::size_t parameter, const at::Tensor& gradient);

  /// From now on the elements first .. first + size of a flattened parameter stay as they are, whatever
  /// gradient, noise, momentum or weight decay says: the padding row of a table (nn/still_rows.h).
  /// Throws: kInternal for elements that the parameter does not have.
  void keep_still(std::size_t parameter, std::int64_t first, std::int64_t size);

  std::int64_t steps() const { return steps_; }
  /// Moments by name ("<parameter>.exp_avg" …) and "steps", for a checkpoint; shares memory.
  NamedTensors state() const;
  /// Throws: kBadData if a tensor is missing or of another size.
  void load(const NamedTensors& state);

 private:
  struct Range {
    std::int64_t first, size;
  };
  double noise_of(std::size_t parameter) const;
  void update_tensor(std::size_t parameter, const at::Tensor& gradient);
  void update_moving(std::size_t parameter, std::int64_t first, std::span<const float> gradient);

  NamedTensors parameters_;
  OptimizerOptions options_;
  std::vector<double> rates_;        // of each parameter, times learning_rate_
  std::vector<at::Tensor> first_;   // momentum buffer or first moment
  std::vector<at::Tensor> second_;  // second moment
  std::vector<std::vector<Range>> still_;  // by parameter, ascending, apart
  at::Tensor noise_;                // kAdamBc: [parameters] double, moving average of noise variances
  std::int64_t steps_ = 0;
  double learning_rate_ = 0;
};

}  // namespace discreet::nn
