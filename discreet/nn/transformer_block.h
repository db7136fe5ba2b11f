#pragma once

#include <vector>

#include "discreet/nn/layers/activation.h"
#include "discreet/nn/layers/dropout.h"
#include "discreet/nn/layers/linear.h"
#include "discreet/nn/layers/norm.h"

namespace discreet::nn {

struct TransformerBlockOptions {
  std::int64_t width;
  std::int64_t heads;
  std::int64_t kv_heads = 0;       ///< 0: as many as heads
  std::int64_t head_width = 0;     ///< 0: width / heads
  std::int64_t feed_forward;       ///< inner width
  bool pre_norm = true;            ///< normalise before each part, else after it
  Activation activation = Activation::kGelu;
  bool gated = false;              ///< activation(x W0) x W1 instead of activation(x W); swiglu is gated itself
  NormKind norm = NormKind::kLayer;
  double norm_epsilon = 0;         ///< 0: the norm's own
  bool causal = false;
  double attention_scale = 0;      ///< see AttentionOptions
  double attention_dropout = 0;    ///< of attention weights, wherever its other dropouts are on
  bool rotary = false;             ///< turns queries and keys by their positions
  double rotary_base = 10000;
  std::vector<double> rotary_frequencies{};  ///< see RotaryOptions; empty: by the base
  bool qkv_bias = true;
  bool projection_bias = true;
  bool feed_forward_bias = true;
};

/// Self-attention and a feed-forward network, each with a residual and a norm: the block of encoders
/// and, with `causal`, of GPT- and Llama-like models.
///
/// Shapes: x [N,width], one row per token; returns the same. Layers: attention_norm, qkv, projection,
/// inner_norm, inner (gate and value side by side where it is gated), outer.
/// A block may be called several times in one pass (layers that share weights): each call is a use.
/// Throws (constructor): kUsage where width, heads and kv_heads do not fit.
class TransformerBlock final : public torch::nn::Module {
 public:
  TransformerBlock(const TransformerBlockOptions& options, core::ReproducibleRng& rng);
  /// `layer` and layer + 1 are the numbers of its dropouts, `layer` that of its attention's.
  at::Tensor forward(at::Tensor x, const PackedBatch& batch, const DropoutKey& key,
                     std::uint32_t layer);

 private:
  at::Tensor attend(const at::Tensor& x, const PackedBatch& batch, const DropoutKey& key, std::uint32_t layer);
  at::Tensor feed(const at::Tensor& x, const Rows& rows);

  TransformerBlockOptions options_;
  Norm attention_norm_{nullptr}, inner_norm_{nullptr};
  Linear qkv_{nullptr}, projection_{nullptr}, inner_{nullptr}, outer_{nullptr};
};

}  // namespace discreet::nn
