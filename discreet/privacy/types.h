#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace discreet::privacy {

namespace internal {
/// What a quantity may be: the name in messages, and its interval.
struct Interval {
  std::string_view name;
  double min, max;
  bool above_min = false, below_max = false;
};
/// Returns `value`. Throws: kUsage naming the quantity, the value and the interval.
double checked(double value, const Interval& interval);
}  // namespace internal

/// A number that was checked when it was made. Distinct tags do not convert into one another, so an
/// epsilon cannot be passed where a delta is wanted.
template <class Tag>
class Quantity {
 public:
  /// Throws: kUsage naming the quantity, the value and the interval; NaN never passes.
  explicit Quantity(double value) : value_(internal::checked(value, Tag::interval)) {}
  double value() const { return value_; }
  auto operator<=>(const Quantity&) const = default;

 private:
  double value_;
};

namespace internal {
inline constexpr double kInfinity = __builtin_huge_val();
struct EpsilonTag {
  static constexpr Interval interval{"epsilon", 0, kInfinity};
};
struct DeltaTag {
  static constexpr Interval interval{"delta", 0, 1};
};
struct NoiseMultiplierTag {
  static constexpr Interval interval{"noise_multiplier", 0, kInfinity, false, true};
};
struct ClipNormTag {
  static constexpr Interval interval{"clip_norm", 0, kInfinity, true, true};
};
struct SamplingRateTag {
  static constexpr Interval interval{"sampling_rate", 0, 1};
};
}  // namespace internal

/// [0, inf]: what a run spends; infinity says that nothing is guaranteed.
using Epsilon = Quantity<internal::EpsilonTag>;
/// [0, 1].
using Delta = Quantity<internal::DeltaTag>;
/// [0, inf): standard deviation of the noise over the L2 sensitivity *for the stated relation*. 0
/// is allowed and gives an infinite epsilon.
using NoiseMultiplier = Quantity<internal::NoiseMultiplierTag>;
/// (0, inf): bound on the L2 norm of one unit's contribution.
using ClipNorm = Quantity<internal::ClipNormTag>;
/// [0, 1]: probability that one unit enters a batch.
using SamplingRate = Quantity<internal::SamplingRateTag>;

/// Whose presence is hidden.
enum class Unit { kExample, kUser };
/// Which pairs of data sets are neighbours.
enum class Relation { kAddOrRemoveOne, kZeroOut, kReplaceOne };
/// How units enter a batch.
enum class Sampling {
  kPoisson,
  kFullBatch,
  kShuffled,
  kFixedOrder,
  kCyclicPoisson,
  kTruncatedPoisson,
  kWithoutReplacement
};

/// "example", "user".
std::string_view name(Unit unit);
/// "add_or_remove_one", "zero_out", "replace_one".
std::string_view name(Relation relation);
/// "poisson", "full_batch", "shuffled", "fixed_order", "cyclic_poisson", "truncated_poisson",
/// "without_replacement".
std::string_view name(Sampling sampling);
/// The reverse of `name`. Throws: kUsage naming the known ones.
Unit unit_of(const std::string& name);
Relation relation_of(const std::string& name);
Sampling sampling_of(const std::string& name);

/// L2 sensitivity, in clip norms, of a sum of vectors clipped to norm 1: 1, or 2 for replace-one.
/// Ref: reference table of Ponomareva et al. 2023, "How to DP-fy ML", section 5.
double sensitivity_factor(Relation relation);

}  // namespace discreet::privacy
