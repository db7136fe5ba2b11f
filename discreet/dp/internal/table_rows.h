#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "discreet/dp/internal/kernels.h"

namespace discreet::dp::internal {

/// One gradient row's way into a table: table row `id` gets `weight` times gradient row `row`.
struct TableEntry {
  std::int64_t id;
  std::int64_t row;
  double weight;
  bool operator<(const TableEntry& other) const {
    return id != other.id ? id < other.id : row < other.row;
  }
};

/// Squared norm of a table's gradient that is the sum of `entries`, which get sorted: rows of one id
/// add up before they are squared.
/// Cost: O(k log k + k width); a temporary of one row.
template <class T>
double table_norm(std::span<TableEntry> entries, const RowMatrix<T>& gradient,
                  std::vector<double>& scratch) {
  std::sort(entries.begin(), entries.end());
  const auto width = static_cast<std::size_t>(gradient.width);
  double squared = 0;
  for (std::size_t i = 0; i < entries.size();) {
    std::size_t end = i + 1;
    while (end < entries.size() && entries[end].id == entries[i].id) ++end;
    if (end == i + 1) {
      const double weight = entries[i].weight;
      squared += weight * weight *
                 squared_norm(std::span<const T>(gradient.row(entries[i].row), width));
    } else {
      scratch.assign(width, 0.0);
      for (; i < end; ++i) {
        add_scaled(std::span<const T>(gradient.row(entries[i].row), width), entries[i].weight,
                   scratch.data());
      }
      squared += squared_norm(std::span<const double>(scratch));
    }
    i = end;
  }
  return squared;
}

}  // namespace discreet::dp::internal
