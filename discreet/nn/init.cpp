#include "discreet/nn/init.h"

#include <cmath>
#include <vector>

namespace discreet::nn {

at::Tensor uniform_tensor(at::IntArrayRef sizes, double bound, core::ReproducibleRng& rng) {
  at::Tensor tensor = at::empty(sizes, at::kFloat);
  float* values = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    values[i] = static_cast<float>((2 * rng.uniform() - 1) * bound);
  }
  return tensor;
}

at::Tensor normal_tensor(at::IntArrayRef sizes, double deviation, core::ReproducibleRng& rng) {
  at::Tensor tensor = at::empty(sizes, at::kFloat);
  float* values = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    values[i] = static_cast<float>(rng.normal() * deviation);
  }
  return tensor;
}

at::Tensor glorot_tensor(std::int64_t out, std::int64_t in, core::ReproducibleRng& rng) {
  return uniform_tensor({out, in}, std::sqrt(6.0 / static_cast<double>(in + out)), rng);
}

at::Tensor orthogonal_tensor(std::int64_t n, core::ReproducibleRng& rng) {
  // Gram-Schmidt, each row cleared twice of those before it: once is not enough in floating point.
  std::vector<double> rows(n * n);
  for (double& value : rows) value = rng.normal();
  for (std::int64_t i = 0; i < n; ++i) {
    double* row = rows.data() + i * n;
    for (int pass = 0; pass < 2; ++pass) {
      for (std::int64_t j = 0; j < i; ++j) {
        const double* other = rows.data() + j * n;
        double inner = 0;
        for (std::int64_t k = 0; k < n; ++k) inner += row[k] * other[k];
        for (std::int64_t k = 0; k < n; ++k) row[k] -= inner * other[k];
      }
    }
    double squares = 0;
    for (std::int64_t k = 0; k < n; ++k) squares += row[k] * row[k];
    const double inverse = 1 / std::sqrt(squares);
    for (std::int64_t k = 0; k < n; ++k) row[k] *= inverse;
  }
  at::Tensor tensor = at::empty({n, n}, at::kFloat);
  for (std::int64_t i = 0; i < n * n; ++i) {
    tensor.data_ptr<float>()[i] = static_cast<float>(rows[i]);
  }
  return tensor;
}

at::Tensor orthogonal_gates(std::int64_t gates, std::int64_t n, core::ReproducibleRng& rng) {
  at::Tensor weights = at::empty({gates * n, n});
  for (std::int64_t gate = 0; gate < gates; ++gate) {
    weights.narrow(0, gate * n, n).copy_(orthogonal_tensor(n, rng));
  }
  return weights;
}

}  // namespace discreet::nn
