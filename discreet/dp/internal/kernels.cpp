#include "discreet/dp/internal/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace discreet::dp::internal {
namespace {

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define DISCREET_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DISCREET_CLONES
#endif
#define DISCREET_INLINE __attribute__((always_inline)) inline

// 64 bytes: one register with AVX-512, several with less; may be loaded from any address.
typedef float Float16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef double Double8 __attribute__((vector_size(64), aligned(8), may_alias));
typedef float Float8 __attribute__((vector_size(32), aligned(4), may_alias));

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  using Type = Float16;
  static constexpr std::int64_t kLanes = 16;
};
template <>
struct VectorOf<double> {
  using Type = Double8;
  static constexpr std::int64_t kLanes = 8;
};

template <class T>
using Vector = typename VectorOf<T>::Type;

template <class T>
DISCREET_INLINE const Vector<T>& load(const T* data) {
  return *reinterpret_cast<const Vector<T>*>(data);
}

template <class T>
DISCREET_INLINE T lane_sum(const Vector<T>& v) {
  constexpr std::int64_t kLanes = VectorOf<T>::kLanes;
  T lanes[kLanes];
  std::memcpy(lanes, &v, sizeof lanes);
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::int64_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

// A block of row pairs is as large as registers allow: each row loaded serves four products.
constexpr int kBlock = 4;

/// out[i][j] = rows t[i] . s[j].
template <class T>
DISCREET_INLINE void block_dots(const T* const (&t)[kBlock], const T* const (&s)[kBlock],
                                std::int64_t width, T (&out)[kBlock][kBlock]) {
  constexpr std::int64_t kLanes = VectorOf<T>::kLanes;
  Vector<T> sums[kBlock][kBlock] = {};
  std::int64_t c = 0;
  for (; c + kLanes <= width; c += kLanes) {
    Vector<T> right[kBlock];
    for (int j = 0; j < kBlock; ++j) right[j] = load(s[j] + c);
    for (int i = 0; i < kBlock; ++i) {
      const Vector<T> left = load(t[i] + c);
      for (int j = 0; j < kBlock; ++j) sums[i][j] += left * right[j];
    }
  }
  for (int i = 0; i < kBlock; ++i) {
    for (int j = 0; j < kBlock; ++j) {
      T sum = lane_sum<T>(sums[i][j]);
      for (std::int64_t k = c; k < width; ++k) sum += t[i][k] * s[j][k];
      out[i][j] = sum;
    }
  }
}

template <class T>
DISCREET_INLINE void block_rows(const RowMatrix<T>& matrix, std::int64_t first, std::int64_t last,
                                const T* (&rows)[kBlock]) {
  // Rows past the end repeat the last one; their products are not used.
  for (int i = 0; i < kBlock; ++i) rows[i] = matrix.row(std::min(first + i, last));
}

template <class T>
DISCREET_INLINE PairSum pair_products_body(std::span<const RowMatrix<T>> activations,
                                           const RowMatrix<T>& gradient, std::int64_t first,
                                           std::int64_t count, double bias) {
  PairSum total;
  const std::int64_t end = first + count;
  for (std::int64_t t0 = first; t0 < end; t0 += kBlock) {
    for (std::int64_t s0 = first; s0 <= t0; s0 += kBlock) {
      const T* t[kBlock];
      const T* s[kBlock];
      T dots[kBlock][kBlock];
      double left[kBlock][kBlock];
      for (auto& row : left) std::fill(row, row + kBlock, bias);
      for (const RowMatrix<T>& activation : activations) {
        block_rows(activation, t0, end - 1, t);
        block_rows(activation, s0, end - 1, s);
        block_dots(t, s, activation.width, dots);
        for (int i = 0; i < kBlock; ++i) {
          for (int j = 0; j < kBlock; ++j) left[i][j] += static_cast<double>(dots[i][j]);
        }
      }
      block_rows(gradient, t0, end - 1, t);
      block_rows(gradient, s0, end - 1, s);
      block_dots(t, s, gradient.width, dots);
      double sum = 0, magnitude = 0;
      const int t_count = static_cast<int>(std::min<std::int64_t>(kBlock, end - t0));
      const int s_count = static_cast<int>(std::min<std::int64_t>(kBlock, end - s0));
      for (int i = 0; i < t_count; ++i) {
        for (int j = 0; j < s_count; ++j) {
          const double term = left[i][j] * static_cast<double>(dots[i][j]);
          sum += term;
          magnitude += std::abs(term);
        }
      }
      const double weight = s0 == t0 ? 1 : 2;
      total.sum += weight * sum;
      total.magnitude += weight * magnitude;
    }
  }
  return total;
}

/// One row: |a|^2 |g|^2, without blocks of repeated rows.
template <class T>
DISCREET_INLINE double row_square(const T* row, std::int64_t width) {
  Double8 sums[2] = {};
  std::int64_t c = 0;
  for (; c + 16 <= width; c += 16) {
    for (int half = 0; half < 2; ++half) {
      Double8 v;
      if constexpr (std::is_same_v<T, float>) {
        v = __builtin_convertvector(*reinterpret_cast<const Float8*>(row + c + 8 * half), Double8);
      } else {
        v = load(row + c + 8 * half);
      }
      sums[half] += v * v;
    }
  }
  double sum = lane_sum<double>(sums[0] + sums[1]);
  for (; c < width; ++c) sum += static_cast<double>(row[c]) * static_cast<double>(row[c]);
  return sum;
}

template <class T>
DISCREET_INLINE PairSum single_row(std::span<const RowMatrix<T>> activations,
                                   const RowMatrix<T>& gradient, std::int64_t row, double bias) {
  double left = bias;
  for (const RowMatrix<T>& a : activations) left += row_square(a.row(row), a.width);
  const double value = left * row_square(gradient.row(row), gradient.width);
  return {value, value};
}

template <class T, class Out>
DISCREET_INLINE void add_scaled_body(const T* __restrict in, std::int64_t n, double factor,
                                     Out* __restrict out) {
  const Out f = static_cast<Out>(factor);
  for (std::int64_t i = 0; i < n; ++i) out[i] += f * static_cast<Out>(in[i]);
}

template <class T>
DISCREET_INLINE void scale_body(const T* __restrict in, std::int64_t n, double factor,
                                T* __restrict out) {
  const T f = static_cast<T>(factor);
  for (std::int64_t i = 0; i < n; ++i) out[i] = f * in[i];
}

template <class T>
DISCREET_INLINE void add_product_body(const T* __restrict a, const T* __restrict b, std::int64_t n,
                                      double* __restrict out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
}

template <class T>
std::int64_t length(std::span<const T> values) {
  return static_cast<std::int64_t>(values.size());
}

}  // namespace

