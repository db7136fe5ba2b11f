#include "discreet/nn/layers/activation.h"

#include <string>

#include "discreet/core/error.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/kernels/rows.h"

namespace discreet::nn {
namespace {

/// Keeps the slope instead of the input: the backward pass is one product.
at::Tensor fused_gelu(const at::Tensor& x) {
  if (!x.is_cpu()) return at::gelu(x);
  at::Tensor y, slope;
  {
    const at::NoGradGuard no_grad;
    const at::Tensor input = x.detach().contiguous();
    y = at::empty_like(input);
    slope = at::empty_like(input);
    AT_DISPATCH_FLOATING_TYPES(input.scalar_type(), "gelu", [&] {
      kernels::gelu(input.data_ptr<scalar_t>(), y.data_ptr<scalar_t>(), slope.data_ptr<scalar_t>(),
                    input.numel());
    });
  }
  return attach(y, {x}, [slope](const at::Tensor& grad, const std::vector<bool>&) {
    return std::vector<at::Tensor>{grad * slope};
  });
}

}  // namespace

Activation parse_activation(std::string_view name) {
  if (name == "relu") return Activation::kRelu;
  if (name == "gelu") return Activation::kGelu;
  if (name == "tanh") return Activation::kTanh;
  throw usage_error("unknown activation '" + std::string(name) + "'", "Choose relu, gelu or tanh.");
}

at::Tensor activate(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kGelu:
      return fused_gelu(x);
    case Activation::kTanh:
      return at::tanh(x);
  }
  throw internal_error("no such activation");
}

}  // namespace discreet::nn
