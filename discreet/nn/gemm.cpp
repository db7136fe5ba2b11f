#include "discreet/nn/gemm.h"

#include <algorithm>

#include "discreet/nn/torch.h"

// Fortran BLAS, exported by the usual builds of libtorch but promised by none: weak, so that a
// build without it links and takes the slower way.
extern "C" {
__attribute__((weak)) void sgemm_(const char*, const char*, const int*, const int*, const int*,
                                  const float*, const float*, const int*, const float*, const int*,
                                  const float*, float*, const int*);
__attribute__((weak)) void dgemm_(const char*, const char*, const int*, const int*, const int*,
                                  const double*, const double*, const int*, const double*,
                                  const int*, const double*, double*, const int*);
}

namespace discreet::nn {
namespace {

auto blas(float) { return &sgemm_; }
auto blas(double) { return &dgemm_; }

template <class T>
at::Tensor view(const Matrix<T>& matrix, std::int64_t rows, std::int64_t columns) {
  const auto options = at::TensorOptions().dtype(c10::CppTypeToScalarType<T>::value);
  const std::vector<std::int64_t> strides = matrix.transposed
                                                ? std::vector<std::int64_t>{1, matrix.stride}
                                                : std::vector<std::int64_t>{matrix.stride, 1};
  return at::from_blob(const_cast<T*>(matrix.data), {rows, columns}, strides, options);
}

}  // namespace

template <class T>
void gemm(const GemmSize& size, Matrix<T> a, Matrix<T> b, T* c, std::int64_t c_stride, T alpha,
          T beta) {
  if (size.m == 0 || size.n == 0) return;
  if (size.k == 0 || blas(T{}) == nullptr) {
    at::Tensor out = view<T>({c, c_stride}, size.m, size.n);
    if (beta == T{0}) out.zero_();
    if (size.k == 0) {
      out.mul_(beta);
      return;
    }
    out.addmm_(view(a, size.m, size.k), view(b, size.k, size.n), beta == T{0} ? T{1} : beta, alpha);
    return;
  }
  // A row-major product is the column-major product of the operands in the other order.
  const auto leading = [](std::int64_t stride) {
    return static_cast<int>(std::max<std::int64_t>(stride, 1));
  };
  const int m = static_cast<int>(size.m), n = static_cast<int>(size.n),
            k = static_cast<int>(size.k);
  const int lda = leading(a.stride), ldb = leading(b.stride), ldc = leading(c_stride);
  blas(T{})(b.transposed ? "T" : "N", a.transposed ? "T" : "N", &n, &m, &k, &alpha, b.data, &ldb,
            a.data, &lda, &beta, c, &ldc);
}

template void gemm<float>(const GemmSize&, Matrix<float>, Matrix<float>, float*, std::int64_t,
                          float, float);
template void gemm<double>(const GemmSize&, Matrix<double>, Matrix<double>, double*, std::int64_t,
                           double, double);

}  // namespace discreet::nn
