#pragma once

#include <cstdint>
#include <vector>

namespace discreet::nn::kernels {

/// Scores of a linear chain over K tags. transitions [K,K] (from, to), start and end [K].
template <class T>
struct Chain {
  std::int64_t tags;
  const T *transitions, *start, *end;
};

/// Where one example's gradient goes: emissions [length,K], transitions [K,K], start and end [K].
/// Every part is overwritten. emissions null: no gradient is wanted.
template <class T>
struct ChainGradient {
  T* emissions = nullptr;
  T* transitions = nullptr;
  T* start = nullptr;
  T* end = nullptr;
};

/// What a batch shares, and memory used again from example to example. Rows have `stride` numbers: K, and
/// zeros up to whole vectors.
template <class T>
struct ChainScratch {
  std::int64_t stride = 0;
  std::vector<T> weights;             ///< [K,stride] exp(transitions - shift)
  std::vector<T> weights_transposed;  ///< [K,stride]
  std::vector<T> local;               ///< [length,stride] exp(emissions - their maximum)
  std::vector<T> alpha;               ///< [length,stride] forward probabilities, each row sums to 1
  std::vector<T> product;             ///< [length,stride] local times what follows, over the mass of the pair
  std::vector<T> beta;                ///< [stride] what follows a token
  T shift = 0;                        ///< the largest transition
};

/// Fills what a batch shares.
void prepare_chain(const Chain<float>& chain, ChainScratch<float>& scratch);
void prepare_chain(const Chain<double>& chain, ChainScratch<double>& scratch);

/// -log p(gold | emissions) of one example of `length` >= 1 tokens, and its gradient.
double chain_loss(const Chain<float>& chain, const float* emissions, const std::int64_t* gold,
                  std::int64_t length, const ChainGradient<float>& gradient,
                  ChainScratch<float>& scratch);
double chain_loss(const Chain<double>& chain, const double* emissions, const std::int64_t* gold,
                  std::int64_t length, const ChainGradient<double>& gradient,
                  ChainScratch<double>& scratch);

/// The best path of one example into `best` [length]; of equal paths the lowest tag, last token
/// first.
void chain_best(const Chain<float>& chain, const float* emissions, std::int64_t length,
                std::int64_t* best);
void chain_best(const Chain<double>& chain, const double* emissions, std::int64_t length,
                std::int64_t* best);

}  // namespace discreet::nn::kernels
