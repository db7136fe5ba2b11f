#pragma once

#include "discreet/core/random.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Rows of a table. Use: "embedding".
///
/// Shapes: weight [V,d], ids int64 [N] in 0..V-1; returns [N,d].
/// Throws: kInternal on an id outside of the table.
at::Tensor embedding(const at::Tensor& ids, const at::Tensor& weight, const Rows& rows);

/// The mean of an example's rows; an example without tokens gives zeros. Use: "embedding_bag".
/// Never makes a tensor with one row per token.
///
/// Shapes: weight [V,d], batch.tokens int64 [N]; returns [B,d].
at::Tensor embedding_bag(const PackedBatch& batch, const at::Tensor& weight);

struct EmbeddingOptions {
  std::int64_t entries;
  std::int64_t width;
  at::Tensor vectors;  ///< [entries, width] to start from, or undefined: normal with `deviation`
  bool frozen = false;
  double deviation = 0.1;
};

class EmbeddingImpl : public torch::nn::Module {
 public:
  EmbeddingImpl(const EmbeddingOptions& options, core::ReproducibleRng& rng);
  at::Tensor forward(const at::Tensor& ids, const Rows& rows) {
    return embedding(ids, weight, rows);
  }
  at::Tensor mean(const PackedBatch& batch) { return embedding_bag(batch, weight); }
  std::int64_t width() const { return weight.size(1); }

  at::Tensor weight;
};
TORCH_MODULE(Embedding);

}  // namespace discreet::nn
