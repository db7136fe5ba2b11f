#pragma once

#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Cross-entropy of each row. Shapes: logits [B,C], target int64 [B] in 0..C-1; returns [B].
at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& target);

/// Mean cross-entropy over each example's own scored tokens (tag >= 0); 0 where there are none.
/// Shapes: logits [N,K], batch.tags int64 [N]; returns [B].
at::Tensor token_cross_entropy(const at::Tensor& logits, const PackedBatch& batch);

/// The same with one matrix in all, for large vocabularies: the logits' own memory becomes their
/// gradient, so that they must not be read again, neither before nor after the backward pass.
at::Tensor consuming_cross_entropy(const at::Tensor& logits, const PackedBatch& batch);

}  // namespace discreet::nn
