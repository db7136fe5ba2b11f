#include "discreet/mitigate/words/word_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>

#include "discreet/core/error.h"

namespace discreet::mitigate {
namespace {

constexpr std::size_t kLanes = 16;   // words side by side
constexpr std::size_t kQueries = 4;  // that read a block of words at once
constexpr double kLargestSquare = 1e37;  // that products in float32 can hold
// Of two vectors at a squared distance below this share of their squared norms' sum, differences are taken.
constexpr float kNear = 0.25F;

using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
using Bits = std::int32_t __attribute__((vector_size(kLanes * sizeof(float))));

/// Square roots of lanes above 0, to about an ulp: the inverse root by its bits (Lomont 2003) and Newton's method. `std::sqrt` works
/// lane by lane, since it may set errno.
__attribute__((always_inline)) inline void take_roots(Lanes& lanes) {
  Bits bits;
  std::memcpy(&bits, &lanes, sizeof bits);
  bits = 0x5f375a86 - (bits >> 1);
  Lanes inverse;
  std::memcpy(&inverse, &bits, sizeof inverse);
  const Lanes half = 0.5F * lanes;
  for (int i = 0; i < 3; ++i) inverse *= 1.5F - half * inverse * inverse;
  const Lanes root = lanes * inverse;
  lanes = root + 0.5F * inverse * (lanes - root * root);
}

/// Of queries [4, dimension] with squared norms `norms` and words whose values stand side by side, `block` [dimension, 16], with
/// squared norms `squares`: distances [4, 16], and where words are near, so that digits are lost, -1.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
__attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3")))
#endif
void block_distances(const float* queries, const float* norms, const float* block, const float* squares, std::size_t dimension, float* out) {
  Lanes even[kQueries] = {}, odd[kQueries] = {}, values;
  std::size_t k = 0;
  for (; k + 1 < dimension; k += 2) {
    std::memcpy(&values, block + k * kLanes, sizeof values);
    for (std::size_t q = 0; q < kQueries; ++q) even[q] += queries[q * dimension + k] * values;
    std::memcpy(&values, block + (k + 1) * kLanes, sizeof values);
    for (std::size_t q = 0; q < kQueries; ++q) odd[q] += queries[q * dimension + k + 1] * values;
  }
  if (k < dimension) {
    std::memcpy(&values, block + k * kLanes, sizeof values);
    for (std::size_t q = 0; q < kQueries; ++q) even[q] += queries[q * dimension + k] * values;
  }
  std::memcpy(&values, squares, sizeof values);
  for (std::size_t q = 0; q < kQueries; ++q) {
    const Lanes both = values + norms[q], square = both - 2 * (even[q] + odd[q]);
    const Bits far = square > kNear * both;
    Lanes distance = far ? square : Lanes{} + 1;
    take_roots(distance);
    distance = far ? distance : Lanes{} - 1;
    std::memcpy(out + q * kLanes, &distance, sizeof distance);
  }
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
  const std::size_t blocks = (words_.size() + kLanes - 1) / kLanes;
  blocks_.assign(blocks * kLanes * dimension_, 0);
  squares_.assign(blocks * kLanes, 0);
  for (std::size_t i = 0; i < words_.size(); ++i) {
    for (std::size_t k = 0; k < dimension_; ++k) {
      const auto value = static_cast<float>(values_[i * dimension_ + k] - mean_[k]);
      blocks_[(i / kLanes * dimension_ + k) * kLanes + i % kLanes] = value;
      squares_[i] += value * value;
    }
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
  const std::size_t count = queries.size() / dimension_, padded = (count + kQueries - 1) / kQueries * kQueries;
  std::vector<float> centred(padded * dimension_), norms(padded);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    centred[i] = static_cast<float>(queries[i] - mean_[i % dimension_]);
    norms[i / dimension_] += centred[i] * centred[i];
  }
  float found[kQueries * kLanes];
  for (std::size_t begin = 0; begin < size(); begin += kLanes) {
    const std::size_t words = std::min(kLanes, size() - begin);
    for (std::size_t first = 0; first < count; first += kQueries) {
      block_distances(centred.data() + first * dimension_, norms.data() + first, blocks_.data() + begin * dimension_,
                      squares_.data() + begin, dimension_, found);
      for (std::size_t q = first; q < std::min(first + kQueries, count); ++q) {
        const float* const row_found = found + (q - first) * kLanes;
        float* const into = out.data() + q * size() + begin;
        std::copy(row_found, row_found + words, into);
        for (std::size_t i = 0; i < words; ++i) {
          if (into[i] < 0) into[i] = exact_distance(queries.data() + q * dimension_, row(begin + i).data(), dimension_);
        }
      }
    }
  }
  for (std::size_t q = 0; q < own.size(); ++q) out[q * size() + own[q]] = 0;
}

WordSpace::Range WordSpace::range() const {
  Range found{std::numeric_limits<double>::infinity(), 0};
  constexpr std::size_t kRows = 64;
  std::vector<float> out(kRows * size());
  for (std::size_t begin = 0; begin < size(); begin += kRows) {
    const std::size_t count = std::min(kRows, size() - begin);
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
