#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace discreet::text::subword {

/// Keys to numbers, for all prefixes of a text at once: a double array over bytes.
class ByteTrie {
 public:
  /// Of two equal keys the later one counts. Keys are not empty, numbers >= 0.
  explicit ByteTrie(std::vector<std::pair<std::string_view, std::int32_t>> keys);

  /// Calls found(bytes, value) for each key that `text` begins with, shortest first.
  template <class Found>
  void prefixes(std::string_view text, Found&& found) const {
    std::uint32_t node = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::uint32_t next = units_[node].base + static_cast<unsigned char>(text[i]);
      if (next >= units_.size() || units_[next].parent != node) return;
      node = next;
      if (units_[node].value >= 0) found(i + 1, units_[node].value);
    }
  }

 private:
  static constexpr std::uint32_t kFree = UINT32_MAX;
  struct Unit {
    std::uint32_t base = 0;
    std::uint32_t parent = kFree;
    std::int32_t value = -1;
  };
  std::vector<Unit> units_;
};

}  // namespace discreet::text::subword
