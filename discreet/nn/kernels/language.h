#pragma once

#include <cstdint>

// What language models need beyond rows.h; every function exists for float and double.
namespace discreet::nn::kernels {

/// Cross-entropy of one row, in place: the row turns into share (softmax - one at the target), the slope
/// of share times the loss; returns the loss.
float cross_entropy_in_place(float* row, std::int64_t n, std::int64_t target, float share);
double cross_entropy_in_place(double* row, std::int64_t n, std::int64_t target, double share);

/// Root-mean-square norm of [rows, d]: writes x / sqrt(mean(x^2) + epsilon), gamma times that, and
/// 1 / root.
template <class T>
struct RmsNormForward {
  std::int64_t rows, width;
  const T *x, *gamma;
  T *normalised, *y, *inverse;
  T epsilon;
};
void rms_norm_forward(const RmsNormForward<float>& work);
void rms_norm_forward(const RmsNormForward<double>& work);

/// dx from dy.
template <class T>
struct RmsNormBackward {
  std::int64_t rows, width;
  const T *dy, *gamma, *normalised, *inverse;
  T* dx;
};
void rms_norm_backward(const RmsNormBackward<float>& work);
void rms_norm_backward(const RmsNormBackward<double>& work);

/// y = silu(gate) up. Shapes: x [rows, 2 width], the gate left of what it lets through; y [rows, width].
void swiglu(const float* x, float* y, std::int64_t rows, std::int64_t width);
void swiglu(const double* x, double* y, std::int64_t rows, std::int64_t width);

/// dx [rows, 2 width] from dy [rows, width].
void swiglu_backward(const float* x, const float* dy, float* dx, std::int64_t rows, std::int64_t width);
void swiglu_backward(const double* x, const double* dy, double* dx, std::int64_t rows,
                     std::int64_t width);

}  // namespace discreet::nn::kernels
