#pragma once

#include "discreet/core/random.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// y = gamma (x - mean) / sqrt(variance + epsilon) + beta over each row. Use: "layer_norm".
///
/// Shapes: x [N,d]; gamma, beta [d]; returns [N,d]. Ref: Ba, Kiros and Hinton 2016.
at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& beta,
                      const Rows& rows, double epsilon = 1e-5);

struct LayerNormOptions {
  std::int64_t width;
  double epsilon = 1e-5;
};

class LayerNormImpl : public torch::nn::Module {
 public:
  explicit LayerNormImpl(const LayerNormOptions& options);
  at::Tensor forward(const at::Tensor& x, const Rows& rows) {
    return layer_norm(x, gamma, beta, rows, options_.epsilon);
  }

  at::Tensor gamma, beta;

 private:
  LayerNormOptions options_;
};
TORCH_MODULE(LayerNorm);

}  // namespace discreet::nn
