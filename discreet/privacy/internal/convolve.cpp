#include "discreet/privacy/internal/convolve.h"

#include <complex>

#include <unsupported/Eigen/FFT>

namespace discreet::privacy::internal {
namespace {

using Complex = std::complex<double>;

/// z^n by squaring; a result below 1e-60 is 0, which saves most of the spectrum.
Complex complex_power(double re, double im, std::int64_t n) {
  double out_re = 1, out_im = 0;
  for (;;) {
    if (n & 1) {
      const double t = out_re * re - out_im * im;
      out_im = out_re * im + out_im * re;
      out_re = t;
    }
    n >>= 1;
    if (n == 0) return {out_re, out_im};
    const double t = re * re - im * im;
    im = 2 * re * im;
    re = t;
    if (re * re + im * im < 1e-120) return {0, 0};
  }
}

}  // namespace

std::size_t fast_length(std::size_t n) {
  for (std::size_t length = n + (n % 2);; length += 2) {
    std::size_t rest = length;
    for (const std::size_t factor : {2, 3, 5}) {
      while (rest % factor == 0) rest /= factor;
    }
    if (rest == 1) return length;
  }
}

std::vector<double> convolve_powers(const std::vector<Summand>& summands, std::size_t zero) {
  Eigen::FFT<double> fft;
  fft.SetFlag(Eigen::FFT<double>::HalfSpectrum);
  const std::size_t size = summands.at(0).mass.size();
  std::vector<Complex> product, spectrum;
  std::size_t variables = 0;  // Modulo the size, which is all that the shift needs.
  for (const Summand& summand : summands) {
    fft.fwd(spectrum, summand.mass);
    if (product.empty()) product.assign(spectrum.size(), Complex(1, 0));
    for (std::size_t i = 0; i < spectrum.size(); ++i) {
      product[i] *= complex_power(spectrum[i].real(), spectrum[i].imag(), summand.times);
    }
    variables = (variables + static_cast<std::size_t>(summand.times) % size) % size;
  }
  std::vector<double> sum;
  fft.inv(sum, product, static_cast<Eigen::Index>(size));
  // Indices add up to (cell of the sum) + (variables - 1) zero.
  const std::size_t offset = ((variables + size - 1) % size) * zero % size;
  std::vector<double> result(size);
  for (std::size_t i = 0; i < size; ++i) result[i] = sum[(i + offset) % size];
  return result;
}

}  // namespace discreet::privacy::internal
