#pragma once

#include <span>
#include <string>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/federated/labels.h"
#include "discreet/nn/torch.h"

namespace discreet::federated {

/// Losses of labels that may be wrong.
///
/// With p = softmax(logits) and label y:
/// - cross-entropy: -log p_y;
/// - generalised: (1 - p_y^q) / q (Zhang and Sabuncu 2018);
/// - symmetric: a (-log p_y) + b 4 (1 - p_y), log 0 being -4 (Wang et al. 2019);
/// - forward: -log (T^t p)_y, T[i, j] = P(label j | class i); backward: (T^-1 l)_y of l_c = -log p_c, whose
///   mean over labels is the loss of the right class (Patrini et al. 2017);
/// - peer: -log p_y minus that of another text of the batch with the label of a third (Liu and Guo 2020).
/// A user's "no" to class y is a label of the two-class problem p_y against 1 - p_y, "yes" likewise; forward and
/// backward then correct for answers that are wrong at the rate `answer_noise`. A certain label has the plain
/// loss under forward, backward and peer.
class RobustLoss {
 public:
  /// `transition` [C * C] for forward and backward. Throws: kUsage if backward's can't be inverted.
  RobustLoss(const LabelOptions& options, std::int64_t classes, std::span<const double> transition);

  /// Shapes: logits [B, C], labels [B]; returns [B], times the labels' weights. An example of weight 0
  /// has loss and gradient 0.
  at::Tensor operator()(const at::Tensor& logits, std::span<const DeviceLabel> labels,
                        core::ReproducibleRng& rng) const;

 private:
  at::Tensor of_classes(const at::Tensor& log_p, const at::Tensor& label) const;
  at::Tensor of_answers(const at::Tensor& log_p, const at::Tensor& label, const at::Tensor& no) const;

  LabelOptions options_;
  double answer_noise_ = 0;
  at::Tensor transition_, inverse_;
};

}  // namespace discreet::federated
