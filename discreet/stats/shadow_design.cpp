#include "discreet/stats/shadow_design.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "discreet/core/random.h"

namespace discreet::stats {

std::vector<std::int64_t> shadow_half(std::int64_t units, std::uint64_t model, std::uint64_t seed) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(units));
  std::iota(order.begin(), order.end(), 0);
  core::ReproducibleRng rng(seed, fmt::format("shadow pair {}", model / 2));
  core::shuffle(std::span<std::int64_t>(order), rng);
  const auto middle = order.begin() + units / 2;
  std::vector<std::int64_t> half(model % 2 == 0 ? order.begin() : middle, model % 2 == 0 ? middle : order.end());
  std::sort(half.begin(), half.end());
  return half;
}

}  // namespace discreet::stats
