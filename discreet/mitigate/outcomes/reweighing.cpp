#include "discreet/mitigate/outcomes/reweighing.h"

#include "discreet/core/error.h"

namespace discreet::mitigate {

Reweighing reweigh(std::span<const std::uint32_t> group, std::size_t groups, std::span<const std::uint32_t> label,
                   std::size_t labels) {
  if (group.size() != label.size() || group.empty()) throw internal_error("reweighing needs a group and a label of each row");
  std::vector<double> cells(groups * labels, 0), of_group(groups, 0), of_label(labels, 0);
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (group[i] >= groups || label[i] >= labels) throw internal_error("a group or a label outside its range");
    ++cells[group[i] * labels + label[i]];
    ++of_group[group[i]];
    ++of_label[label[i]];
  }
  const auto n = static_cast<double>(group.size());
  Reweighing result{.table = std::vector<double>(groups * labels, 0), .empty = {}, .labels = labels};
  for (std::size_t g = 0; g < groups; ++g) {
    for (std::size_t y = 0; y < labels; ++y) {
      const double count = cells[g * labels + y];
      if (count > 0) {
        result.table[g * labels + y] = of_group[g] * of_label[y] / (n * count);
      } else if (of_group[g] > 0 && of_label[y] > 0) {
        result.empty.push_back({static_cast<std::uint32_t>(g), static_cast<std::uint32_t>(y)});
      }
    }
  }
  return result;
}

}  // namespace discreet::mitigate
