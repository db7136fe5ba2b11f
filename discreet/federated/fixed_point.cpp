#include "discreet/federated/fixed_point.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "discreet/core/error.h"

namespace discreet::federated {

FixedPointSum::FixedPointSum(std::size_t size, std::int64_t most_terms, int fraction_bits)
    : sum_(size, 0),
      most_terms_(std::max<std::int64_t>(1, most_terms)),
      scale_(std::ldexp(1.0, fraction_bits)),
      largest_(std::ldexp(1.0, 62) / static_cast<double>(most_terms_)) {}

namespace {

/// Whether all values times scale lie within +-largest; false for a NaN.
bool all_fit(const float* values, std::size_t size, double scale, double largest) {
  const double bound =
      std::min<double>(largest / std::abs(scale), std::numeric_limits<float>::max());
  bool fits = true;
  for (std::size_t i = 0; i < size; ++i) {
    fits &= std::abs(static_cast<double>(values[i])) <= bound;
  }
  return fits;
}

void add_rounded(const float* values, std::size_t size, double scale, std::int64_t* sum) {
  // Below 2^51 the sum with 1.5 * 2^52 has the nearest integer (ties to even) in its last bits: what
  // llrint gives, in two additions that vectorise.
  constexpr double kMagic = 6755399441055744.0;
  constexpr double kSmall = 2251799813685248.0;
  const auto magic_bits = std::bit_cast<std::int64_t>(kMagic);
  if (all_fit(values, size, scale, kSmall)) {
    for (std::size_t i = 0; i < size; ++i) {
      const double shifted = static_cast<double>(values[i]) * scale + kMagic;
      sum[i] += std::bit_cast<std::int64_t>(shifted) - magic_bits;
    }
    return;
  }
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
  for (const FlatRange& part : parts) {
    if (!all_fit(values.data() + part.begin, part.end - part.begin, scale, largest_)) return false;
  }
  ++terms_;
  if (scale == 0) return true;
  for (const FlatRange& part : parts) {
    add_rounded(values.data() + part.begin, part.end - part.begin, scale, sum_.data() + part.begin);
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
