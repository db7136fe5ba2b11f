#pragma once

#include <cstdint>

#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Which masks a forward pass draws. The mask of a value is a function of seed, step, layer, the
/// example's place in the data set and the value's place in the example alone, so that physical
/// parts, other orders and recomputation give the same masks.
struct DropoutKey {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  double rate = 0;  ///< 0: off
};

/// Sets values to zero with probability `rate` and scales the others by 1 / (1 - rate).
///
/// Shapes: x [N,d] with one row per token, or [B,d] with one per example; returns the same. `layer`
/// tells apart the dropouts of one model. Masks come from Philox4x32-10 (Salmon et al. 2011) with
/// the key and counter above. Ref: Srivastava et al. 2014.
at::Tensor dropout(const at::Tensor& x, const PackedBatch& batch, const DropoutKey& key,
                   std::uint32_t layer);

/// Sets whole rows to zero with probability `rate`, without scaling: hides tokens in training.
/// Shapes: x [N,d], one row per token; returns the same.
at::Tensor word_dropout(const at::Tensor& x, const PackedBatch& batch, const DropoutKey& key,
                        std::uint32_t layer);

}  // namespace discreet::nn
