#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "discreet/nn/layers/linear.h"
#include "discreet/nn/loss_rule.h"
#include "discreet/nn/optimizer.h"

namespace discreet::nn {

struct AdversaryOptions {
  double weight = 1;         ///< Of the reversed gradient.
  std::int64_t hidden = 64;  ///< Of the adversary's one hidden layer.
  std::int64_t classes = 2;  ///< Of the attribute.
  std::int64_t labels = 0;   ///< Classes that it sees beside the rows; 0: none.
  std::uint64_t seed = 0;
  OptimizerOptions optimizer{};
};

/// Training against an adversary: a network tells the attribute from what the classifier reads, and the encoder
/// gets its gradient reversed, so that the rows stop telling it.
///
/// losses = the model's own + the adversary's cross entropy, where the gradient that goes back from the adversary
/// into the rows is multiplied by -weight; the adversary itself descends. Examples whose attribute is unknown
/// (-1) have no adversary loss. The reported loss is the model's own.
/// Ref: Ganin and Lempitsky 2015 (gradient reversal); Elazar and Goldberg 2018; Zhang et al. 2018 (with labels).
class AdversarialLoss final : public LossRule {
 public:
  /// `attribute` [M] by an example's place in the data set. `base` weighs the model's own losses; null: plain.
  AdversarialLoss(std::vector<std::int64_t> attribute, const AdversaryOptions& options, std::shared_ptr<LossRule> base);

  /// Throws: kUsage if the model keeps no pooled rows.
  at::Tensor losses(Model& model, const PackedBatch& batch) override;
  void step(double learning_rate) override;
  void save(const std::filesystem::path& folder) const override;
  void load(const std::filesystem::path& folder) override;

 private:
  void make(std::int64_t width);

  std::vector<std::int64_t> attribute_;
  AdversaryOptions options_;
  std::shared_ptr<LossRule> base_;
  Linear hidden_{nullptr}, output_{nullptr};  // made when the width of the rows is known
  std::unique_ptr<Optimizer> optimizer_;
};

/// `x` forwards, and -weight times the gradient backwards.
at::Tensor reverse_gradient(const at::Tensor& x, double weight);

}  // namespace discreet::nn
