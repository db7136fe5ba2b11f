#pragma once

#include <cstdint>
#include <vector>

#include "discreet/nn/torch.h"

namespace discreet::dp::internal {

/// Sums of gradient rows of a table of which few rows are touched: memory and time go with the rows
/// touched, not with the table.
class RowSums {
 public:
  RowSums(std::int64_t rows, std::int64_t width, at::ScalarType type);

  std::int64_t width() const { return width_; }
  /// Where the sum of table row `id` stands, in rows of `sums`; zeros if it is new. May move `sums`.
  std::int64_t place(std::int64_t id);
  /// [>= touched, width]
  at::Tensor& sums() { return sums_; }
  /// Forgets all sums; the memory stays.
  void clear();

  /// Writes the table's elements first .. first + size, row after row, to `out`. False, with nothing
  /// written, where no row among them was touched. float32 only.
  bool read(std::int64_t first, std::int64_t size, float* out) const;
  /// Adds all sums to a table.
  void add_to(at::Tensor& table) const;

 private:
  std::int64_t width_;
  std::vector<std::int32_t> place_;  // per table row, -1: untouched
  std::vector<std::int64_t> ids_;    // per place
  at::Tensor sums_;
};

}  // namespace discreet::dp::internal
