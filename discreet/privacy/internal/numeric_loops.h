// The inner loops of the accountants that work on grids, included once per instruction set by
// numeric.cpp, which sets the target and opens a namespace. No include guard, no includes.

#define DISCREET_INLINE inline __attribute__((always_inline))

/// 2^k and r of t = k ln 2 + r, |r| <= ln(2)/2; |t| < 700.
DISCREET_INLINE double exp_parts(double t, double& r) {
  const double magic = 0x1.8p52;
  const double shifted = t * 1.4426950408889634074 + magic;
  const double k = shifted - magic;
  r = (t - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
  return std::bit_cast<double>((std::bit_cast<std::uint64_t>(shifted) + 1023) << 52);
}

/// exp(r) - 1 by Taylor's series: the next term is below 1e-17 of it.
DISCREET_INLINE double expm1_small(double r) {
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  return r + r * r * p;
}

/// exp(-y) for y >= 0; ends at 1e-304.
DISCREET_INLINE double quick_exp_minus(double y) {
  double r;
  const double scale = exp_parts(y < 700 ? -y : -700.0, r);
  return scale * expm1_small(r) + scale;
}

/// ln of a normal number > 0.
DISCREET_INLINE double quick_log(double v) {
  const std::uint64_t shifted =
      std::bit_cast<std::uint64_t>(v) - 0x3fe6a09e667f3bcdull + 0x4000000000000000ull;
  const std::uint64_t m_bits = (shifted & 0x000fffffffffffffull) + 0x3fe6a09e667f3bcdull;
  const double e =
      std::bit_cast<double>((shifted >> 52) | 0x4330000000000000ull) - (0x1p52 + 1024.0);
  const double m = std::bit_cast<double>(m_bits);
  const double s = (m - 1) / (m + 1), z = s * s;
  double p = 1.0 / 19;
  p = p * z + 1.0 / 17;
  p = p * z + 1.0 / 15;
  p = p * z + 1.0 / 13;
  p = p * z + 1.0 / 11;
  p = p * z + 1.0 / 9;
  p = p * z + 1.0 / 7;
  p = p * z + 1.0 / 5;
  p = p * z + 1.0 / 3;
  return e * 0.69314718055994530942 + (2 * s + 2 * s * z * p);
}

/// erfc(x)/2 for x >= 0, to a relative 1e-15 + x^2 1e-16. (1 + 2x) exp(x^2) erfc(x) as a polynomial in
/// (x - K)/(x + K), K = 3.75: the form of Shepherd and Laframboise 1981, expanded anew to degree 24.
DISCREET_INLINE double quick_half_erfc(double x) {
  const double t = (x - 3.75) / (x + 3.75);
  double p = 4.251471447651649e-10;
  p = p * t + 3.1114333817539675e-10;
  p = p * t - 5.173990215720267e-09;
  p = p * t - 3.74421008142236e-09;
  p = p * t + 3.8675334246680334e-08;
  p = p * t + 2.3263508710040172e-08;
  p = p * t - 2.586685071682129e-07;
  p = p * t - 5.7218230604938414e-08;
  p = p * t + 1.7516376488553348e-06;
  p = p * t - 9.735598967352236e-07;
  p = p * t - 1.1444146237704413e-05;
  p = p * t + 2.2384239155081323e-05;
  p = p * t + 5.1649098892684006e-05;
  p = p * t - 0.00029015408054084134;
  p = p * t + 0.0002937136655913444;
  p = p * t + 0.0017556258528952952;
  p = p * t - 0.009746579558029276;
  p = p * t + 0.028362277418956406;
  p = p * t - 0.05869339858963677;
  p = p * t + 0.09230432116037748;
  p = p * t - 0.10880393014174886;
  p = p * t + 0.0822767384901452;
  p = p * t + 0.0035854154854644293;
  p = p * t - 0.14024059858554697;
  p = p * t + 1.2375126308378275;
  return 0.5 * quick_exp_minus(x * x) * p / (1 + 2 * x);
}

/// See MixtureCurves in numeric.h.
inline void mixture_curves(double q, double s, double first, double h, std::size_t n, double* call,
                           double* put, double* survival) {
  const double inverse_q = 1 / q, scale = s / 1.4142135623730950488,
               half = 0.5 / (1.4142135623730950488 * s);
  // exp(t) - 1 + q keeps its digits for small q as (exp(t) - 1) + q, for q near 1 as exp(t) - (1 - q).
  const double taken = q < 0.5 ? 1 : 1 - q, given = q < 0.5 ? q : 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double t = (first + static_cast<double>(i)) * h;
    // The loss of x passes t where the ratio of the densities is e + 1 - q.
    double r;
    const double power = exp_parts(t, r);
    const double e = power * expm1_small(r) + (power - taken) + given;
    const double middle = scale * quick_log(e > 1e-290 ? e * inverse_q : 1e-290);
    const double near = middle - half, far = middle + half;  // (x - 1)/(sqrt(2) s), x/(sqrt(2) s).
    const double near_tail = quick_half_erfc(near < 0 ? -near : near);
    const double far_tail = quick_half_erfc(far < 0 ? -far : far);
    const double near_above = near < 0 ? 1 - near_tail : near_tail;
    const double near_below = near < 0 ? near_tail : 1 - near_tail;
    const double far_above = far < 0 ? 1 - far_tail : far_tail;
    const double far_below = far < 0 ? far_tail : 1 - far_tail;
    call[i] = q * near_above - e * far_above;
    put[i] = e * far_below - q * near_below;
    survival[i] = q * near_above + (1 - q) * far_above;
  }
}

