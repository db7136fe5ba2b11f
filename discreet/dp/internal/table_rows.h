#pragma once

#include <algorithm>
#include <array>
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
};

/// Entries by id, and of one id in the order they came; `scratch` is room for as many. Ids are 0 or more.
/// Cost: O(k + 2048) for each 11 bits of the largest id; O(k log k) for few.
inline void order_by_id(std::span<TableEntry> entries, std::vector<TableEntry>& scratch) {
  constexpr std::size_t kFew = 128;
  constexpr int kBits = 11;
  constexpr std::int64_t kMask = (1 << kBits) - 1;
  if (entries.size() < kFew) {
    std::stable_sort(entries.begin(), entries.end(), [](const TableEntry& a, const TableEntry& b) { return a.id < b.id; });
    return;
  }
  std::int64_t largest = 0;
  for (const TableEntry& entry : entries) largest = std::max(largest, entry.id);
  scratch.resize(entries.size());
  std::span<TableEntry> from = entries, to = scratch;
  for (int shift = 0; shift < 63 && (largest >> shift) > 0; shift += kBits) {
    std::array<std::uint32_t, kMask + 2> begins{};
    for (const TableEntry& entry : from) ++begins[static_cast<std::size_t>((entry.id >> shift) & kMask) + 1];
    for (std::size_t digit = 1; digit < begins.size(); ++digit) begins[digit] += begins[digit - 1];
    for (const TableEntry& entry : from) to[begins[static_cast<std::size_t>((entry.id >> shift) & kMask)]++] = entry;
    std::swap(from, to);
  }
  if (from.data() != entries.data()) std::copy(from.begin(), from.end(), entries.begin());
}

/// Squared norm of a table's gradient that is the sum of `entries`, which get sorted: rows of one id
/// add up before they are squared, in the order they came.
/// Cost: O(k width) beside the sorting; temporaries of one row and of the entries.
template <class T>
double table_norm(std::span<TableEntry> entries, const RowMatrix<T>& gradient,
                  std::vector<double>& scratch) {
  thread_local std::vector<TableEntry> room;
  order_by_id(entries, room);
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
