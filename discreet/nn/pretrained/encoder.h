#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "discreet/nn/encoder.h"
#include "discreet/nn/layers/embedding.h"
#include "discreet/nn/layers/norm.h"
#include "discreet/nn/layers/pool.h"
#include "discreet/nn/layers/tied_embedding.h"
#include "discreet/nn/pretrained/architecture.h"
#include "discreet/nn/pretrained/kept_rows.h"
#include "discreet/nn/transformer_block.h"

namespace discreet::nn {

/// What is made beside the stack itself, and how it runs.
struct PretrainedParts {
  bool output = false;    ///< The output layer over the vocabulary and what stands before it.
  bool pooler = false;    ///< The row of an example.
  std::string pooling{};  ///< See nn/layers/pool.h; empty: the form's own.
  bool words = false;     ///< The embedding's own rows beside the last layer's.
  std::int64_t tag_layer = 0;  ///< Encoded::tokens are the rows behind so many blocks; 0: the last layer's.
  /// Each block is computed again in the backward pass; its inner rows are not kept.
  bool recompute = false;
};

/// A pretrained form as an encoder of token ids.
///
/// Layers: words, positions, token_types, embedding_norm, embedding_projection, block0 …, final_norm;
/// pooler; transform, transform_norm, decoder. Layers that share weights are one block used several
/// times. With `model.dropout` masks are drawn as in other kinds: on the embedding, behind both parts
/// of each block; and attention weights are dropped at the rate that the model's configuration names.
///
/// Where nothing of the stack is trainable it runs without dropout and without a graph, and in training
/// mode each example's rows are kept (kept_rows.h), up to 1 GiB, and computed once in all.
///
/// Throws (forward): kBadData on an example longer than the form's positions.
class PretrainedEncoder final : public Encoder {
 public:
  PretrainedEncoder(PretrainedForm form, PretrainedParts parts, core::ReproducibleRng& rng);

  const PretrainedForm& form() const { return form_; }
  const std::vector<std::shared_ptr<TransformerBlock>>& blocks() const { return blocks_; }

  /// The rows of the last layer, [N, width]; `layers` receives the embedding's and each layer's output,
  /// the last one after the final norm.
  at::Tensor rows(const PackedBatch& batch, const DropoutKey& dropout_key, const DropoutKey& word_key,
                  std::vector<at::Tensor>* layers = nullptr);
  /// One row per example from rows [N, width].
  at::Tensor pooled(const at::Tensor& rows, const PackedBatch& batch);

  Encoded forward(const PackedBatch& batch, const DropoutKey& dropout_key,
                  const DropoutKey& word_key) override;
  std::int64_t token_width() const override { return form_.width; }
  std::int64_t pooled_width() const override;
  std::int64_t word_width() const override { return parts_.words ? form_.width : 0; }
  bool is_causal() const override { return form_.causal; }
  bool ties_output() const override { return parts_.output; }
  at::Tensor output_logits(const at::Tensor& rows, const Rows& segments) override;

 private:
  /// Parameters of the stack itself, without what stands above it, by name.
  std::vector<std::pair<std::string, at::Tensor>> stack_parameters() const;
  bool stack_is_frozen() const;
  at::Tensor embedded(const PackedBatch& batch, const DropoutKey& dropout_key,
                      const DropoutKey& word_key);
  /// The last layer's rows, [N, width]; behind them the embedding's with `words`, and those of `tag_layer`.
  at::Tensor stack(const PackedBatch& batch, const DropoutKey& dropout_key, const DropoutKey& word_key,
                   std::vector<at::Tensor>* layers);
  at::Tensor kept_rows(const PackedBatch& batch);
  /// The stack's rows, computed or kept.
  at::Tensor stack_rows(const PackedBatch& batch, const DropoutKey& dropout_key, const DropoutKey& word_key,
                        std::vector<at::Tensor>* layers);
  at::Tensor position_ids(const PackedBatch& batch) const;

  PretrainedForm form_;
  PretrainedParts parts_;
  Embedding words_{nullptr}, positions_{nullptr}, token_types_{nullptr};
  TiedEmbedding tied_words_{nullptr};
  Norm embedding_norm_{nullptr}, final_norm_{nullptr}, transform_norm_{nullptr};
  Linear embedding_projection_{nullptr}, pooler_{nullptr}, transform_{nullptr}, decoder_{nullptr};
  std::vector<std::shared_ptr<TransformerBlock>> blocks_;
  std::shared_ptr<KeptRows> kept_;  // null until the stack runs frozen
};

/// A block's output whose inner rows are not kept: the backward pass computes them again, with the same
/// dropout masks. Uses are announced once, in the forward pass, and recorded once.
///
/// Cost: one more forward pass of the block. Ref: Chen et al. 2016, Training Deep Nets with Sublinear
/// Memory Cost.
at::Tensor recomputed(const std::shared_ptr<TransformerBlock>& block, const at::Tensor& x,
                      const PackedBatch& batch, const DropoutKey& key, std::uint32_t layer);

}  // namespace discreet::nn