/// Horner's sum of p_i ratio^i, in eight interleaved parts.
inline double power_sum(const double* p, std::size_t n, double ratio) {
  double parts[8] = {}, stride = ratio * ratio;
  stride *= stride;
  stride *= stride;
  std::size_t blocks = n / 8;
  double sum = 0;
  for (std::size_t i = n; i-- > 8 * blocks;) sum = sum * ratio + p[i];
  parts[0] = sum;
  // The tail stands at ratio^(8 blocks); every block moves it down by eight.
  for (std::size_t b = blocks; b-- > 0;) {
    for (int k = 0; k < 8; ++k) parts[k] = parts[k] * stride + p[8 * b + static_cast<std::size_t>(k)];
  }
  double total = 0;
  for (int k = 7; k >= 0; --k) total = total * ratio + parts[k];
  return total;
}

/// product *= z^times, element by element; what falls below 1e-200 is 0.
inline void multiply_power(const double* re, const double* im, std::size_t n, std::int64_t times,
                           double* product_re, double* product_im) {
  constexpr std::size_t kChunk = 256;
  double zr[kChunk], zi[kChunk];
  for (std::size_t start = 0; start < n; start += kChunk) {
    const std::size_t count = n - start < kChunk ? n - start : kChunk;
    double *pr = product_re + start, *pi = product_im + start;
    for (std::size_t i = 0; i < count; ++i) zr[i] = re[start + i], zi[i] = im[start + i];
    for (std::int64_t bits = times;;) {
      if (bits & 1) {
        for (std::size_t i = 0; i < count; ++i) {
          const double r = pr[i] * zr[i] - pi[i] * zi[i], m = pr[i] * zi[i] + pi[i] * zr[i];
          // Numbers near the smallest ones would slow everything down.
          const double keep = r * r + m * m > 1e-200 ? 1.0 : 0.0;
          pr[i] = r * keep, pi[i] = m * keep;
        }
      }
      bits >>= 1;
      if (bits == 0) break;
      for (std::size_t i = 0; i < count; ++i) {
        const double r = zr[i] * zr[i] - zi[i] * zi[i], m = 2 * zr[i] * zi[i];
        const double keep = r * r + m * m > 1e-200 ? 1.0 : 0.0;
        zr[i] = r * keep, zi[i] = m * keep;
      }
    }
  }
}

