#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace discreet::federated {

/// Sum of vectors in 64-bit fixed point: addition of integers is associative, so the sum is the same
/// bit for bit in any order and with any number of partial sums.
///
/// Each term is rounded to a multiple of 2^-fraction_bits (nearest, ties to even). With the default of
/// 40 bits the rounding error of a sum of n terms is at most n 4.5e-13, and terms up to 2^(62 - 40) /
/// most_terms = 4,096 for 1,024 terms are taken.
class FixedPointSum {
 public:
  FixedPointSum(std::size_t size, std::int64_t most_terms, int fraction_bits = 40);

  /// Adds factor * values. Returns false, and adds nothing, if a value is not finite or too large: the
  /// update of a broken or hostile client, which the caller drops and counts.
  bool add(std::span<const float> values, double factor);
  /// Adds another partial sum of the same shape.
  void merge(const FixedPointSum& other);
  std::vector<double> values() const;
  std::int64_t terms() const { return terms_; }
  void clear();

 private:
  std::vector<std::int64_t> sum_;
  std::int64_t terms_ = 0;
  std::int64_t most_terms_;
  double scale_;
  double largest_;
};

}  // namespace discreet::federated
