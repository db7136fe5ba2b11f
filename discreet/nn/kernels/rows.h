#pragma once

#include <cstdint>

// Row-wise kernels; every function exists for float and double.

namespace discreet::nn::kernels {

/// y = x Phi(x) and its slope, element by element.
void gelu(const float* x, float* y, float* slope, std::int64_t n);
void gelu(const double* x, double* y, double* slope, std::int64_t n);

/// Softmax of scale x over each row of [rows, n], in place.
void softmax(float* x, std::int64_t rows, std::int64_t n, float scale);
void softmax(double* x, std::int64_t rows, std::int64_t n, double scale);

/// The gradient before such a softmax, in place of the one after it; p are the softmax's values.
void softmax_backward(const float* p, float* grad, std::int64_t rows, std::int64_t n, float scale);
void softmax_backward(const double* p, double* grad, std::int64_t rows, std::int64_t n,
                      double scale);

/// Cross-entropy of one row: writes the softmax to `p` and returns -log p[target].
float cross_entropy_row(const float* x, float* p, std::int64_t n, std::int64_t target);
double cross_entropy_row(const double* x, double* p, std::int64_t n, std::int64_t target);

/// Layer norm of [rows, d]: writes the normalised rows, gamma x normalised + beta, 1 / deviation.
template <class T>
struct LayerNormForward {
  std::int64_t rows, width;
  const T *x, *gamma, *beta;
  T *normalised, *y, *inverse;
  T epsilon;
};
void layer_norm_forward(const LayerNormForward<float>& work);
void layer_norm_forward(const LayerNormForward<double>& work);

/// dx from dy; gamma as above.
template <class T>
struct LayerNormBackward {
  std::int64_t rows, width;
  const T *dy, *gamma, *normalised, *inverse;
  T* dx;
};
void layer_norm_backward(const LayerNormBackward<float>& work);
void layer_norm_backward(const LayerNormBackward<double>& work);

/// to += weight from.
void add_scaled(float* to, const float* from, float weight, std::int64_t n);
void add_scaled(double* to, const double* from, double weight, std::int64_t n);

/// Adds from the rows of a table: to = sum over i of table[ids[i]].
void sum_rows(const float* table, const std::int64_t* ids, std::int64_t count, std::int64_t width,
              float* to);
void sum_rows(const double* table, const std::int64_t* ids, std::int64_t count, std::int64_t width,
              double* to);

/// Multiplies `n` values by 0 or 1 / (1 - rate), as Philox4x32-10 says for key {seed} and counter
/// {block, layer, example, step}; four values a block. `kept` receives the factors.
struct DropoutStream {
  std::uint64_t seed;
  std::uint32_t layer, example, step;
  double rate;
};
void dropout_factors(const DropoutStream& stream, float* factors, std::int64_t n);

}  // namespace discreet::nn::kernels
