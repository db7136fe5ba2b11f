#include "discreet/federated/fixed_point.h"

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"

namespace discreet::federated {

FixedPointSum::FixedPointSum(std::size_t size, std::int64_t most_terms, int fraction_bits)
    : sum_(size, 0),
      most_terms_(std::max<std::int64_t>(1, most_terms)),
      scale_(std::ldexp(1.0, fraction_bits)),
      largest_(std::ldexp(1.0, 62) / static_cast<double>(most_terms_)) {}

bool FixedPointSum::add(std::span<const float> values, double factor) {
  if (values.size() != sum_.size()) throw internal_error("an update of another model's size");
  if (terms_ == most_terms_) throw internal_error("more updates than the sum was made for");
  const double scale = factor * scale_;
  bool fits = true;  // first pass: nothing is added of an update that is refused
  for (const float value : values) {
    fits &= std::abs(static_cast<double>(value) * scale) <= largest_;  // false for a NaN
  }
  if (!fits) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    sum_[i] += std::llrint(static_cast<double>(values[i]) * scale);
  }
  ++terms_;
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

}  // namespace discreet::federated
