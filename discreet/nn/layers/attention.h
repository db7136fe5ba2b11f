#pragma once

#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Scaled dot-product self-attention within each example, several heads. Has no parameters.
///
/// Shapes: qkv [N,3d] (queries, keys, values side by side, heads in blocks of d / heads); returns
/// [N,d]. Nothing is padded: each example and head is its own small product on the packed rows.
/// Cost: keeps the attention weights, heads x sum of squared lengths values. Ref: Vaswani et al.
/// 2017.
at::Tensor attention(const at::Tensor& qkv, const PackedBatch& batch, std::int64_t heads);

}  // namespace discreet::nn
