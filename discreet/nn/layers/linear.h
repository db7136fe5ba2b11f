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
    const at::Tensor y = linear(x, weight, bias, rows);
    if (!lora_a.defined()) return y;
    return y + linear(linear(x, lora_a, {}, rows), lora_b, {}, rows) * lora_scale_;
  }

  /// Adds alpha / rank x B A beside the weight: A [rank,in] small and normal, B [out,rank] zero, so that
  /// nothing changes at first. Both are ordinary linear layers to a recorder. Does not freeze the weight.
  /// Ref: Hu et al. 2021, LoRA. Throws: kInternal if it is there already.
  void add_lora(std::int64_t rank, double alpha, core::ReproducibleRng& rng);
  /// The same with given values: scale b a. Shapes: a [rank,in], b [out,rank].
  void set_lora(const at::Tensor& a, const at::Tensor& b, double scale);
  double lora_scale() const { return lora_scale_; }  ///< alpha / rank; 0 without LoRA

  at::Tensor weight, bias;
  at::Tensor lora_a, lora_b;  ///< undefined without LoRA

 private:
  double lora_scale_ = 0;
};
TORCH_MODULE(Linear);

}  // namespace discreet::nn
