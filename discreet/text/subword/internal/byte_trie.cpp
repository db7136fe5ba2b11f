#include "discreet/text/subword/internal/byte_trie.h"

#include <algorithm>

namespace discreet::text::subword {

ByteTrie::ByteTrie(std::vector<std::pair<std::string_view, std::int32_t>> keys) {
  std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  // Bases leave room for 256 labels behind them.
  units_.resize(257);
  units_[0].parent = kFree - 1;
  struct Node {
    std::size_t begin, end, depth;
    std::uint32_t unit;
  };
  std::vector<Node> todo = {{0, keys.size(), 0, 0}};
  std::size_t first_free = 1;
  std::vector<std::pair<unsigned char, std::pair<std::size_t, std::size_t>>> children;
  while (!todo.empty()) {
    Node node = todo.back();
    todo.pop_back();
    while (node.begin < node.end && keys[node.begin].first.size() == node.depth) {
      units_[node.unit].value = keys[node.begin++].second;
    }
    children.clear();
    for (std::size_t i = node.begin; i < node.end;) {
      const auto label = static_cast<unsigned char>(keys[i].first[node.depth]);
      std::size_t end = i + 1;
      while (end < node.end && static_cast<unsigned char>(keys[end].first[node.depth]) == label) ++end;
      children.push_back({label, {i, end}});
      i = end;
    }
    if (children.empty()) continue;
    while (first_free < units_.size() && units_[first_free].parent != kFree) ++first_free;
    // The first base at which all labels are free. Where the front is nearly full it is given up, so
    // that the search stays short.
    std::size_t place = std::max<std::size_t>(first_free, 1u + children[0].first);
    std::size_t tried = 0;
    std::uint32_t base = 0;
    for (;; ++place, ++tried) {
      base = static_cast<std::uint32_t>(place - children[0].first);
      if (base + 256u >= units_.size()) units_.resize(std::max<std::size_t>(units_.size() * 2, base + 512u));
      const bool fits = std::all_of(children.begin(), children.end(), [&](const auto& c) {
        return units_[base + c.first].parent == kFree;
      });
      if (fits) break;
    }
    if (tried > 64) first_free = std::max(first_free, place - 32);
    units_[node.unit].base = base;
    for (const auto& [label, range] : children) {
      units_[base + label].parent = node.unit;
      todo.push_back({range.first, range.second, node.depth + 1, base + label});
    }
  }
}

}  // namespace discreet::text::subword
