#include "discreet/dp/internal/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

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

/// Lane i of `sums` becomes the sum of the lanes of v[i]: a tree of shuffles that folds two vectors into
/// one at each node, a third of the work of summing each by itself.
DISCREET_INLINE void lane_sums(const Float16 (&v)[16], Float16& sums) {
  Float16 fold8[8], fold4[4], fold2[2];
  for (int i = 0; i < 8; ++i) {
    const Float16 &a = v[2 * i], &b = v[2 * i + 1];
    fold8[i] =
        __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
        __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  }
  for (int i = 0; i < 4; ++i) {
    const Float16 &a = fold8[2 * i], &b = fold8[2 * i + 1];
    fold4[i] =
        __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
        __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  }
  for (int i = 0; i < 2; ++i) {
    const Float16 &a = fold4[2 * i], &b = fold4[2 * i + 1];
    fold2[i] =
        __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +
        __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
  }
  sums = __builtin_shufflevector(fold2[0], fold2[1], 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24,
                                 26, 28, 30) +
         __builtin_shufflevector(fold2[0], fold2[1], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25,
                                 27, 29, 31);
}

// A block of row pairs is as large as registers allow: each row loaded serves four products.
constexpr int kBlock = 4;

/// Adds the products of rows t[i] and s[j] to the lanes of sums[4 i + j], and to out[4 i + j] where the
/// width is no multiple of a vector.
template <class T>
DISCREET_INLINE void add_block(const T* const (&t)[kBlock], const T* const (&s)[kBlock],
                               std::int64_t width, Vector<T> (&sums)[kBlock * kBlock],
                               T (&out)[kBlock * kBlock]) {
  constexpr std::int64_t kLanes = VectorOf<T>::kLanes;
  std::int64_t c = 0;
  for (; c + kLanes <= width; c += kLanes) {
    Vector<T> right[kBlock];
    for (int j = 0; j < kBlock; ++j) right[j] = load(s[j] + c);
    for (int i = 0; i < kBlock; ++i) {
      const Vector<T> left = load(t[i] + c);
      for (int j = 0; j < kBlock; ++j) sums[kBlock * i + j] += left * right[j];
    }
  }
  for (; c < width; ++c) {
    for (int k = 0; k < kBlock * kBlock; ++k) out[k] += t[k / kBlock][c] * s[k % kBlock][c];
  }
}

/// Adds the lanes' sums to `out`.
template <class T>
DISCREET_INLINE void fold_block(const Vector<T> (&sums)[kBlock * kBlock],
                                T (&out)[kBlock * kBlock]) {
  if constexpr (std::is_same_v<T, float>) {
    Float16 dots;
    lane_sums(sums, dots);
    dots += load(out);
    std::memcpy(out, &dots, sizeof dots);
  } else {
    for (int k = 0; k < kBlock * kBlock; ++k) out[k] += lane_sum<T>(sums[k]);
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
  Double8 sums = {}, magnitudes = {};
  const std::int64_t end = first + count;
  for (std::int64_t t0 = first; t0 < end; t0 += kBlock) {
    for (std::int64_t s0 = first; s0 <= t0; s0 += kBlock) {
      const T* t[kBlock];
      const T* s[kBlock];
      // One set of lanes for all activations: they are added up anyway.
      Vector<T> lanes[kBlock * kBlock] = {};
      T dots[kBlock * kBlock] = {};
      for (const RowMatrix<T>& activation : activations) {
        block_rows(activation, t0, end - 1, t);
        block_rows(activation, s0, end - 1, s);
        add_block(t, s, activation.width, lanes, dots);
      }
      fold_block(lanes, dots);
      double left[kBlock * kBlock];
      for (int k = 0; k < kBlock * kBlock; ++k) left[k] = bias + static_cast<double>(dots[k]);
      block_rows(gradient, t0, end - 1, t);
      block_rows(gradient, s0, end - 1, s);
      std::fill(dots, dots + kBlock * kBlock, T{0});
      std::fill(lanes, lanes + kBlock * kBlock, Vector<T>{});
      add_block(t, s, gradient.width, lanes, dots);
      fold_block(lanes, dots);
      // Pairs below the diagonal count for those above; pairs past the end count for nothing.
      double right[kBlock * kBlock];
      const double weight = s0 == t0 ? 1 : 2;
      for (int k = 0; k < kBlock * kBlock; ++k) {
        const bool inside = t0 + k / kBlock < end && s0 + k % kBlock < end;
        right[k] = inside ? weight * static_cast<double>(dots[k]) : 0.0;
      }
      for (int k = 0; k < kBlock * kBlock; k += 8) {
        const Double8 terms = load(left + k) * load(right + k);
        sums += terms;
        magnitudes += terms < 0 ? -terms : terms;
      }
    }
  }
  return {lane_sum<double>(sums), lane_sum<double>(magnitudes)};
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
