#include "discreet/nn/layers/norm.h"

#include "discreet/core/error.h"

namespace discreet::nn {

NormKind parse_norm(std::string_view name) {
  if (name.empty() || name == "layer") return NormKind::kLayer;
  if (name == "rms") return NormKind::kRms;
  throw usage_error("unknown norm '" + std::string(name) + "'", "Choose layer or rms.");
}

NormImpl::NormImpl(std::int64_t width, NormKind kind, double epsilon)
    : epsilon_(epsilon > 0 ? epsilon : kind == NormKind::kLayer ? 1e-5 : 1e-6) {
  gamma = register_parameter("gamma", at::ones({width}));
  if (kind == NormKind::kLayer) beta = register_parameter("beta", at::zeros({width}));
}

}  // namespace discreet::nn
