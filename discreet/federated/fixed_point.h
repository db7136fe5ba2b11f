#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace discreet::federated {

/// Coordinates [begin, end) of a flat vector.
struct FlatRange {
  std::size_t begin = 0, end = 0;
};

/// The values of a flat vector at [begin, begin + size); zero elsewhere.
struct FlatPiece {
  std::size_t begin = 0, size = 0;
  const float* values = nullptr;
};

/// Makes differences in place and learns their norm and largest size in the same pass.
///
/// Guarantee: the same bits on every machine for the same calls in the same order (eight sums in double
/// precision, products not fused).
class UpdateMeter {
 public:
  void clear() { *this = {}; }
  /// own -= start, value by value. Shapes: [n].
  void subtract(std::span<float> own, const float* start);
  double squared_norm() const;
  /// Infinite or NaN if any value is.
  float largest() const;

 private:
  double lanes_[8] = {};
  std::uint32_t largest_bits_ = 0;
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
  /// The same for a vector of pieces, in any order but apart, of which `largest` is the largest size
  /// (UpdateMeter). Cost: one pass over the pieces.
  bool add(std::span<const FlatPiece> pieces, double factor, float largest);
  /// Adds another partial sum of the same shape.
  void merge(const FixedPointSum& other);
  /// The same, and empties the other.
  void take(FixedPointSum& other);
  std::vector<double> values() const;
  /// Writes the sum to `values` [size] and is empty afterwards, in one pass.
  void take_values(std::span<double> values);
  std::int64_t terms() const { return terms_; }
  void clear();
  /// Empty again, for at most `most_terms` terms. Costs nothing if it is empty already.
  void reset(std::int64_t most_terms);
  /// The integers themselves: what several processes add up. [size]
  std::span<std::int64_t> raw() {
    empty_ = false;
    return sum_;
  }
  void set_terms(std::int64_t terms) { terms_ = terms; }

 private:
  std::vector<std::int64_t> sum_;
  bool accepts(double scale, double largest) const;

  bool empty_ = true;  // all zeros
  std::int64_t terms_ = 0;
  std::int64_t most_terms_;
  double scale_;
  double largest_;
};

}  // namespace discreet::federated
