#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace discreet::federated {

/// Coordinates [begin, end) of a flat vector.
struct FlatRange {
  std::size_t begin = 0, end = 0;
};

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
  /// The same for values that are zero outside `parts`, which rise and lie apart. Cost: of the parts.
  bool add(std::span<const float> values, double factor, std::span<const FlatRange> parts);
  /// Adds another partial sum of the same shape.
  void merge(const FixedPointSum& other);
  std::vector<double> values() const;
  std::int64_t terms() const { return terms_; }
  void clear();
  /// Empty again, for at most `most_terms` terms. `touched`: zeroes these parts alone, all others being
  /// zero already.
  void reset(std::int64_t most_terms);
  void reset(std::int64_t most_terms, std::span<const FlatRange> touched);
  /// The integers themselves: what several processes add up. [size]
  std::span<std::int64_t> raw() { return sum_; }
  void set_terms(std::int64_t terms) { terms_ = terms; }

 private:
  std::vector<std::int64_t> sum_;
  std::int64_t terms_ = 0;
  std::int64_t most_terms_;
  double scale_;
  double largest_;
};

}  // namespace discreet::federated
