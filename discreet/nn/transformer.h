#pragma once

#include "discreet/nn/encoder.h"
#include "discreet/nn/layers/embedding.h"
#include "discreet/nn/layers/pool.h"
#include "discreet/nn/layers/scalar_mix.h"
#include "discreet/nn/layers/tied_embedding.h"
#include "discreet/nn/transformer_block.h"

namespace discreet::nn {

/// Token ids to rows by a stack of blocks: model kinds "transformer" and, causal, "gpt".
///
/// Layers: embedding, widen (where the vectors have another width), positions (learned ones), block0 …,
/// mix (model.mix_layers), final_norm.
/// Throws (constructor): kUsage where widths and heads do not fit; (forward): kBadData on an example
/// longer than spec.longest.
class TransformerEncoder final : public Encoder {
 public:
  TransformerEncoder(const EncoderInputs& inputs, bool causal);

  std::int64_t token_width() const override { return width_; }
  std::int64_t word_width() const override { return words_width_; }
  std::int64_t pooled_width() const override { return nn::pooled_width(pooling_, width_); }
  Encoded forward(const PackedBatch& batch, const DropoutKey& dropout_key,
                  const DropoutKey& word_key) override;
  bool ties_output() const override { return !tied_.is_empty(); }
  at::Tensor output_logits(const at::Tensor& rows, const Rows& segments) override {
    return tied_->logits(rows, segments);
  }

 private:
  void make_table(const EncoderInputs& inputs, bool tied);
  at::Tensor position_ids(const PackedBatch& batch) const;

  Pooling pooling_;
  bool pre_norm_, pools_, tags_, skip_;
  std::int64_t longest_, width_ = 0, words_width_ = 0;
  Embedding embedding_{nullptr}, positions_{nullptr};
  TiedEmbedding tied_{nullptr};
  Linear widen_{nullptr};
  std::vector<std::shared_ptr<TransformerBlock>> blocks_;
  ScalarMix mix_{nullptr};
  Norm final_norm_{nullptr};
};

}  // namespace discreet::nn
