#include "discreet/federated/fixed_point.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <numeric>

#include "discreet/core/error.h"

namespace discreet::federated {

FixedPointSum::FixedPointSum(std::size_t size, std::int64_t most_terms, int fraction_bits)
    : sum_(size, 0),
      most_terms_(std::max<std::int64_t>(1, most_terms)),
      scale_(std::ldexp(1.0, fraction_bits)),
      largest_(std::ldexp(1.0, 62) / static_cast<double>(most_terms_)) {}

namespace {

// The two loops for the processor at hand; products are not fused with sums (discreet/CMakeLists.txt), so
// that all machines round alike.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define DISCREET_EACH_PROCESSOR \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DISCREET_EACH_PROCESSOR
#endif

/// The bits of the largest size; those of infinity and NaN lie above all others.
DISCREET_EACH_PROCESSOR
std::uint32_t largest_bits(const float* values, std::size_t size, std::uint32_t most) {
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(values[i]) & 0x7fffffffU;
    most = most < bits ? bits : most;
  }
  return most;
}

// Below 2^51 the sum with 1.5 * 2^52 has the nearest integer (ties to even) in its last bits: what llrint
// gives, in two additions that vectorise.
constexpr double kMagic = 6755399441055744.0;
constexpr double kSmall = 2251799813685248.0;

DISCREET_EACH_PROCESSOR
void add_small(const float* values, std::size_t size, double scale, std::int64_t* sum) {
  const auto magic_bits = std::bit_cast<std::int64_t>(kMagic);
  for (std::size_t i = 0; i < size; ++i) {
    const double product = static_cast<double>(values[i]) * scale;
    sum[i] += std::bit_cast<std::int64_t>(product + kMagic) - magic_bits;
  }
}

// Eight values at a time, as one: the compiler makes one instruction of each line where the processor has it, and
// eight where it has not; the bits are the same.
constexpr std::size_t kLanes = 8;
typedef float Floats __attribute__((vector_size(kLanes * sizeof(float))));
typedef double Doubles __attribute__((vector_size(kLanes * sizeof(double))));
typedef std::uint32_t Bits __attribute__((vector_size(kLanes * sizeof(std::uint32_t))));

/// own -= start; squares into eight sums, which lie in registers; returns the larger of `most` and the bits of
/// the largest size.
DISCREET_EACH_PROCESSOR
std::uint32_t subtract_and_measure(float* __restrict own, const float* __restrict start, std::size_t size,
                                   double* __restrict lanes, std::uint32_t most) {
  Doubles sums;
  std::memcpy(&sums, lanes, sizeof sums);
  Bits bits = {};
  const auto take = [&](std::size_t i, std::size_t count) {
    Floats mine = {}, theirs = {};
    std::memcpy(&mine, own + i, count * sizeof(float));
    std::memcpy(&theirs, start + i, count * sizeof(float));
    const Floats difference = mine - theirs;
    std::memcpy(own + i, &difference, count * sizeof(float));
    const Doubles wide = __builtin_convertvector(difference, Doubles);
    sums += wide * wide;
    Bits size_bits;
    std::memcpy(&size_bits, &difference, sizeof size_bits);
    size_bits &= 0x7fffffffU;
    bits = bits < size_bits ? size_bits : bits;
  };
  std::size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) take(i, kLanes);
  if (i < size) take(i, size - i);
  std::memcpy(lanes, &sums, sizeof sums);
  for (std::size_t l = 0; l < kLanes; ++l) most = most < bits[l] ? bits[l] : most;
  return most;
}

DISCREET_EACH_PROCESSOR
void take_sums(std::int64_t* __restrict sum, double* __restrict values, std::size_t size, double scale) {
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = static_cast<double>(sum[i]) / scale;
    sum[i] = 0;
  }
}
#undef DISCREET_EACH_PROCESSOR

void add_large(const float* values, std::size_t size, double scale, std::int64_t* sum) {
  for (std::size_t i = 0; i < size; ++i) sum[i] += std::llrint(static_cast<double>(values[i]) * scale);
}

}  // namespace

