#pragma once

#include <cstdint>
#include <span>

// Inner loops of the segment rules, on plain pointers: no libtorch here. float and double only.
namespace discreet::dp::internal {

/// A row-major matrix with rows end to end.
template <class T>
struct RowMatrix {
  const T* data = nullptr;
  std::int64_t width = 0;
  const T* row(std::int64_t r) const { return data + r * width; }
};

/// A sum of signed terms and the sum of their magnitudes; how far apart they are says how many digits
/// were lost.
struct PairSum {
  double sum = 0;
  double magnitude = 0;
};

/// Sum over pairs of rows t, s of (bias + sum_k a_k[t].a_k[s]) (g[t].g[s]): the squared norm of the
/// matrices sum_t g[t]^T a_k[t], stacked, and of the bias gradient if bias is 1.
///
/// Shapes: rows first .. first + count of each matrix. Dot products in T, their products and sums in
/// double. Only half of the pairs is computed. No temporary.
PairSum pair_products(std::span<const RowMatrix<float>> activations, RowMatrix<float> gradient,
                      std::int64_t first, std::int64_t count, double bias);
PairSum pair_products(std::span<const RowMatrix<double>> activations, RowMatrix<double> gradient,
                      std::int64_t first, std::int64_t count, double bias);

/// Sum of squares, in double.
double squared_norm(std::span<const float> values);
double squared_norm(std::span<const double> values);

/// out[i] = factor * in[i]; factor 0 writes zeros whatever `in` holds.
void scale(std::span<const float> in, double factor, float* out);
void scale(std::span<const double> in, double factor, double* out);

/// out[i] += factor * in[i]; factor 0 adds nothing, whatever `in` holds. The double `out` is for sums
/// over many rows.
void add_scaled(std::span<const float> in, double factor, float* out);
void add_scaled(std::span<const float> in, double factor, double* out);
void add_scaled(std::span<const double> in, double factor, double* out);

/// out[i] += a[i] * b[i].
void add_product(std::span<const float> a, const float* b, double* out);
void add_product(std::span<const double> a, const double* b, double* out);

}  // namespace discreet::dp::internal
