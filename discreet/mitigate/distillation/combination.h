#pragma once

#include <string>

#include "discreet/nn/torch.h"

namespace discreet::mitigate {

/// How a teacher's scores of the next token after a text and after its role-reversed copy become one target.
/// One file combination/<name>.cpp each (registry kind "combination").
///
/// Shapes: both [N,V]; returns [N,V]. Invariants: equal arguments come back as they are; max, mean and
/// log-mean-exp do not depend on the order; of swap applied to swapped arguments the first comes back.
/// Ref: Gupta et al. 2022 (Findings of ACL) for the idea; the list, the choice between logits and
/// log-probabilities and the alignment are our reading of it.
using Combination = at::Tensor (*)(const at::Tensor& original, const at::Tensor& reversed);

/// Whether scores are raw logits, or log-probabilities: it makes a difference to max and log-mean-exp.
enum class CombineOn { kLogProbs, kLogits };

/// What a teacher says after N texts: log-probabilities and what turns them back into logits.
struct TeacherOutputs {
  at::Tensor log_probs;    ///< [N,V]
  at::Tensor log_sum_exp;  ///< [N] of the logits
};

TeacherOutputs outputs_of(const at::Tensor& logits);

/// Scores whose softmax at temperature 1 is the target distribution.
///
/// `reversed` row n answers `original` row n; where `aligned` [N] (bool) is false, or with the combination "none",
/// the original row is kept. The target token is not reversed: no permutation of gendered words is applied.
/// Throws: kUsage for an unknown combination, naming the nearest.
at::Tensor target_scores(const TeacherOutputs& original, const TeacherOutputs& reversed, const at::Tensor& aligned,
                         const std::string& combination, CombineOn on);

}  // namespace discreet::mitigate
