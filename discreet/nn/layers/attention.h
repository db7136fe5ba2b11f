#pragma once

#include <vector>

#include "discreet/nn/batch.h"
#include "discreet/nn/layers/attention_dropout.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

struct AttentionOptions {
  std::int64_t heads;
  std::int64_t kv_heads = 0;  ///< heads of keys and values, a divisor of `heads`; 0: as many
  bool causal = false;        ///< a token sees itself and what stands before it
  double scale = 0;           ///< of the scores; 0: 1 / sqrt(width of a head)
  AttentionDropout dropout{};  ///< of the weights; `examples` are the batch's own
};

/// Scaled dot-product self-attention within each example, several heads. Has no parameters.
///
/// Shapes: h heads, k heads of keys and values, each w wide; qkv [N,(h + 2k) w]: queries, then keys, then
/// values, heads in blocks of w; returns [N,h w]. With k < h, a run of h / k query heads shares one head
/// of keys and values. Nothing is padded: each example and head is its own small product on the
/// packed rows.
/// Throws: kInternal if the width cannot be split so.
/// Cost: keeps the attention weights, h x sum of squared lengths values. Ref: Vaswani et al. 2017;
/// Ainslie et al. 2023 (grouped queries).
at::Tensor attention(const at::Tensor& qkv, const PackedBatch& batch,
                     const AttentionOptions& options);
inline at::Tensor attention(const at::Tensor& qkv, const PackedBatch& batch, std::int64_t heads) {
  return attention(qkv, batch, AttentionOptions{heads});
}

struct RotaryOptions {
  std::int64_t heads;  ///< how many blocks from the left are turned: those of queries and keys
  std::int64_t width;  ///< of a block; even
  double base = 10000;
  /// What each pair of values turns by from one position to the next, [width / 2]; empty: base^(-2 i /
  /// width). Scaled forms (Llama 3, linear) come in so.
  std::vector<double> frequencies{};
};

/// Turns value i and value i + width / 2 of each block by the angle position x frequency i;
/// positions count from each example's first row. What stands right of the blocks passes through.
/// Shapes: x [N,d] with d >= heads width; returns the same. Ref: Su et al. 2021, in the half-and-half
/// order that Llama's checkpoints have.
at::Tensor rotary(const at::Tensor& x, const PackedBatch& batch, const RotaryOptions& options);

}  // namespace discreet::nn
