#pragma once

#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// y = gamma x / sqrt(mean(x^2) + epsilon) over each row. Use: "rms_norm".
///
/// Shapes: x [N,d]; gamma [d]; returns [N,d]. Ref: Zhang and Sennrich 2019.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& gamma, const Rows& rows,
                    double epsilon = 1e-6);

struct RmsNormOptions {
  std::int64_t width;
  double epsilon = 1e-6;
};

class RmsNormImpl : public torch::nn::Module {
 public:
  explicit RmsNormImpl(const RmsNormOptions& options);
  at::Tensor forward(const at::Tensor& x, const Rows& rows) {
    return rms_norm(x, gamma, rows, options_.epsilon);
  }

  at::Tensor gamma;

 private:
  RmsNormOptions options_;
};
TORCH_MODULE(RmsNorm);

}  // namespace discreet::nn