// One pass of Stockham's transform: n = radix * m at stride s; w holds exp(-2 pi i j / (n s)).

inline void pass2(std::size_t m, std::size_t s, const double* wr, const double* wi,
                  const double* __restrict xr, const double* __restrict xi, double* __restrict yr,
                  double* __restrict yi) {
  for (std::size_t p = 0; p < m; ++p) {
    const double cr = wr[p * s], ci = wi[p * s];
    const std::size_t in = s * p, out = s * 2 * p, step = s * m;
    for (std::size_t q = 0; q < s; ++q) {
      const double ar = xr[in + q], ai = xi[in + q];
      const double br = xr[in + step + q], bi = xi[in + step + q];
      const double dr = ar - br, di = ai - bi;
      yr[out + q] = ar + br, yi[out + q] = ai + bi;
      yr[out + s + q] = cr * dr - ci * di, yi[out + s + q] = cr * di + ci * dr;
    }
  }
}

inline void pass3(std::size_t m, std::size_t s, const double* wr, const double* wi,
                  const double* __restrict xr, const double* __restrict xi, double* __restrict yr,
                  double* __restrict yi) {
  constexpr double kSin = 0.86602540378443864676;
  for (std::size_t p = 0; p < m; ++p) {
    const double c1 = wr[p * s], d1 = wi[p * s], c2 = wr[2 * p * s], d2 = wi[2 * p * s];
    const std::size_t in = s * p, out = s * 3 * p, step = s * m;
    for (std::size_t q = 0; q < s; ++q) {
      const double ar = xr[in + q], ai = xi[in + q];
      const double br = xr[in + step + q], bi = xi[in + step + q];
      const double er = xr[in + 2 * step + q], ei = xi[in + 2 * step + q];
      const double sr = br + er, si = bi + ei;
      const double hr = ar - 0.5 * sr, hi = ai - 0.5 * si;
      const double kr = kSin * (br - er), ki = kSin * (bi - ei);
      const double ur = hr + ki, ui = hi - kr, vr = hr - ki, vi = hi + kr;  // h -+ i k
      yr[out + q] = ar + sr, yi[out + q] = ai + si;
      yr[out + s + q] = c1 * ur - d1 * ui, yi[out + s + q] = c1 * ui + d1 * ur;
      yr[out + 2 * s + q] = c2 * vr - d2 * vi, yi[out + 2 * s + q] = c2 * vi + d2 * vr;
    }
  }
}

DISCREET_INLINE void quarter(double ar, double ai, double br, double bi, double cr, double ci,
                             double dr, double di, double w1r, double w1i, double w2r, double w2i,
                             double w3r, double w3i, double* yr, double* yi, std::size_t s) {
  const double sr = ar + cr, si = ai + ci, tr = ar - cr, ti = ai - ci;
  const double ur = br + dr, ui = bi + di, vr = bi - di, vi = dr - br;  // -i (b - d)
  const double er = tr + vr, ei = ti + vi, fr = sr - ur, fi = si - ui, gr = tr - vr, gi = ti - vi;
  yr[0] = sr + ur, yi[0] = si + ui;
  yr[s] = w1r * er - w1i * ei, yi[s] = w1r * ei + w1i * er;
  yr[2 * s] = w2r * fr - w2i * fi, yi[2 * s] = w2r * fi + w2i * fr;
  yr[3 * s] = w3r * gr - w3i * gi, yi[3 * s] = w3r * gi + w3i * gr;
}

