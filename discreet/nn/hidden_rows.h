#pragma once

#include "discreet/nn/torch.h"

namespace discreet::nn {

/// While one lives, forward passes of this thread leave here what their heads read: a language model the last
/// hidden rows [N,d], a classifier the pooled rows [B,d], both before dropout and inside the graph.
class HiddenRowsScope {
 public:
  HiddenRowsScope();
  ~HiddenRowsScope();
  HiddenRowsScope(const HiddenRowsScope&) = delete;
  HiddenRowsScope& operator=(const HiddenRowsScope&) = delete;

  /// Of the last forward pass; undefined if its model keeps none.
  const at::Tensor& rows() const { return rows_; }

  /// Called by models: cheap where no scope lives.
  static void keep(const at::Tensor& rows);

 private:
  at::Tensor rows_;
  HiddenRowsScope* outer_;
};

}  // namespace discreet::nn
