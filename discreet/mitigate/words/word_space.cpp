#include "discreet/mitigate/words/word_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "discreet/core/error.h"

namespace discreet::mitigate {
namespace {

constexpr std::size_t kWordsInBlock = 64;
constexpr double kLargestSquare = 1e37;  // that products in float32 can hold
// Of two vectors at a squared distance below this share of their squared norms' sum, differences are taken.
constexpr float kNear = 0.25F;

/// Products of four queries with one vector: the vector is read once.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
__attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3", "fast-math")))
#endif
void four_products(const float* queries, const float* vector, std::size_t dimension, float* out) {
  float a = 0, b = 0, c = 0, d = 0;
  for (std::size_t k = 0; k < dimension; ++k) {
    a += queries[k] * vector[k];
    b += queries[dimension + k] * vector[k];
    c += queries[2 * dimension + k] * vector[k];
    d += queries[3 * dimension + k] * vector[k];
  }
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
}

float exact_distance(const float* a, const float* b, std::size_t dimension) {
  double square = 0;
  for (std::size_t k = 0; k < dimension; ++k) square += (double{a[k]} - b[k]) * (double{a[k]} - b[k]);
  return static_cast<float>(std::sqrt(square));
}

}  // namespace

WordSpace::WordSpace(std::vector<std::string> words, std::vector<float> values, std::size_t dimension)
    : dimension_(dimension), words_(std::move(words)), values_(std::move(values)) {
  if (values_.size() != words_.size() * dimension_) throw internal_error("vectors of another number than the words");
  if (words_.size() < 2) {
    throw bad_data(fmt::format("{} words have vectors, expected at least two", words_.size()), "Read more of the file.");
  }
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (!index_.emplace(words_[i], i).second) throw bad_data(fmt::format("the word '{}' has two vectors", words_[i]));
    double square = 0;
    for (const float value : row(i)) square += double{value} * value;
    if (!(square > 0) || !(square < kLargestSquare)) {
      throw bad_data(fmt::format("the vector of '{}' is zero or not finite", words_[i]), "Leave such words out of the file.");
    }
  }
  mean_.assign(dimension_, 0);
  for (std::size_t i = 0; i < values_.size(); ++i) mean_[i % dimension_] += double{values_[i]} / static_cast<double>(words_.size());
  for (std::size_t i = 0; i < values_.size(); ++i) centred_.push_back(static_cast<float>(values_[i] - mean_[i % dimension_]));
  for (std::size_t i = 0; i < words_.size(); ++i) {
    float square = 0;
    for (std::size_t k = 0; k < dimension_; ++k) square += centred_[i * dimension_ + k] * centred_[i * dimension_ + k];
    squares_.push_back(square);
  }
  std::vector<std::size_t> order(words_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto less = [&](std::size_t a, std::size_t b) {
    return std::lexicographical_compare(row(a).begin(), row(a).end(), row(b).begin(), row(b).end());
  };
  std::sort(order.begin(), order.end(), less);
  for (std::size_t k = 0; k + 1 < order.size(); ++k) {
    if (std::equal(row(order[k]).begin(), row(order[k]).end(), row(order[k + 1]).begin())) {
      throw bad_data(fmt::format("'{}' and '{}' have the same vector", words_[order[k]], words_[order[k + 1]]),
                     "Distance 0 would ask for equal distributions: leave one of them out.");
    }
  }
}

std::size_t WordSpace::find(std::string_view word) const {
  const auto found = index_.find(word);
  return found == index_.end() ? size() : found->second;
}

void WordSpace::distances(std::span<const float> queries, std::span<const std::size_t> own, std::span<float> out) const {
  const std::size_t count = queries.size() / dimension_, padded = (count + 3) / 4 * 4;
  std::vector<float> padding(padded * dimension_);
  for (std::size_t i = 0; i < queries.size(); ++i) padding[i] = static_cast<float>(queries[i] - mean_[i % dimension_]);
  std::vector<float> norms(padded);
  for (std::size_t q = 0; q < count; ++q) {
    for (std::size_t k = 0; k < dimension_; ++k) norms[q] += padding[q * dimension_ + k] * padding[q * dimension_ + k];
  }
  for (std::size_t begin = 0; begin < size(); begin += kWordsInBlock) {
    const std::size_t end = std::min(begin + kWordsInBlock, size());
    for (std::size_t q = 0; q < padded; q += 4) {
      for (std::size_t i = begin; i < end; ++i) {
        float products[4];
        four_products(padding.data() + q * dimension_, centred_.data() + i * dimension_, dimension_, products);
        for (std::size_t k = 0; k < 4 && q + k < count; ++k) {
          const float norm = norms[q + k] + squares_[i], square = norm - 2 * products[k];
          const float* const query = queries.data() + (q + k) * dimension_;
          out[(q + k) * size() + i] = square > kNear * norm ? std::sqrt(square) : exact_distance(query, row(i).data(), dimension_);
        }
      }
    }
  }
  for (std::size_t q = 0; q < own.size(); ++q) out[q * size() + own[q]] = 0;
}

WordSpace::Range WordSpace::range() const {
  Range found{std::numeric_limits<double>::infinity(), 0};
  constexpr std::size_t kQueries = 32;
  std::vector<float> out(kQueries * size());
  for (std::size_t begin = 0; begin < size(); begin += kQueries) {
    const std::size_t count = std::min(kQueries, size() - begin);
    distances({values_.data() + begin * dimension_, count * dimension_}, {}, out);
    for (std::size_t q = 0; q < count; ++q) {
      for (std::size_t i = begin + q + 1; i < size(); ++i) {
        const double distance = out[q * size() + i];
        found.least = std::min(found.least, distance);
        found.most = std::max(found.most, distance);
      }
    }
  }
  return found;
}

}  // namespace discreet::mitigate
