#pragma once

#include <cstdint>
#include <string_view>

#include "discreet/nn/torch.h"

namespace discreet::nn {

enum class Activation { kRelu, kGelu, kTanh, kGeluTanh, kSilu, kQuickGelu, kSwiGlu };

/// "relu", "gelu" (exact, by the error function), "tanh", "gelu-tanh" (GPT-2's approximation), "silu" (x sigmoid(x)),
/// "quick-gelu" (x sigmoid(1.702 x)), "swiglu".
/// Throws: kUsage on any other name.
Activation parse_activation(std::string_view name);

/// How many times wider the input is than the output: 2 for a gated one, else 1.
std::int64_t input_factor(Activation activation);

/// Element by element; any shape. swiglu: x [N,2d], the gate left; returns silu(gate) times the right
/// half, [N,d]. Ref: Shazeer 2020.
at::Tensor activate(const at::Tensor& x, Activation activation);

/// activation(left half) times the right half, of x [N,2d]: what swiglu is for silu. Returns [N,d].
at::Tensor activate_gated(const at::Tensor& x, Activation activation);

}  // namespace discreet::nn
