#pragma once

#include "discreet/core/random.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/layers/embedding.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// One matrix as embedding and as output layer. Both operations are uses of kind "tied_embedding" of
/// the same parameters, so that their gradients meet before a norm is taken.
///
/// `weight` [V,d]; `bias` [V] or undefined: of the output layer.
/// Ref: Press and Wolf 2017, Using the Output Embedding to Improve Language Models.
struct TiedWeights {
  at::Tensor weight, bias;
};

/// scale W[ids]. Shapes: ids int64 [N]; returns [N,d]. A look-up of `padding` gives its row, which gets
/// no gradient from it (but still from the output layer).
/// Throws: kInternal on an id outside of the table.
struct TiedLookup {
  double scale = 1;
  std::int64_t padding = kNoPadding;
};
at::Tensor tied_lookup(const at::Tensor& ids, const TiedWeights& weights, const Rows& rows,
                       const TiedLookup& options = {});

/// x W^T + b. Shapes: x [N,d]; returns [N,V].
at::Tensor tied_logits(const at::Tensor& x, const TiedWeights& weights, const Rows& rows);

struct TiedEmbeddingOptions {
  std::int64_t entries;
  std::int64_t width;
  bool bias = false;
  at::Tensor vectors;      ///< [entries, width] to start from, or undefined: normal with `deviation`
  double deviation = 0.02;
  double scale = 1;        ///< of looked-up rows; Gemma takes sqrt(width)
  std::int64_t padding = kNoPadding;
};

class TiedEmbeddingImpl : public torch::nn::Module {
 public:
  TiedEmbeddingImpl(const TiedEmbeddingOptions& options, core::ReproducibleRng& rng);
  at::Tensor forward(const at::Tensor& ids, const Rows& rows) {
    return tied_lookup(ids, {weight, bias}, rows, lookup_);
  }
  at::Tensor logits(const at::Tensor& x, const Rows& rows) {
    return tied_logits(x, {weight, bias}, rows);
  }
  std::int64_t width() const { return weight.size(1); }

  at::Tensor weight, bias;

 private:
  TiedLookup lookup_;
};
TORCH_MODULE(TiedEmbedding);

}  // namespace discreet::nn
