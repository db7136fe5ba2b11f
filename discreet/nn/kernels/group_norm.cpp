#include "discreet/nn/kernels/group_norm.h"

#include <cmath>

#include "discreet/nn/kernels/math.h"

namespace discreet::nn::kernels {
namespace {

/// One sequence, one group: two passes for the statistics, sums in double.
template <class T>
DISCREET_INLINE void normalise_block(const GroupNormForward<T>& w, std::int64_t q, std::int64_t g) {
  const std::int64_t part = w.width / w.groups, first = w.offsets[q], last = w.offsets[q + 1];
  if (first == last) return;
  const auto count = static_cast<double>((last - first) * part);
  double sum = 0;
  for (std::int64_t n = first; n < last; ++n) {
    const T* __restrict x = w.x + n * w.width + g * part;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t c = 0; c < part; ++c) sum += static_cast<double>(x[c]);
  }
  const T mean = static_cast<T>(sum / count);
  double squares = 0;
  for (std::int64_t n = first; n < last; ++n) {
    const T* __restrict x = w.x + n * w.width + g * part;
#pragma omp simd reduction(+ : squares)
    for (std::int64_t c = 0; c < part; ++c) {
      const T centred = x[c] - mean;
      squares += static_cast<double>(centred) * static_cast<double>(centred);
    }
  }
  const T inverse = static_cast<T>(1 / std::sqrt(squares / count + static_cast<double>(w.epsilon)));
  w.inverse[q * w.groups + g] = inverse;
  const T* __restrict gamma = w.gamma + g * part;
  const T* __restrict beta = w.beta + g * part;
  for (std::int64_t n = first; n < last; ++n) {
    const std::int64_t at = n * w.width + g * part;
    const T* __restrict x = w.x + at;
    T* __restrict normalised = w.normalised + at;
    T* __restrict y = w.y + at;
    for (std::int64_t c = 0; c < part; ++c) {
      normalised[c] = (x[c] - mean) * inverse;
      y[c] = gamma[c] * normalised[c] + beta[c];
    }
  }
}

template <class T>
DISCREET_INLINE void gradient_block(const GroupNormBackward<T>& w, std::int64_t q, std::int64_t g) {
  const std::int64_t part = w.width / w.groups, first = w.offsets[q], last = w.offsets[q + 1];
  if (first == last) return;
  const auto count = static_cast<double>((last - first) * part);
  const T* __restrict gamma = w.gamma + g * part;
  double sum = 0, along = 0;  // of the scaled gradient, and of it times the normalised values
  for (std::int64_t n = first; n < last; ++n) {
    const T* __restrict dy = w.dy + n * w.width + g * part;
    const T* __restrict normalised = w.normalised + n * w.width + g * part;
#pragma omp simd reduction(+ : sum, along)
    for (std::int64_t c = 0; c < part; ++c) {
      const double scaled = static_cast<double>(dy[c] * gamma[c]);
      sum += scaled;
      along += scaled * static_cast<double>(normalised[c]);
    }
  }
  const T mean = static_cast<T>(sum / count), slope = static_cast<T>(along / count);
  const T inverse = w.inverse[q * w.groups + g];
  for (std::int64_t n = first; n < last; ++n) {
    const std::int64_t at = n * w.width + g * part;
    const T* __restrict dy = w.dy + at;
    const T* __restrict normalised = w.normalised + at;
    T* __restrict dx = w.dx + at;
    for (std::int64_t c = 0; c < part; ++c) {
      dx[c] = inverse * (dy[c] * gamma[c] - mean - normalised[c] * slope);
    }
  }
}

template <class T>
DISCREET_INLINE void group_norm_all(const GroupNormForward<T>& w) {
  for (std::int64_t q = 0; q < w.sequences; ++q) {
    for (std::int64_t g = 0; g < w.groups; ++g) normalise_block(w, q, g);
  }
}

template <class T>
DISCREET_INLINE void group_norm_gradients(const GroupNormBackward<T>& w) {
  for (std::int64_t q = 0; q < w.sequences; ++q) {
    for (std::int64_t g = 0; g < w.groups; ++g) gradient_block(w, q, g);
  }
}

}  // namespace

DISCREET_CLONES void group_norm_forward(const GroupNormForward<float>& work) {
  group_norm_all(work);
}
DISCREET_CLONES void group_norm_forward(const GroupNormForward<double>& work) {
  group_norm_all(work);
}
DISCREET_CLONES void group_norm_backward(const GroupNormBackward<float>& work) {
  group_norm_gradients(work);
}
DISCREET_CLONES void group_norm_backward(const GroupNormBackward<double>& work) {
  group_norm_gradients(work);
}

}  // namespace discreet::nn::kernels
