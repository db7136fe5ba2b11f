#pragma once

#include "discreet/core/random.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// y = x W^T + b. Use: "linear".
///
/// Shapes: x [N,d], weight [p,d], bias [p] or undefined; returns [N,p]. `rows`: segments over N.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  const Rows& rows);

struct LinearOptions {
  std::int64_t in;
  std::int64_t out;
  bool bias = true;
  double deviation = 0;  ///< weights start normal with this deviation; 0: uniform, see LinearImpl
};

class LinearImpl : public torch::nn::Module {
 public:
  /// Weights uniform in ±sqrt(6 / (in + out)) (Glorot and Bengio 2010), bias zero.
  LinearImpl(const LinearOptions& options, core::ReproducibleRng& rng);
  at::Tensor forward(const at::Tensor& x, const Rows& rows) {
    return linear(x, weight, bias, rows);
  }

  at::Tensor weight, bias;
};
TORCH_MODULE(Linear);

}  // namespace discreet::nn
