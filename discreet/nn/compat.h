#pragma once

// Where versions of libtorch differ.

#include <memory>
#include <type_traits>
#include <utility>

#include "discreet/nn/torch.h"

namespace discreet::nn {

/// What holds a node of the autograd graph: shared_ptr in older versions, intrusive_ptr in 2.13.
using NodePointer = decltype(torch::autograd::Edge::function);

template <class NodeType, class... Arguments>
NodePointer make_node(Arguments&&... arguments) {
  if constexpr (std::is_same_v<NodePointer, std::shared_ptr<torch::autograd::Node>>) {
    return std::make_shared<NodeType>(std::forward<Arguments>(arguments)...);
  } else {
    return c10::make_intrusive<NodeType>(std::forward<Arguments>(arguments)...);
  }
}

}  // namespace discreet::nn