void UpdateMeter::subtract(std::span<float> own, const float* start) {
  largest_bits_ = subtract_and_measure(own.data(), start, own.size(), lanes_, largest_bits_);
}

double UpdateMeter::squared_norm() const { return std::accumulate(std::begin(lanes_), std::end(lanes_), 0.0); }

float UpdateMeter::largest() const { return std::bit_cast<float>(largest_bits_); }

bool FixedPointSum::accepts(double scale, double largest) const {
  if (terms_ == most_terms_) throw internal_error("more updates than the sum was made for");
  return std::isfinite(scale) && std::isfinite(largest) && largest * std::abs(scale) <= largest_;
}

bool FixedPointSum::add(std::span<const float> values, double factor) {
  const FlatRange all{0, values.size()};
  return add(values, factor, {&all, 1});
}

bool FixedPointSum::add(std::span<const float> values, double factor,
                        std::span<const FlatRange> parts) {
  if (values.size() != sum_.size()) throw internal_error("an update of another model's size");
  const double scale = factor * scale_;
  // First pass: nothing is added of an update that is refused.
  std::uint32_t bits = 0;
  for (const FlatRange& part : parts) {
    bits = largest_bits(values.data() + part.begin, part.end - part.begin, bits);
  }
  const double largest = std::bit_cast<float>(bits);
  if (!accepts(scale, largest)) return false;
  ++terms_;
  empty_ = false;
  const auto add_part = largest * std::abs(scale) <= kSmall ? add_small : add_large;
  for (const FlatRange& part : parts) {
    add_part(values.data() + part.begin, part.end - part.begin, scale, sum_.data() + part.begin);
  }
  return true;
}

bool FixedPointSum::add(std::span<const FlatPiece> pieces, double factor, float largest) {
  const double scale = factor * scale_;
  if (!accepts(scale, largest)) return false;
  ++terms_;
  empty_ = false;
  const auto add_part = largest * std::abs(scale) <= kSmall ? add_small : add_large;
  constexpr std::size_t kAhead = 4, kLine = 8, kLongest = 512;  // rows of a table lie apart, and no processor guesses the next
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    const FlatPiece& piece = pieces[p];
    if (piece.begin + piece.size > sum_.size()) throw internal_error("a piece of another model's update");
    if (p + kAhead < pieces.size()) {
      const FlatPiece& next = pieces[p + kAhead];
      for (std::size_t i = 0; i < std::min(next.size, kLongest); i += kLine) __builtin_prefetch(sum_.data() + next.begin + i, 1);
    }
    add_part(piece.values, piece.size, scale, sum_.data() + piece.begin);
  }
  return true;
}

void FixedPointSum::merge(const FixedPointSum& other) {
  if (other.sum_.size() != sum_.size() || other.scale_ != scale_) {
    throw internal_error("partial sums of different shapes");
  }
  if (terms_ + other.terms_ > most_terms_) throw internal_error("more updates than the sum was made for");
  for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += other.sum_[i];
  terms_ += other.terms_;
  empty_ = empty_ && other.empty_;
}

void FixedPointSum::take(FixedPointSum& other) {
  if (other.empty_) return;
  merge(other);
  other.clear();
}

std::vector<double> FixedPointSum::values() const {
  std::vector<double> values(sum_.size());
  for (std::size_t i = 0; i < sum_.size(); ++i) values[i] = static_cast<double>(sum_[i]) / scale_;
  return values;
}

void FixedPointSum::take_values(std::span<double> values) {
  if (values.size() != sum_.size()) throw internal_error("values of another model's size");
  take_sums(sum_.data(), values.data(), sum_.size(), scale_);
  terms_ = 0;
  empty_ = true;
}

void FixedPointSum::clear() {
  if (!empty_) std::fill(sum_.begin(), sum_.end(), 0);
  terms_ = 0;
  empty_ = true;
}

void FixedPointSum::reset(std::int64_t most_terms) {
  clear();
  most_terms_ = std::max<std::int64_t>(1, most_terms);
  largest_ = std::ldexp(1.0, 62) / static_cast<double>(most_terms_);
}

}  // namespace discreet::federated
