#pragma once

#include <cstdint>

namespace discreet::nn {

/// One operand of a product: a row-major matrix with `stride` values from row to row, read
/// transposed if asked.
template <class T>
struct Matrix {
  const T* data;
  std::int64_t stride;
  bool transposed = false;
};

/// C = alpha A B + beta C, row-major: A [m,k], B [k,n] after any transposition, C [m,n] with
/// `stride`. For products too small or too strided for the cost of a tensor operation each. Uses
/// the BLAS that libtorch brings when its symbol can be found, else at::addmm. Zero sizes are
/// allowed.
struct GemmSize {
  std::int64_t m, n, k;
};
template <class T>
void gemm(const GemmSize& size, Matrix<T> a, Matrix<T> b, T* c, std::int64_t c_stride, T alpha = 1,
          T beta = 0);

extern template void gemm<float>(const GemmSize&, Matrix<float>, Matrix<float>, float*,
                                 std::int64_t, float, float);
extern template void gemm<double>(const GemmSize&, Matrix<double>, Matrix<double>, double*,
                                  std::int64_t, double, double);

}  // namespace discreet::nn
