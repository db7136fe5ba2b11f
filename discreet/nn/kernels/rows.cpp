#include "discreet/nn/kernels/rows.h"

#include <algorithm>

#include "discreet/nn/kernels/math.h"

// Sums are vectorised by `omp simd reduction`, the only places where the order of additions is
// free.

namespace discreet::nn::kernels {
namespace {

constexpr double kInverseSqrtTwoPi = 0.39894228040143267794;

template <class T>
DISCREET_INLINE void gelu_of(const T* __restrict x, T* __restrict y, T* __restrict slope,
                             std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const T gauss = fast_exp(T(-0.5) * x[i] * x[i]);
    const T cdf = normal_cdf(x[i], gauss);
    y[i] = x[i] * cdf;
    slope[i] = cdf + x[i] * gauss * T(kInverseSqrtTwoPi);
  }
}

template <class T>
DISCREET_INLINE void softmax_of(T* x, std::int64_t rows, std::int64_t n, T scale) {
  for (std::int64_t r = 0; r < rows; ++r) {
    T* __restrict row = x + r * n;
    const T top = row_maximum(row, n) * scale;
    T total = 0;
#pragma omp simd reduction(+ : total)
    for (std::int64_t i = 0; i < n; ++i) {
      row[i] = fast_exp(row[i] * scale - top);
      total += row[i];
    }
    const T inverse = T{1} / total;
    for (std::int64_t i = 0; i < n; ++i) row[i] *= inverse;
  }
}

template <class T>
DISCREET_INLINE void softmax_backward_of(const T* p, T* grad, std::int64_t rows, std::int64_t n,
                                         T scale) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* __restrict weight = p + r * n;
    T* __restrict row = grad + r * n;
    T inner = 0;
#pragma omp simd reduction(+ : inner)
    for (std::int64_t i = 0; i < n; ++i) inner += weight[i] * row[i];
    for (std::int64_t i = 0; i < n; ++i) row[i] = scale * weight[i] * (row[i] - inner);
  }
}

template <class T>
DISCREET_INLINE T cross_entropy_of(const T* __restrict x, T* __restrict p, std::int64_t n,
                                   std::int64_t target) {
  const T top = row_maximum(x, n);
  T total = 0;
#pragma omp simd reduction(+ : total)
  for (std::int64_t i = 0; i < n; ++i) {
    p[i] = fast_exp(x[i] - top);
    total += p[i];
  }
  const T inverse = T{1} / total;
  for (std::int64_t i = 0; i < n; ++i) p[i] *= inverse;
  return std::log(total) + top - x[target];
}

template <class T>
DISCREET_INLINE void norm_forward(const LayerNormForward<T>& w) {
  const std::int64_t d = w.width;
  for (std::int64_t r = 0; r < w.rows; ++r) {
    const T* __restrict x = w.x + r * d;
    const T* __restrict gamma = w.gamma;
    const T* __restrict beta = w.beta;
    T* __restrict normalised = w.normalised + r * d;
    T* __restrict y = w.y + r * d;
    T sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < d; ++i) sum += x[i];
    const T mean = sum / static_cast<T>(d);
#pragma omp simd reduction(+ : squares)
    for (std::int64_t i = 0; i < d; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const T inverse = T{1} / std::sqrt(squares / static_cast<T>(d) + w.epsilon);
    w.inverse[r] = inverse;
    for (std::int64_t i = 0; i < d; ++i) {
      normalised[i] = (x[i] - mean) * inverse;
      y[i] = normalised[i] * gamma[i] + beta[i];
    }
  }
}

template <class T>
DISCREET_INLINE void norm_backward(const LayerNormBackward<T>& w) {
  const std::int64_t d = w.width;
  for (std::int64_t r = 0; r < w.rows; ++r) {
    const T* __restrict dy = w.dy + r * d;
    const T* __restrict normalised = w.normalised + r * d;
    const T* __restrict gamma = w.gamma;
    T* __restrict dx = w.dx + r * d;
    T sum = 0, inner = 0;
#pragma omp simd reduction(+ : sum, inner)
    for (std::int64_t i = 0; i < d; ++i) {
      sum += dy[i] * gamma[i];
      inner += dy[i] * gamma[i] * normalised[i];
    }
    sum /= static_cast<T>(d);
    inner /= static_cast<T>(d);
    const T inverse = w.inverse[r];
    for (std::int64_t i = 0; i < d; ++i) {
      dx[i] = inverse * (dy[i] * gamma[i] - sum - normalised[i] * inner);
    }
  }
}

template <class T>
DISCREET_INLINE void add_scaled_of(T* __restrict to, const T* __restrict from, T weight,
                                   std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] += weight * from[i];
}

template <class T>
DISCREET_INLINE void sum_rows_of(const T* __restrict table, const std::int64_t* __restrict ids,
                                 std::int64_t count, std::int64_t width, T* __restrict to) {
  for (std::int64_t i = 0; i < width; ++i) to[i] = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    const T* __restrict row = table + ids[k] * width;
    for (std::int64_t i = 0; i < width; ++i) to[i] += row[i];
  }
}

