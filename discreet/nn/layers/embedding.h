#pragma once

#include "discreet/core/random.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// No id: nothing is padding.
inline constexpr std::int64_t kNoPadding = -1;

/// Rows of a table. Use: "embedding".
///
/// Shapes: weight [V,d], ids int64 [N] in 0..V-1; returns [N,d]. A look-up of the id `padding` gives
/// its row, but the row gets no gradient from it.
/// Throws: kInternal on an id outside of the table.
at::Tensor embedding(const at::Tensor& ids, const at::Tensor& weight, const Rows& rows,
                     std::int64_t padding = kNoPadding);

/// The gradient of looked-up rows without what padding would get: `dy` itself where there is none.
at::Tensor without_padding(const at::Tensor& dy, const at::Tensor& ids, std::int64_t padding);
/// Adds row i of `rows` to row ids[i] of `table`.
void scatter_rows(const at::Tensor& table, const at::Tensor& ids, const at::Tensor& rows);
/// Throws: kInternal on an id outside of 0 .. entries - 1; looks at CPU tensors alone.
void check_ids(const at::Tensor& ids, std::int64_t entries);

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
  std::int64_t padding = kNoPadding;
};

class EmbeddingImpl : public torch::nn::Module {
 public:
  EmbeddingImpl(const EmbeddingOptions& options, core::ReproducibleRng& rng);
  at::Tensor forward(const at::Tensor& ids, const Rows& rows) {
    return embedding(ids, weight, rows, padding_);
  }
  at::Tensor mean(const PackedBatch& batch) { return embedding_bag(batch, weight); }
  std::int64_t width() const { return weight.size(1); }
  std::int64_t padding() const { return padding_; }

  at::Tensor weight;

 private:
  std::int64_t padding_;
};
TORCH_MODULE(Embedding);

}  // namespace discreet::nn
