#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace discreet::mitigate {

/// A group and a class that never meet: no weight makes them independent.
struct EmptyCell {
  std::uint32_t group = 0, label = 0;
};

struct Reweighing {
  std::vector<double> table;  ///< [groups, labels] weight of a row of that group and label; 0 for an empty cell.
  std::vector<EmptyCell> empty;
  std::size_t labels = 0;

  double weight(std::uint32_t group, std::uint32_t label) const { return table[group * labels + label]; }
};

/// P(g) P(y) / P(g, y): under these weights label and group are independent, exactly, and sum to n, unless a cell
/// is empty.
///
/// Shapes: n rows; group [n] in 0..groups-1, label [n] in 0..labels-1.
/// Throws: kInternal for other shapes or numbers outside. Ref: Kamiran and Calders 2012, section 3.
Reweighing reweigh(std::span<const std::uint32_t> group, std::size_t groups, std::span<const std::uint32_t> label,
                   std::size_t labels);

}  // namespace discreet::mitigate