DISCREET_CLONES PairSum pair_products(std::span<const RowMatrix<float>> activations,
                                      RowMatrix<float> gradient, std::int64_t first,
                                      std::int64_t count, double bias) {
  if (count == 1) return single_row(activations, gradient, first, bias);
  return pair_products_body(activations, gradient, first, count, bias);
}

DISCREET_CLONES PairSum pair_products(std::span<const RowMatrix<double>> activations,
                                      RowMatrix<double> gradient, std::int64_t first,
                                      std::int64_t count, double bias) {
  if (count == 1) return single_row(activations, gradient, first, bias);
  return pair_products_body(activations, gradient, first, count, bias);
}

DISCREET_CLONES double squared_norm(std::span<const float> values) {
  return row_square(values.data(), length(values));
}
DISCREET_CLONES double squared_norm(std::span<const double> values) {
  return row_square(values.data(), length(values));
}

DISCREET_CLONES void scale(std::span<const float> in, double factor, float* out) {
  if (factor == 0) return static_cast<void>(std::fill_n(out, in.size(), 0.0F));
  scale_body(in.data(), length(in), factor, out);
}
DISCREET_CLONES void scale(std::span<const double> in, double factor, double* out) {
  if (factor == 0) return static_cast<void>(std::fill_n(out, in.size(), 0.0));
  scale_body(in.data(), length(in), factor, out);
}

DISCREET_CLONES void add_scaled(std::span<const float> in, double factor, float* out) {
  if (factor != 0) add_scaled_body(in.data(), length(in), factor, out);
}
DISCREET_CLONES void add_scaled(std::span<const float> in, double factor, double* out) {
  if (factor != 0) add_scaled_body(in.data(), length(in), factor, out);
}
DISCREET_CLONES void add_scaled(std::span<const double> in, double factor, double* out) {
  if (factor != 0) add_scaled_body(in.data(), length(in), factor, out);
}

DISCREET_CLONES void add_product(std::span<const float> a, const float* b, double* out) {
  add_product_body(a.data(), b, length(a), out);
}
DISCREET_CLONES void add_product(std::span<const double> a, const double* b, double* out) {
  add_product_body(a.data(), b, length(a), out);
}

}  // namespace discreet::dp::internal
