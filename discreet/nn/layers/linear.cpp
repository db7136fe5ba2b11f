#include "discreet/nn/layers/linear.h"

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/init.h"

namespace discreet::nn {

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  const Rows& rows) {
  const UsedParameters params("linear", {weight, bias}, rows);
  at::Tensor y;
  {
    const at::NoGradGuard no_grad;
    y = bias.defined() ? at::addmm(bias, x, weight.t()) : at::mm(x, weight.t());
  }
  if (!params.trainable() && !tracks({x})) return y;
  // The weight itself, not its values, is kept: it must not change before the backward pass.
  const at::Tensor input = params.trainable() ? x.detach() : at::Tensor();
  const at::Tensor kept_weight = weight.detach();
  return attach(
      y, {x, params.inputs()[0], params.inputs()[1]},
      [params, input, kept_weight](const at::Tensor& dy, const std::vector<bool>& needs) {
        const at::Tensor grad = dy.contiguous();
        std::vector<at::Tensor> out(3);
        if (needs[0]) out[0] = at::mm(grad, kept_weight);
        if (params.recorded()) {
          params.record({input}, {grad});
        } else {
          if (needs[1]) out[1] = at::mm(grad.t(), input);
          if (needs[2]) out[2] = grad.sum(0);
        }
        return out;
      },
      params.recorded());
}

LinearImpl::LinearImpl(const LinearOptions& options, core::ReproducibleRng& rng) {
  weight = register_parameter("weight",
                              options.deviation > 0
                                  ? normal_tensor({options.out, options.in}, options.deviation, rng)
                                  : glorot_tensor(options.out, options.in, rng));
  if (options.bias) bias = register_parameter("bias", at::zeros({options.out}));
}

void LinearImpl::add_lora(std::int64_t rank, double alpha, core::ReproducibleRng& rng) {
  if (lora_a.defined()) throw internal_error("a linear layer got a second LoRA");
  const std::int64_t in = weight.size(1), out = weight.size(0);
  const double deviation = 1 / std::sqrt(static_cast<double>(in));
  lora_a = register_parameter("lora_a", normal_tensor({rank, in}, deviation, rng));
  lora_b = register_parameter("lora_b", at::zeros({out, rank}));
  lora_scale_ = alpha / static_cast<double>(rank);
}


void LinearImpl::set_lora(const at::Tensor& a, const at::Tensor& b, double scale) {
  if (lora_a.defined()) throw internal_error("a linear layer got a second LoRA");
  if (a.size(1) != weight.size(1) || b.size(0) != weight.size(0) || a.size(0) != b.size(1)) {
    throw internal_error("a LoRA of another shape than its linear layer");
  }
  lora_a = register_parameter("lora_a", a.to(weight.scalar_type()).contiguous());
  lora_b = register_parameter("lora_b", b.to(weight.scalar_type()).contiguous());
  lora_scale_ = scale;
}

}  // namespace discreet::nn
