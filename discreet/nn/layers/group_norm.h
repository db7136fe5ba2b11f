#pragma once

#include "discreet/core/random.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with the statistics of each sequence's
/// rows and one group of channels: of one example alone, never of the batch. Use: "group_norm".
///
/// Shapes: x [N,d] over `sequences`; gamma, beta [d]; `groups` divides d; returns [N,d].
/// Ref: Wu and He 2018.
at::Tensor group_norm(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& beta,
                      const Sequences& sequences, std::int64_t groups, double epsilon = 1e-5);

struct GroupNormOptions {
  std::int64_t width;
  std::int64_t groups = 1;
  double epsilon = 1e-5;
};

class GroupNormImpl : public torch::nn::Module {
 public:
  /// Throws: kUsage if `groups` does not divide the width.
  explicit GroupNormImpl(const GroupNormOptions& options);
  at::Tensor forward(const at::Tensor& x, const Sequences& sequences) {
    return group_norm(x, gamma, beta, sequences, options_.groups, options_.epsilon);
  }

  at::Tensor gamma, beta;

 private:
  GroupNormOptions options_;
};
TORCH_MODULE(GroupNorm);

}  // namespace discreet::nn
