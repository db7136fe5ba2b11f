#include "discreet/nn/distributed/flat_layout.h"

#include <algorithm>

#include "discreet/core/error.h"

namespace discreet::nn {
namespace {

std::int64_t whole_blocks(std::int64_t size) {
  return (size + kFlatBlock - 1) / kFlatBlock * kFlatBlock;
}

}  // namespace

FlatLayout::FlatLayout(const NamedTensors& parameters, int parts)
    : pieces_(static_cast<std::size_t>(parts)) {
  std::int64_t total = 0;
  for (const auto& [name, parameter] : parameters) {
    const at::Tensor& first = parameters.front().second;
    if (parameter.scalar_type() != first.scalar_type() || parameter.device() != first.device()) {
      throw internal_error("parameter '" + name + "' has another type or device than the first one");
    }
    places_.push_back(total);
    total += whole_blocks(parameter.numel());
  }
  part_size_ = whole_blocks((total + parts - 1) / parts);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::int64_t end = places_[i] + parameters[i].second.numel();
    for (std::int64_t place = places_[i]; place < end;) {
      const std::int64_t part = place / part_size_;
      const std::int64_t size = std::min(end, (part + 1) * part_size_) - place;
      pieces_[static_cast<std::size_t>(part)].push_back({i, place - places_[i], size, place});
      place += size;
    }
  }
}

}  // namespace discreet::nn
