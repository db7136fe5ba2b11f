#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace discreet::formats::internal {

/// Rows of a query or key projection (or of its bias) from the order of llama2.c and GGUF, in which
/// rows 2i and 2i + 1 of a head turn together, to transformers' order, in which rows i and i + D/2
/// do. `values` has heads x D rows of any width, row-major.
inline void split_rotary_pairs(std::span<float> values, std::int64_t heads, std::int64_t columns) {
  const auto width = static_cast<std::size_t>(columns);
  const std::size_t head_values = values.size() / static_cast<std::size_t>(heads);
  const std::size_t half = head_values / width / 2;
  std::vector<float> old(head_values);
  for (std::size_t begin = 0; begin < values.size(); begin += head_values) {
    const auto head = values.subspan(begin, head_values);
    std::copy(head.begin(), head.end(), old.begin());
    for (std::size_t i = 0; i < half; ++i) {
      for (std::size_t part = 0; part < 2; ++part) {
        std::copy_n(old.begin() + static_cast<std::ptrdiff_t>((2 * i + part) * width), width,
                    head.begin() + static_cast<std::ptrdiff_t>((part * half + i) * width));
      }
    }
  }
}

}  // namespace discreet::formats::internal
