#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "discreet/nn/torch.h"

namespace discreet::mitigate {

/// What a student's loss is made of. Defaults as in Sanh et al. 2019.
struct DistillationWeights {
  double temperature = 2;
  double soft = 0.5;            ///< Of T^2 KL(teacher || student), both at temperature T.
  double hard = 0.5;            ///< Of the cross-entropy of the label itself, at temperature 1.
  double hidden_cosine = 0;     ///< Of 1 - cosine of the last hidden rows.
  double hidden_squared = 0;    ///< Of their mean squared difference.
};

/// Scores of the target distribution for rows begin .. end, [end - begin, V], before the temperature.
using TargetScores = std::function<at::Tensor(std::int64_t begin, std::int64_t end)>;

/// Distillation loss of each example: the mean over its own scored rows (labels >= 0) of
/// soft T^2 KL(softmax(target / T) || softmax(logits / T)) + hard CE(logits, label).
///
/// Shapes: logits [N,V], labels int64 [N], offsets [B+1] over the N rows; returns [B], 0 for an example without
/// scored rows. Each example's loss is a function of its own rows alone, so that it can be clipped example by
/// example. The gradient is made in the forward pass, in runs of rows that bound the memory beside it:
/// one matrix [N,V], and targets of at most 2^22 scores at a time.
/// Ref: Hinton, Vinyals and Dean 2015; Sanh et al. 2019.
at::Tensor distillation_loss(const at::Tensor& logits, const at::Tensor& labels, const std::vector<std::int64_t>& offsets,
                             const TargetScores& targets, const DistillationWeights& weights);

/// Hidden-state loss of each example: the mean over its scored rows of
/// hidden_cosine (1 - cos(student, teacher)) + hidden_squared mean((student - teacher)^2).
/// Shapes: both [N,d]; labels and offsets as above; returns [B].
at::Tensor hidden_loss(const at::Tensor& student, const at::Tensor& teacher, const at::Tensor& labels,
                       const std::vector<std::int64_t>& offsets, const DistillationWeights& weights);

}  // namespace discreet::mitigate
