#include "discreet/privacy/internal/convolve.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "discreet/privacy/internal/numeric.h"

namespace discreet::privacy::internal {
namespace {

/// Complex numbers with real and imaginary parts apart, as the loops want them.
struct Split {
  std::vector<double> re, im;
  explicit Split(std::size_t n) : re(n), im(n) {}
};

/// exp(-2 pi i j / n) for j < count, from two short tables (sines of every angle would cost more than
/// the transform) in extended precision: an error of a root is an error of the whole spectrum, and
/// thousands of steps multiply it.
Split roots_of_unity(std::size_t n, std::size_t count) {
  constexpr std::size_t kShort = 512;
  using Long = long double;
  const auto root = [&](std::size_t j) {
    const Long angle = -2 * std::numbers::pi_v<Long> * static_cast<Long>(j) / static_cast<Long>(n);
    return std::pair(std::cos(angle), std::sin(angle));
  };
  std::vector<std::pair<Long, Long>> small(std::min(kShort, count));
  for (std::size_t j = 0; j < small.size(); ++j) small[j] = root(j);
  Split roots(count);
  for (std::size_t start = 0; start < count; start += kShort) {
    const auto [cr, ci] = root(start);
    const std::size_t end = std::min(count, start + kShort);
    for (std::size_t j = start; j < end; ++j) {
      const auto [ar, ai] = small[j - start];
      roots.re[j] = static_cast<double>(cr * ar - ci * ai);
      roots.im[j] = static_cast<double>(cr * ai + ci * ar);
    }
  }
  return roots;
}

/// Transforms of real sequences of one even length without prime factors above 5: Stockham's passes on
/// half as many complex numbers. Ref: Stockham 1966; Swarztrauber 1984.
class RealTransform {
 public:
  explicit RealTransform(std::size_t size)
      : half_(size / 2),
        roots_(roots_of_unity(size / 2, size / 2)),
        unpack_(roots_of_unity(size, size / 4 + 1)),
        x_(size / 2),
        y_(size / 2),
        spectrum_(size / 2 + 1) {}

  /// Entries 0..size/2 of the spectrum; valid until the next call.
  const Split& forward(const std::vector<double>& values) {
    for (std::size_t k = 0; k < half_; ++k) x_.re[k] = values[2 * k], x_.im[k] = values[2 * k + 1];
    passes();
    Split& spectrum = spectrum_;
    for (std::size_t k = 0; k <= half_ / 2; ++k) {
      const std::size_t m = half_ - k, km = k % half_, mm = m % half_;
      const double er = 0.5 * (x_.re[km] + x_.re[mm]), ei = 0.5 * (x_.im[km] - x_.im[mm]);
      const double dr = 0.5 * (x_.im[km] + x_.im[mm]), di = -0.5 * (x_.re[km] - x_.re[mm]);
      const double wr = unpack_.re[k], wi = unpack_.im[k];
      const double tr = wr * dr - wi * di, ti = wr * di + wi * dr;
      spectrum.re[k] = er + tr, spectrum.im[k] = ei + ti;
      spectrum.re[m] = er - tr, spectrum.im[m] = ti - ei;
    }
    return spectrum;
  }

  /// The reverse of `forward`.
  std::vector<double> inverse(const Split& spectrum) {
    const double scale = 1 / static_cast<double>(half_);
    for (std::size_t k = 0; k <= half_ / 2; ++k) {
      const std::size_t m = half_ - k;
      const double er = 0.5 * (spectrum.re[k] + spectrum.re[m]);
      const double ei = 0.5 * (spectrum.im[k] - spectrum.im[m]);
      const double tr = 0.5 * (spectrum.re[k] - spectrum.re[m]);
      const double ti = 0.5 * (spectrum.im[k] + spectrum.im[m]);
      // Divided by the root of unity; then e + i d, conjugated, as the passes go forward.
      const double wr = unpack_.re[k], wi = -unpack_.im[k];
      const double dr = wr * tr - wi * ti, di = wr * ti + wi * tr;
      x_.re[k] = er - di, x_.im[k] = -(ei + dr);
      if (m < half_) x_.re[m] = er + di, x_.im[m] = ei - dr;
    }
    passes();
    std::vector<double> values(2 * half_);
    for (std::size_t k = 0; k < half_; ++k) {
      values[2 * k] = x_.re[k] * scale, values[2 * k + 1] = -x_.im[k] * scale;
    }
    return values;
  }

 private:
  void passes() {
    const NumericLoops& loops = quickest_loops();
    std::size_t n = half_, s = 1;
    const auto pass = [&](std::size_t radix, TransformPass run) {
      n /= radix;
      run(n, s, roots_.re.data(), roots_.im.data(), x_.re.data(), x_.im.data(), y_.re.data(),
          y_.im.data());
      std::swap(x_, y_);
      s *= radix;
    };
    while (n % 4 == 0) pass(4, loops.pass4);
    while (n % 5 == 0) pass(5, loops.pass5);
    while (n % 3 == 0) pass(3, loops.pass3);
    while (n % 2 == 0) pass(2, loops.pass2);
  }

  std::size_t half_;
  Split roots_, unpack_, x_, y_, spectrum_;
};

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
  return convolve_powers(summands.size(), summands.at(0).mass.size(), zero,
                         [&](std::size_t i, std::vector<double>& mass) {
                           mass = summands[i].mass;
                           return summands[i].times;
                         });
}

std::vector<double> convolve_powers(std::size_t count, std::size_t size, std::size_t zero,
                                    const std::function<std::int64_t(std::size_t, std::vector<double>&)>& fill) {
  RealTransform transform(size);
  std::vector<double> mass(size);
  Split product(size / 2 + 1);
  product.re.assign(size / 2 + 1, 1);
  std::size_t variables = 0;  // Modulo the size, which is all that the shift needs.
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) std::fill(mass.begin(), mass.end(), 0.0);
    const std::int64_t times = fill(i, mass);
    const Split& spectrum = transform.forward(mass);
    quickest_loops().multiply_power(spectrum.re.data(), spectrum.im.data(), size / 2 + 1, times,
                                    product.re.data(), product.im.data());
    variables = (variables + static_cast<std::size_t>(times) % size) % size;
  }
  const std::vector<double> sum = transform.inverse(product);
  // Indices add up to (cell of the sum) + (variables - 1) zero.
  const std::size_t offset = ((variables + size - 1) % size) * zero % size;
  std::vector<double> result(size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t place = i + offset;
    result[i] = sum[place < size ? place : place - size];
  }
  return result;
}

}  // namespace discreet::privacy::internal
