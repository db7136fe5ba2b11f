#include "discreet/nn/kernels/language.h"

#include "discreet/nn/kernels/math.h"

namespace discreet::nn::kernels {
namespace {

template <class T>
DISCREET_INLINE T largest_of(const T* __restrict x, std::int64_t n) {
  T largest = x[0];
#pragma omp simd reduction(max : largest)
  for (std::int64_t i = 0; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

template <class T>
DISCREET_INLINE T cross_entropy_in_place_of(T* __restrict row, std::int64_t n, std::int64_t target,
                                            T share) {
  const T top = largest_of(row, n), chosen = row[target];
  T total = 0;
#pragma omp simd reduction(+ : total)
  for (std::int64_t i = 0; i < n; ++i) {
    row[i] = fast_exp(row[i] - top);
    total += row[i];
  }
  const T scale = share / total;
  for (std::int64_t i = 0; i < n; ++i) row[i] *= scale;
  row[target] -= share;
  return std::log(total) + top - chosen;
}

template <class T>
DISCREET_INLINE void rms_forward(const RmsNormForward<T>& w) {
  const std::int64_t d = w.width;
  for (std::int64_t r = 0; r < w.rows; ++r) {
    const T* __restrict x = w.x + r * d;
    const T* __restrict gamma = w.gamma;
    T* __restrict normalised = w.normalised + r * d;
    T* __restrict y = w.y + r * d;
    T squares = 0;
#pragma omp simd reduction(+ : squares)
    for (std::int64_t i = 0; i < d; ++i) squares += x[i] * x[i];
    const T inverse = T{1} / std::sqrt(squares / static_cast<T>(d) + w.epsilon);
    w.inverse[r] = inverse;
    for (std::int64_t i = 0; i < d; ++i) {
      normalised[i] = x[i] * inverse;
      y[i] = normalised[i] * gamma[i];
    }
  }
}

template <class T>
DISCREET_INLINE void rms_backward(const RmsNormBackward<T>& w) {
  const std::int64_t d = w.width;
  for (std::int64_t r = 0; r < w.rows; ++r) {
    const T* __restrict dy = w.dy + r * d;
    const T* __restrict normalised = w.normalised + r * d;
    const T* __restrict gamma = w.gamma;
    T* __restrict dx = w.dx + r * d;
    T inner = 0;
#pragma omp simd reduction(+ : inner)
    for (std::int64_t i = 0; i < d; ++i) inner += dy[i] * gamma[i] * normalised[i];
    inner /= static_cast<T>(d);
    const T inverse = w.inverse[r];
    for (std::int64_t i = 0; i < d; ++i) dx[i] = inverse * (dy[i] * gamma[i] - normalised[i] * inner);
  }
}

template <class T>
DISCREET_INLINE void swiglu_of(const T* x, T* y, std::int64_t rows, std::int64_t width) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* __restrict gate = x + 2 * r * width;
    const T* __restrict up = gate + width;
    T* __restrict out = y + r * width;
    for (std::int64_t i = 0; i < width; ++i) out[i] = gate[i] * sigmoid(gate[i]) * up[i];
  }
}

template <class T>
DISCREET_INLINE void swiglu_backward_of(const T* x, const T* dy, T* dx, std::int64_t rows,
                                        std::int64_t width) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* __restrict gate = x + 2 * r * width;
    const T* __restrict up = gate + width;
    const T* __restrict grad = dy + r * width;
    T* __restrict dgate = dx + 2 * r * width;
    T* __restrict dup = dgate + width;
    for (std::int64_t i = 0; i < width; ++i) {
      const T s = sigmoid(gate[i]);
      dgate[i] = grad[i] * up[i] * s * (T{1} + gate[i] * (T{1} - s));
      dup[i] = grad[i] * gate[i] * s;
    }
  }
}

}  // namespace

DISCREET_CLONES float cross_entropy_in_place(float* row, std::int64_t n, std::int64_t target,
                                             float share) {
  return cross_entropy_in_place_of(row, n, target, share);
}
DISCREET_CLONES double cross_entropy_in_place(double* row, std::int64_t n, std::int64_t target,
                                              double share) {
  return cross_entropy_in_place_of(row, n, target, share);
}
DISCREET_CLONES void rms_norm_forward(const RmsNormForward<float>& work) { rms_forward(work); }
DISCREET_CLONES void rms_norm_forward(const RmsNormForward<double>& work) { rms_forward(work); }
DISCREET_CLONES void rms_norm_backward(const RmsNormBackward<float>& work) { rms_backward(work); }
DISCREET_CLONES void rms_norm_backward(const RmsNormBackward<double>& work) { rms_backward(work); }
DISCREET_CLONES void swiglu(const float* x, float* y, std::int64_t rows, std::int64_t width) {
  swiglu_of(x, y, rows, width);
}
DISCREET_CLONES void swiglu(const double* x, double* y, std::int64_t rows, std::int64_t width) {
  swiglu_of(x, y, rows, width);
}
DISCREET_CLONES void swiglu_backward(const float* x, const float* dy, float* dx, std::int64_t rows,
                                     std::int64_t width) {
  swiglu_backward_of(x, dy, dx, rows, width);
}
DISCREET_CLONES void swiglu_backward(const double* x, const double* dy, double* dx, std::int64_t rows,
                                     std::int64_t width) {
  swiglu_backward_of(x, dy, dx, rows, width);
}

}  // namespace discreet::nn::kernels
