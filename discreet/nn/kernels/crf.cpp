#include "discreet/nn/kernels/crf.h"

#include <algorithm>
#include <cmath>

#include "discreet/nn/kernels/math.h"

namespace discreet::nn::kernels {
namespace {

template <class T>
DISCREET_INLINE T sum(const T* __restrict x, std::int64_t n) {
  T total = 0;
#pragma omp simd reduction(+ : total)
  for (std::int64_t i = 0; i < n; ++i) total += x[i];
  return total;
}

/// 64 bytes of a row. GCC splits them where registers are narrower.
template <class T>
struct Wide;
template <>
struct Wide<float> {
  typedef float Type __attribute__((vector_size(64), aligned(4), may_alias));
};
template <>
struct Wide<double> {
  typedef double Type __attribute__((vector_size(64), aligned(8), may_alias));
};
template <class T>
constexpr std::int64_t kLanes = 64 / sizeof(T);

/// `Parts` vectors of out[.] = sum over j < rows of x[j step] matrix[j,.]. They stay in registers from row
/// to row: through memory each row would wait for the store of the one before.
template <int Parts, class T>
DISCREET_INLINE void times_parts(const T* x, std::int64_t step, const T* matrix, std::int64_t stride, std::int64_t rows, T* out) {
  using Vector = typename Wide<T>::Type;
  Vector total[Parts] = {};
  for (std::int64_t j = 0; j < rows; ++j) {
    const T weight = x[j * step];
    const Vector* row = reinterpret_cast<const Vector*>(matrix + j * stride);
#pragma GCC unroll 6
    for (int part = 0; part < Parts; ++part) total[part] += weight * row[part];
  }
#pragma GCC unroll 6
  for (int part = 0; part < Parts; ++part) reinterpret_cast<Vector*>(out)[part] = total[part];
}

/// out[k] = sum over j < rows of x[j step] matrix[j,k]: rows of `stride` numbers, a multiple of kLanes.
template <class T>
DISCREET_INLINE void times(const T* x, std::int64_t step, const T* matrix, std::int64_t stride, std::int64_t rows, T* out) {
  constexpr std::int64_t lanes = kLanes<T>;
  std::int64_t first = 0;
  for (; stride - first > 6 * lanes; first += 4 * lanes) times_parts<4>(x, step, matrix + first, stride, rows, out + first);
  matrix += first;
  out += first;
  switch ((stride - first) / lanes) {
    case 1: return times_parts<1>(x, step, matrix, stride, rows, out);
    case 2: return times_parts<2>(x, step, matrix, stride, rows, out);
    case 3: return times_parts<3>(x, step, matrix, stride, rows, out);
    case 4: return times_parts<4>(x, step, matrix, stride, rows, out);
    case 5: return times_parts<5>(x, step, matrix, stride, rows, out);
    default: return times_parts<6>(x, step, matrix, stride, rows, out);
  }
}

template <class T>
DISCREET_INLINE void prepare(const Chain<T>& chain, ChainScratch<T>& s) {
  const std::int64_t n = chain.tags;
  s.stride = (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  s.weights.assign(n * s.stride, T{0});
  s.weights_transposed.assign(n * s.stride, T{0});
  s.beta.assign(s.stride, T{0});
  s.shift = row_maximum(chain.transitions, n * n);
  for (std::int64_t j = 0; j < n; ++j) {
    T* __restrict row = s.weights.data() + j * s.stride;
    for (std::int64_t k = 0; k < n; ++k) row[k] = fast_exp(chain.transitions[j * n + k] - s.shift);
    for (std::int64_t k = 0; k < n; ++k) s.weights_transposed[k * s.stride + j] = row[k];
  }
}

/// Divides a row by its sum; returns the sum.
template <class T>
DISCREET_INLINE T normalise(T* __restrict x, std::int64_t n) {
  const T total = sum(x, n);
  const T inverse = T{1} / total;
  for (std::int64_t i = 0; i < n; ++i) x[i] *= inverse;
  return total;
}

template <class T>
DISCREET_INLINE double log_partition(const Chain<T>& chain, const T* emissions, std::int64_t length,
                                     ChainScratch<T>& s) {
  const std::int64_t n = chain.tags;
  double log_z = 0;
  for (std::int64_t t = 0; t < length; ++t) {
    const T* __restrict scores = emissions + t * n;
    T* __restrict local = s.local.data() + t * s.stride;
    T* __restrict alpha = s.alpha.data() + t * s.stride;
    const T top = row_maximum(scores, n);
    for (std::int64_t k = 0; k < n; ++k) local[k] = fast_exp(scores[k] - top);
    if (t == 0) {
      const T first = row_maximum(chain.start, n);
      for (std::int64_t k = 0; k < n; ++k) alpha[k] = fast_exp(chain.start[k] - first) * local[k];
      log_z += first;
    } else {
      times(alpha - s.stride, 1, s.weights.data(), s.stride, n, alpha);
      for (std::int64_t k = 0; k < n; ++k) alpha[k] *= local[k];
      log_z += s.shift;
    }
    log_z += top + std::log(static_cast<double>(normalise(alpha, n)));
  }
  const T last = row_maximum(chain.end, n);
  const T* __restrict alpha = s.alpha.data() + (length - 1) * s.stride;
  T* __restrict beta = s.beta.data();
  for (std::int64_t k = 0; k < n; ++k) beta[k] = fast_exp(chain.end[k] - last);
  T total = 0;
#pragma omp simd reduction(+ : total)
  for (std::int64_t k = 0; k < n; ++k) total += alpha[k] * beta[k];
  return log_z + last + std::log(static_cast<double>(total));
}

/// Marginals of tags and of neighbouring pairs: the gradient of log Z. `s.beta` holds the end's.
template <class T>
DISCREET_INLINE void marginals(const Chain<T>& chain, std::int64_t length,
                               const ChainGradient<T>& g, ChainScratch<T>& s) {
  const std::int64_t n = chain.tags;
  T* __restrict beta = s.beta.data();
  for (std::int64_t t = length - 1; t >= 0; --t) {
    const T* __restrict alpha = s.alpha.data() + t * s.stride;
    const T* __restrict local = s.local.data() + t * s.stride;
    T* __restrict product = s.product.data() + t * s.stride;
    T* __restrict marginal = g.emissions + t * n;
    for (std::int64_t k = 0; k < n; ++k) marginal[k] = alpha[k] * beta[k];
    normalise(marginal, n);
    if (t == 0) break;
    const T* __restrict before = alpha - s.stride;
    for (std::int64_t k = 0; k < n; ++k) product[k] = local[k] * beta[k];
    times(product, 1, s.weights_transposed.data(), s.stride, n, beta);
    T mass = 0;
#pragma omp simd reduction(+ : mass)
    for (std::int64_t j = 0; j < n; ++j) mass += before[j] * beta[j];
    const T inverse = T{1} / mass;
    for (std::int64_t k = 0; k < n; ++k) product[k] *= inverse;
    normalise(beta, n);
  }
  // A pair's marginals over the whole example: alpha before it, its weight, and what follows it.
  for (std::int64_t j = 0; j < n; ++j) {
    times(s.alpha.data() + j, s.stride, s.product.data() + s.stride, s.stride, length - 1, beta);
    const T* __restrict weights = s.weights.data() + j * s.stride;
    T* __restrict pairs = g.transitions + j * n;
    for (std::int64_t k = 0; k < n; ++k) pairs[k] = beta[k] * weights[k];
  }
  for (std::int64_t k = 0; k < n; ++k) g.start[k] = g.emissions[k];
  for (std::int64_t k = 0; k < n; ++k) g.end[k] = g.emissions[(length - 1) * n + k];
}

template <class T>
DISCREET_INLINE double loss_of(const Chain<T>& chain, const T* emissions, const std::int64_t* gold,
                               std::int64_t length, const ChainGradient<T>& g, ChainScratch<T>& s) {
  const std::int64_t n = chain.tags;
  if (static_cast<std::int64_t>(s.alpha.size()) < length * s.stride) {
    for (std::vector<T>* rows : {&s.alpha, &s.local, &s.product}) rows->resize(length * s.stride);
  }
  const double log_z = log_partition(chain, emissions, length, s);
  double score = static_cast<double>(chain.start[gold[0]]) + chain.end[gold[length - 1]];
  for (std::int64_t t = 0; t < length; ++t) {
    score += emissions[t * n + gold[t]];
    if (t > 0) score += chain.transitions[gold[t - 1] * n + gold[t]];
  }
  if (g.emissions == nullptr) return log_z - score;

  marginals(chain, length, g, s);
  for (std::int64_t t = 0; t < length; ++t) {
    g.emissions[t * n + gold[t]] -= 1;
    if (t > 0) g.transitions[gold[t - 1] * n + gold[t]] -= 1;
  }
  g.start[gold[0]] -= 1;
  g.end[gold[length - 1]] -= 1;
  return log_z - score;
}

template <class T>
DISCREET_INLINE void best_of(const Chain<T>& chain, const T* emissions, std::int64_t length,
                             std::int64_t* best) {
  const std::int64_t n = chain.tags;
  std::vector<T> score(n), candidate(n);
  std::vector<std::int32_t> from(length * n);
  for (std::int64_t k = 0; k < n; ++k) score[k] = chain.start[k] + emissions[k];
  for (std::int64_t t = 1; t < length; ++t) {
    T* __restrict next = candidate.data();
    std::int32_t* __restrict origin = from.data() + t * n;
    for (std::int64_t k = 0; k < n; ++k) next[k] = score[0] + chain.transitions[k];
    for (std::int64_t k = 0; k < n; ++k) origin[k] = 0;
    for (std::int64_t j = 1; j < n; ++j) {
      const T base = score[j];
      const T* __restrict row = chain.transitions + j * n;
      for (std::int64_t k = 0; k < n; ++k) {
        const T value = base + row[k];
        origin[k] = value > next[k] ? static_cast<std::int32_t>(j) : origin[k];
        next[k] = value > next[k] ? value : next[k];
      }
    }
    for (std::int64_t k = 0; k < n; ++k) next[k] += emissions[t * n + k];
    score.swap(candidate);
  }
  for (std::int64_t k = 0; k < n; ++k) score[k] += chain.end[k];
  best[length - 1] = std::max_element(score.begin(), score.end()) - score.begin();
  for (std::int64_t t = length - 1; t > 0; --t) best[t - 1] = from[t * n + best[t]];
}

}  // namespace

DISCREET_CLONES void prepare_chain(const Chain<float>& chain, ChainScratch<float>& scratch) {
  prepare(chain, scratch);
}
DISCREET_CLONES void prepare_chain(const Chain<double>& chain, ChainScratch<double>& scratch) {
  prepare(chain, scratch);
}
DISCREET_CLONES double chain_loss(const Chain<float>& chain, const float* emissions,
                                  const std::int64_t* gold, std::int64_t length,
                                  const ChainGradient<float>& gradient,
                                  ChainScratch<float>& scratch) {
  return loss_of(chain, emissions, gold, length, gradient, scratch);
}
DISCREET_CLONES double chain_loss(const Chain<double>& chain, const double* emissions,
                                  const std::int64_t* gold, std::int64_t length,
                                  const ChainGradient<double>& gradient,
                                  ChainScratch<double>& scratch) {
  return loss_of(chain, emissions, gold, length, gradient, scratch);
}
DISCREET_CLONES void chain_best(const Chain<float>& chain, const float* emissions,
                                std::int64_t length, std::int64_t* best) {
  best_of(chain, emissions, length, best);
}
DISCREET_CLONES void chain_best(const Chain<double>& chain, const double* emissions,
                                std::int64_t length, std::int64_t* best) {
  best_of(chain, emissions, length, best);
}

}  // namespace discreet::nn::kernels
