#pragma once

#include <cstdint>
#include <vector>

#include "discreet/nn/layers/dropout.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Dropout of attention weights: each is set to zero with probability `key.rate`, the others are scaled by
/// 1 / (1 - rate). The mask of a weight is a function of seed, step, layer, head, the example's place in the
/// data set and the weight's place in the example alone (see DropoutKey): the backward pass, other physical
/// parts and recomputation draw the same one again instead of keeping it. Ref: Vaswani et al. 2017, the
/// authors' code; Devlin et al. 2019.
struct AttentionDropout {
  DropoutKey key{};          ///< rate 0: off
  std::uint32_t layer = 0;   ///< tells apart the attentions of one model; below 2^19
  std::vector<std::int64_t> examples{};  ///< [B] places in the data set; empty: 0, 1, …

  bool on() const { return key.rate > 0; }
};

/// The factors of the first `count` weights of one example and head, row by row. Valid until this thread asks
/// again. Heads are below 4,096.
const float* attention_factors(const AttentionDropout& dropout, std::int64_t example, std::int64_t head,
                               std::int64_t count);

/// The same of all heads, [heads, queries, keys], where operations on tensors want them.
at::Tensor attention_factors(const AttentionDropout& dropout, std::int64_t example,
                             const std::vector<std::int64_t>& shape, const at::TensorOptions& options);

}  // namespace discreet::nn