inline void pass4(std::size_t m, std::size_t s, const double* wr, const double* wi,
                  const double* __restrict xr, const double* __restrict xi, double* __restrict yr,
                  double* __restrict yi) {
  const std::size_t step = s * m;
  if (s == 1) {  // The first pass goes along p.
    for (std::size_t p = 0; p < m; ++p) {
      quarter(xr[p], xi[p], xr[p + step], xi[p + step], xr[p + 2 * step], xi[p + 2 * step],
              xr[p + 3 * step], xi[p + 3 * step], wr[p], wi[p], wr[2 * p], wi[2 * p], wr[3 * p],
              wi[3 * p], yr + 4 * p, yi + 4 * p, 1);
    }
    return;
  }
  for (std::size_t p = 0; p < m; ++p) {
    const double w1r = wr[p * s], w1i = wi[p * s], w2r = wr[2 * p * s], w2i = wi[2 * p * s];
    const double w3r = wr[3 * p * s], w3i = wi[3 * p * s];
    const double *ar = xr + s * p, *ai = xi + s * p;
    double *outr = yr + s * 4 * p, *outi = yi + s * 4 * p;
    for (std::size_t q = 0; q < s; ++q) {
      quarter(ar[q], ai[q], ar[q + step], ai[q + step], ar[q + 2 * step], ai[q + 2 * step],
              ar[q + 3 * step], ai[q + 3 * step], w1r, w1i, w2r, w2i, w3r, w3i, outr + q, outi + q,
              s);
    }
  }
}

inline void pass5(std::size_t m, std::size_t s, const double* wr, const double* wi,
                  const double* __restrict xr, const double* __restrict xi, double* __restrict yr,
                  double* __restrict yi) {
  constexpr double c1 = 0.30901699437494742410, c2 = -0.80901699437494742410;
  constexpr double s1 = 0.95105651629515357212, s2 = 0.58778525229247312917;
  const std::size_t step = s * m;
  for (std::size_t p = 0; p < m; ++p) {
    const std::size_t in = s * p, out = s * 5 * p;
    double w_r[5], w_i[5];
    for (std::size_t k = 1; k < 5; ++k) w_r[k] = wr[k * p * s], w_i[k] = wi[k * p * s];
    for (std::size_t q = 0; q < s; ++q) {
      const double ar = xr[in + q], ai = xi[in + q];
      const double br = xr[in + step + q], bi = xi[in + step + q];
      const double dr = xr[in + 2 * step + q], di = xi[in + 2 * step + q];
      const double er = xr[in + 3 * step + q], ei = xi[in + 3 * step + q];
      const double fr = xr[in + 4 * step + q], fi = xi[in + 4 * step + q];
      const double t1r = br + fr, t1i = bi + fi, t2r = dr + er, t2i = di + ei;
      const double t3r = br - fr, t3i = bi - fi, t4r = dr - er, t4i = di - ei;
      const double m1r = ar + c1 * t1r + c2 * t2r, m1i = ai + c1 * t1i + c2 * t2i;
      const double m2r = ar + c2 * t1r + c1 * t2r, m2i = ai + c2 * t1i + c1 * t2i;
      const double n1r = s1 * t3r + s2 * t4r, n1i = s1 * t3i + s2 * t4i;
      const double n2r = s2 * t3r - s1 * t4r, n2i = s2 * t3i - s1 * t4i;
      const double z1r = m1r + n1i, z1i = m1i - n1r, z4r = m1r - n1i, z4i = m1i + n1r;
      const double z2r = m2r + n2i, z2i = m2i - n2r, z3r = m2r - n2i, z3i = m2i + n2r;
      yr[out + q] = ar + t1r + t2r, yi[out + q] = ai + t1i + t2i;
      yr[out + s + q] = w_r[1] * z1r - w_i[1] * z1i, yi[out + s + q] = w_r[1] * z1i + w_i[1] * z1r;
      yr[out + 2 * s + q] = w_r[2] * z2r - w_i[2] * z2i;
      yi[out + 2 * s + q] = w_r[2] * z2i + w_i[2] * z2r;
      yr[out + 3 * s + q] = w_r[3] * z3r - w_i[3] * z3i;
      yi[out + 3 * s + q] = w_r[3] * z3i + w_i[3] * z3r;
      yr[out + 4 * s + q] = w_r[4] * z4r - w_i[4] * z4i;
      yi[out + 4 * s + q] = w_r[4] * z4i + w_i[4] * z4r;
    }
  }
}

#undef DISCREET_INLINE
