#pragma once

#include "discreet/core/random.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Fresh float parameters, all from the given generator and the same on every machine.
at::Tensor uniform_tensor(at::IntArrayRef sizes, double bound, core::ReproducibleRng& rng);
at::Tensor normal_tensor(at::IntArrayRef sizes, double deviation, core::ReproducibleRng& rng);
/// Uniform in ±sqrt(6 / (in + out)) for sizes [out, in] (Glorot and Bengio 2010).
at::Tensor glorot_tensor(std::int64_t out, std::int64_t in, core::ReproducibleRng& rng);
/// [n,n] with orthonormal rows (Saxe, McClelland and Ganguli 2014).
at::Tensor orthogonal_tensor(std::int64_t n, core::ReproducibleRng& rng);
/// [gates n, n]: such a matrix for each gate of a recurrent cell.
at::Tensor orthogonal_gates(std::int64_t gates, std::int64_t n, core::ReproducibleRng& rng);

}  // namespace discreet::nn
