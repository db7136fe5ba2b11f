#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace discreet::stats {

/// A value of a group; groups are ordered by their numbers. Values of different blocks are not compared.
struct OrderedValue {
  std::int64_t group = 0;
  double value = 0;
  std::int64_t block = 0;
};

/// A trend of values over ordered groups.
struct TrendTest {
  std::uint64_t n = 0;
  std::uint64_t pairs = 0;  ///< Of the same block and of different groups.
  double statistic = 0;     ///< J: pairs in which the higher group has the larger value; a tie counts 1/2.
  double expected = 0;      ///< Of J without a trend: half of the pairs.
  std::optional<double> p_value;  ///< Of J at least as large (one-sided: values rise); absent without pairs.
  bool exact = false;             ///< Over all arrangements of the groups within blocks; else a normal approximation.
};

/// Jonckheere's test against a rising trend, within blocks (seeds, subjects): the groups' labels are permuted
/// inside each block alone.
///
/// Exact where every block has at most 100,000 arrangements of its labels: their distributions are convolved.
/// Else a normal approximation with the variance for ties, without correction for continuity.
/// Ref: Jonckheere 1954; Terpstra 1952; ties: Hollander and Wolfe 1999, section 6.2; blocks: Skillings and
/// Wolfe 1978.
TrendTest jonckheere(std::span<const OrderedValue> values);

}  // namespace discreet::stats