DISCREET_INLINE void dropout_of(const DropoutStream& s, float* __restrict factors, std::int64_t n) {
  constexpr std::int64_t kLanes = 16;
  const auto bound = static_cast<std::uint32_t>(std::min(s.rate * 4294967296.0, 4294967295.0));
  const float scale = static_cast<float>(1.0 / (1.0 - s.rate));
  std::uint32_t x0[kLanes], x1[kLanes], x2[kLanes], x3[kLanes];
  for (std::int64_t start = 0; start < n; start += 4 * kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) {
      x0[l] = static_cast<std::uint32_t>(start / 4 + l);
      x1[l] = s.layer;
      x2[l] = s.example;
      x3[l] = s.step;
    }
    auto key0 = static_cast<std::uint32_t>(s.seed), key1 = static_cast<std::uint32_t>(s.seed >> 32);
    for (int round = 0; round < 10; ++round) {
      for (std::int64_t l = 0; l < kLanes; ++l) {
        const std::uint64_t p0 = 0xD2511F53ull * x0[l], p1 = 0xCD9E8D57ull * x2[l];
        const auto y0 = static_cast<std::uint32_t>(p1 >> 32) ^ x1[l] ^ key0;
        const auto y2 = static_cast<std::uint32_t>(p0 >> 32) ^ x3[l] ^ key1;
        x1[l] = static_cast<std::uint32_t>(p1);
        x3[l] = static_cast<std::uint32_t>(p0);
        x0[l] = y0;
        x2[l] = y2;
      }
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
    const std::int64_t left = std::min<std::int64_t>(4 * kLanes, n - start);
    for (std::int64_t i = 0; i < left; ++i) {
      const std::uint32_t* words = i % 4 == 0 ? x0 : i % 4 == 1 ? x1 : i % 4 == 2 ? x2 : x3;
      factors[start + i] = words[i / 4] < bound ? 0.0f : scale;
    }
  }
}

}  // namespace

DISCREET_CLONES void gelu(const float* x, float* y, float* slope, std::int64_t n) {
  gelu_of(x, y, slope, n);
}
DISCREET_CLONES void gelu(const double* x, double* y, double* slope, std::int64_t n) {
  gelu_of(x, y, slope, n);
}
DISCREET_CLONES void softmax(float* x, std::int64_t rows, std::int64_t n, float scale) {
  softmax_of(x, rows, n, scale);
}
DISCREET_CLONES void softmax(double* x, std::int64_t rows, std::int64_t n, double scale) {
  softmax_of(x, rows, n, scale);
}
DISCREET_CLONES void softmax_backward(const float* p, float* grad, std::int64_t rows,
                                      std::int64_t n, float scale) {
  softmax_backward_of(p, grad, rows, n, scale);
}
DISCREET_CLONES void softmax_backward(const double* p, double* grad, std::int64_t rows,
                                      std::int64_t n, double scale) {
  softmax_backward_of(p, grad, rows, n, scale);
}
DISCREET_CLONES float cross_entropy_row(const float* x, float* p, std::int64_t n,
                                        std::int64_t target) {
  return cross_entropy_of(x, p, n, target);
}
DISCREET_CLONES double cross_entropy_row(const double* x, double* p, std::int64_t n,
                                         std::int64_t target) {
  return cross_entropy_of(x, p, n, target);
}
DISCREET_CLONES void layer_norm_forward(const LayerNormForward<float>& work) { norm_forward(work); }
DISCREET_CLONES void layer_norm_forward(const LayerNormForward<double>& work) {
  norm_forward(work);
}
DISCREET_CLONES void layer_norm_backward(const LayerNormBackward<float>& work) {
  norm_backward(work);
}
DISCREET_CLONES void layer_norm_backward(const LayerNormBackward<double>& work) {
  norm_backward(work);
}
DISCREET_CLONES void add_scaled(float* to, const float* from, float weight, std::int64_t n) {
  add_scaled_of(to, from, weight, n);
}
DISCREET_CLONES void add_scaled(double* to, const double* from, double weight, std::int64_t n) {
  add_scaled_of(to, from, weight, n);
}
DISCREET_CLONES void sum_rows(const float* table, const std::int64_t* ids, std::int64_t count,
                              std::int64_t width, float* to) {
  sum_rows_of(table, ids, count, width, to);
}
DISCREET_CLONES void sum_rows(const double* table, const std::int64_t* ids, std::int64_t count,
                              std::int64_t width, double* to) {
  sum_rows_of(table, ids, count, width, to);
}
DISCREET_CLONES void dropout_factors(const DropoutStream& stream, float* factors, std::int64_t n) {
  dropout_of(stream, factors, n);
}

}  // namespace discreet::nn::kernels
