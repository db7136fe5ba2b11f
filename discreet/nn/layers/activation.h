#pragma once

#include <string_view>

#include "discreet/nn/torch.h"

namespace discreet::nn {

enum class Activation { kRelu, kGelu, kTanh };

/// "relu", "gelu" (exact, by the error function), "tanh". Throws: kUsage on any other name.
Activation parse_activation(std::string_view name);

/// Element by element; any shape.
at::Tensor activate(const at::Tensor& x, Activation activation);

}  // namespace discreet::nn
