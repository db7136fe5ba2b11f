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

/// out[k] = sum over j of x[j] matrix[j,k].
template <class T>
DISCREET_INLINE void times(const T* __restrict x, const T* __restrict matrix, T* __restrict out,
                           std::int64_t n) {
  for (std::int64_t k = 0; k < n; ++k) out[k] = 0;
  for (std::int64_t j = 0; j < n; ++j) {
    const T* __restrict row = matrix + j * n;
    const T weight = x[j];
    for (std::int64_t k = 0; k < n; ++k) out[k] += weight * row[k];
  }
}

template <class T>
DISCREET_INLINE void prepare(const Chain<T>& chain, ChainScratch<T>& s) {
  const std::int64_t n = chain.tags;
  s.weights.resize(n * n);
  s.weights_transposed.resize(n * n);
  s.beta.resize(n);
  s.product.resize(n);
  s.shift = row_maximum(chain.transitions, n * n);
  for (std::int64_t i = 0; i < n * n; ++i) s.weights[i] = fast_exp(chain.transitions[i] - s.shift);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t k = 0; k < n; ++k) s.weights_transposed[k * n + j] = s.weights[j * n + k];
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
    T* __restrict local = s.local.data() + t * n;
    T* __restrict alpha = s.alpha.data() + t * n;
    const T top = row_maximum(scores, n);
    for (std::int64_t k = 0; k < n; ++k) local[k] = fast_exp(scores[k] - top);
    if (t == 0) {
      const T first = row_maximum(chain.start, n);
      for (std::int64_t k = 0; k < n; ++k) alpha[k] = fast_exp(chain.start[k] - first) * local[k];
      log_z += first;
    } else {
      times(alpha - n, s.weights.data(), alpha, n);
      for (std::int64_t k = 0; k < n; ++k) alpha[k] *= local[k];
      log_z += s.shift;
    }
    log_z += top + std::log(static_cast<double>(normalise(alpha, n)));
  }
  const T last = row_maximum(chain.end, n);
  const T* __restrict alpha = s.alpha.data() + (length - 1) * n;
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
  T* __restrict product = s.product.data();
  T* __restrict pairs = g.transitions;
  for (std::int64_t i = 0; i < n * n; ++i) pairs[i] = 0;
  for (std::int64_t t = length - 1; t >= 0; --t) {
    const T* __restrict alpha = s.alpha.data() + t * n;
    const T* __restrict local = s.local.data() + t * n;
    T* __restrict marginal = g.emissions + t * n;
    for (std::int64_t k = 0; k < n; ++k) marginal[k] = alpha[k] * beta[k];
    normalise(marginal, n);
    if (t == 0) break;
    const T* __restrict before = alpha - n;
    for (std::int64_t k = 0; k < n; ++k) product[k] = local[k] * beta[k];
    times(product, s.weights_transposed.data(), beta, n);
    T mass = 0;
#pragma omp simd reduction(+ : mass)
    for (std::int64_t j = 0; j < n; ++j) mass += before[j] * beta[j];
    const T inverse = T{1} / mass;
    for (std::int64_t k = 0; k < n; ++k) product[k] *= inverse;
    for (std::int64_t j = 0; j < n; ++j) {
      const T weight = before[j];
      T* __restrict row = pairs + j * n;
      for (std::int64_t k = 0; k < n; ++k) row[k] += weight * product[k];
    }
    normalise(beta, n);
  }
  const T* __restrict weights = s.weights.data();
  for (std::int64_t i = 0; i < n * n; ++i) pairs[i] *= weights[i];
  for (std::int64_t k = 0; k < n; ++k) g.start[k] = g.emissions[k];
  for (std::int64_t k = 0; k < n; ++k) g.end[k] = g.emissions[(length - 1) * n + k];
}

template <class T>
DISCREET_INLINE double loss_of(const Chain<T>& chain, const T* emissions, const std::int64_t* gold,
                               std::int64_t length, const ChainGradient<T>& g, ChainScratch<T>& s) {
  const std::int64_t n = chain.tags;
  if (static_cast<std::int64_t>(s.alpha.size()) < length * n) {
    s.alpha.resize(length * n);
    s.local.resize(length * n);
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
