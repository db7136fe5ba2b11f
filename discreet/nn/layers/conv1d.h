#pragma once

#include "discreet/core/random.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Where the windows of a convolution stand. Output row o of a sequence reads its input rows
/// o stride - left + k dilation for k = 0 .. width - 1; beyond the ends there are zeros, `left` and
/// `right` of them.
struct Windowing {
  std::int64_t width;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t left = 0;
  std::int64_t right = 0;

  /// Windows that give as many rows as they take; of an even width the longer arm reads forwards.
  static Windowing same(std::int64_t width) {
    return {.width = width, .left = (width - 1) / 2, .right = width / 2};
  }
  /// Rows that come out of a sequence of so many. An empty sequence gives none.
  std::int64_t outputs(std::int64_t length) const;
};

/// The sequences that a convolution makes of `sequences`.
Sequences convolved(const Sequences& sequences, const Windowing& windowing);

/// Cross-correlation along each sequence; sequences never meet. Use: "conv1d".
///
/// Shapes: x [N,d] over `sequences`; weight [p, width x d / groups], the rows of a window one after
/// the other (torch's [p, d / groups, width] with its last two turned); bias [p] or undefined;
/// returns [N',p] over `convolved(sequences, windowing)`. `groups` divides d and p; output channels
/// of a group read the input channels of that group alone.
/// Cost: one product of N' windows for each group; the windows are kept for the backward pass.
at::Tensor conv1d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  const Sequences& sequences, const Windowing& windowing, std::int64_t groups = 1);

struct Conv1dOptions {
  std::int64_t in;
  std::int64_t out;
  Windowing windowing;
  std::int64_t groups = 1;
  bool bias = true;
};

class Conv1dImpl : public torch::nn::Module {
 public:
  /// Weights as in Linear, bias zero. Throws: kUsage if a size is not positive or `groups` does not
  /// divide the channels.
  Conv1dImpl(const Conv1dOptions& options, core::ReproducibleRng& rng);
  at::Tensor forward(const at::Tensor& x, const Sequences& sequences) {
    return conv1d(x, weight, bias, sequences, options_.windowing, options_.groups);
  }
  const Conv1dOptions& options() const { return options_; }

  at::Tensor weight, bias;

 private:
  Conv1dOptions options_;
};
TORCH_MODULE(Conv1d);

}  // namespace discreet::nn
