#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "discreet/nn/batch.h"

// How the recurrent layers go through a batch.
namespace discreet::nn::internal {

/// The rows of a batch in the order in which one direction reads them. Of direction 0 the previous
/// step of row n is n - 1, of direction 1 it is n + 1: n - back.
struct Walk {
  const std::int64_t* row;                 ///< [N] example-order rows in time order
  const std::vector<std::int64_t>& sizes;  ///< [T] sequences alive at each step
  std::int64_t back;
};

inline Walk walk_of(const PackedBatch& batch, std::size_t direction) {
  const at::Tensor& order = direction == 0 ? batch.time.to_time : batch.time.to_time_reversed;
  return {order.data_ptr<std::int64_t>(), batch.time.sizes, direction == 0 ? 1 : -1};
}

/// Calls body(direction), side by side where there are threads.
inline void for_directions(std::size_t count, const std::function<void(std::int64_t)>& body) {
  at::parallel_for(0, static_cast<std::int64_t>(count), 1,
                   [&](std::int64_t first, std::int64_t last) {
                     for (std::int64_t d = first; d < last; ++d) body(d);
                   });
}

}  // namespace discreet::nn::internal
