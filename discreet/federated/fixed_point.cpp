#include "discreet/federated/fixed_point.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

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
#undef DISCREET_EACH_PROCESSOR

void add_large(const float* values, std::size_t size, double scale, std::int64_t* sum) {
  for (std::size_t i = 0; i < size; ++i) sum[i] += std::llrint(static_cast<double>(values[i]) * scale);
}

}  // namespace

bool FixedPointSum::add(std::span<const float> values, double factor) {
  const FlatRange all{0, values.size()};
  return add(values, factor, {&all, 1});
}

bool FixedPointSum::add(std::span<const float> values, double factor,
                        std::span<const FlatRange> parts) {
  if (values.size() != sum_.size()) throw internal_error("an update of another model's size");
  if (terms_ == most_terms_) throw internal_error("more updates than the sum was made for");
  const double scale = factor * scale_;
  if (!std::isfinite(scale)) return false;
  // First pass: nothing is added of an update that is refused.
  std::uint32_t bits = 0;
  for (const FlatRange& part : parts) {
    bits = largest_bits(values.data() + part.begin, part.end - part.begin, bits);
  }
  const double largest = std::bit_cast<float>(bits);
  if (!std::isfinite(largest) || !(largest * std::abs(scale) <= largest_)) return false;
  ++terms_;
  const auto add_part = largest * std::abs(scale) <= kSmall ? add_small : add_large;
  for (const FlatRange& part : parts) {
    add_part(values.data() + part.begin, part.end - part.begin, scale, sum_.data() + part.begin);
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
}

std::vector<double> FixedPointSum::values() const {
  std::vector<double> values(sum_.size());
  for (std::size_t i = 0; i < sum_.size(); ++i) values[i] = static_cast<double>(sum_[i]) / scale_;
  return values;
}

void FixedPointSum::clear() {
  std::fill(sum_.begin(), sum_.end(), 0);
  terms_ = 0;
}

void FixedPointSum::reset(std::int64_t most_terms) {
  const FlatRange all{0, sum_.size()};
  reset(most_terms, {&all, 1});
}

void FixedPointSum::reset(std::int64_t most_terms, std::span<const FlatRange> touched) {
  for (const FlatRange& part : touched) {
    std::fill(sum_.begin() + static_cast<std::ptrdiff_t>(part.begin),
              sum_.begin() + static_cast<std::ptrdiff_t>(part.end), 0);
  }
  terms_ = 0;
  most_terms_ = std::max<std::int64_t>(1, most_terms);
  largest_ = std::ldexp(1.0, 62) / static_cast<double>(most_terms_);
}

}  // namespace discreet::federated
