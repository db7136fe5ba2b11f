#include "discreet/nn/layers/activation.h"

#include <string>

#include "discreet/core/error.h"
#include "discreet/nn/device.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/kernels/language.h"
#include "discreet/nn/kernels/rows.h"

namespace discreet::nn {
namespace {

/// Keeps the slope instead of the input: the backward pass is one product.
at::Tensor fused_gelu(const at::Tensor& x) {
  if (!has_kernels(x)) return at::gelu(x);
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

at::Tensor fused_swiglu(const at::Tensor& x) {
  const std::int64_t width = x.size(1) / 2;
  if (x.size(1) % 2 != 0) throw internal_error("swiglu of rows of odd width");
  if (!has_kernels(x)) return at::silu(x.narrow(1, 0, width)) * x.narrow(1, width, width);
  const at::Tensor input = x.detach().contiguous();
  at::Tensor y;
  {
    const at::NoGradGuard no_grad;
    y = at::empty({input.size(0), width}, input.options());
    AT_DISPATCH_FLOATING_TYPES(input.scalar_type(), "swiglu", [&] {
      kernels::swiglu(input.const_data_ptr<scalar_t>(), y.data_ptr<scalar_t>(), input.size(0), width);
    });
  }
  return attach(y, {x}, [input, width](const at::Tensor& grad, const std::vector<bool>&) {
    const at::Tensor dy = grad.contiguous();
    at::Tensor dx = at::empty_like(input);
    AT_DISPATCH_FLOATING_TYPES(input.scalar_type(), "swiglu_backward", [&] {
      kernels::swiglu_backward(input.const_data_ptr<scalar_t>(), dy.const_data_ptr<scalar_t>(),
                               dx.data_ptr<scalar_t>(), input.size(0), width);
    });
    return std::vector<at::Tensor>{dx};
  });
}

}  // namespace

Activation parse_activation(std::string_view name) {
  if (name == "relu") return Activation::kRelu;
  if (name == "gelu") return Activation::kGelu;
  if (name == "tanh") return Activation::kTanh;
  if (name == "gelu-tanh") return Activation::kGeluTanh;
  if (name == "silu") return Activation::kSilu;
  if (name == "quick-gelu") return Activation::kQuickGelu;
  if (name == "swiglu") return Activation::kSwiGlu;
  throw usage_error("unknown activation '" + std::string(name) + "'",
                    "Choose relu, gelu, gelu-tanh, tanh, silu, quick-gelu or swiglu.");
}

std::int64_t input_factor(Activation activation) {
  return activation == Activation::kSwiGlu ? 2 : 1;
}

at::Tensor activate(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kGelu:
      return fused_gelu(x);
    case Activation::kTanh:
      return at::tanh(x);
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kSilu:
      return at::silu(x);
    case Activation::kQuickGelu:
      return x * at::sigmoid(1.702 * x);
    case Activation::kSwiGlu:
      return fused_swiglu(x);
  }
  throw internal_error("no such activation");
}

at::Tensor activate_gated(const at::Tensor& x, Activation activation) {
  if (activation == Activation::kSilu) return fused_swiglu(x);
  const std::int64_t width = x.size(1) / 2;
  return activate(x.narrow(1, 0, width), activation) * x.narrow(1, width, width);
}

}  // namespace discreet::nn
