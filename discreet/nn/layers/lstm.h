#pragma once

#include <vector>

#include "discreet/core/random.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// The parameters of one direction; one bias, gates in the order input, forget, cell, output.
/// Shapes: weight_ih [4H,D], weight_hh [4H,H], bias [4H].
struct LstmWeights {
  at::Tensor weight_ih, weight_hh, bias;
};

/// A layer of long short-term memory, one direction or two side by side. Uses: "lstm", one for each
/// direction.
///
/// Shapes: x [N,D] with the rows of `batch`'s tokens; returns [N, H x directions]: the states of
/// the first direction (reading forwards), then those of the second (reading backwards). States
/// start at zero. Cost: one product for all inputs, one per step for the states; gates are kept for
/// the backward pass. Ref: Hochreiter and Schmidhuber 1997; Gers et al. 2000.
at::Tensor lstm(const at::Tensor& x, const std::vector<LstmWeights>& directions,
                const PackedBatch& batch);

struct LstmOptions {
  std::int64_t in;
  std::int64_t hidden;
  bool bidirectional = false;
};

class LstmImpl : public torch::nn::Module {
 public:
  /// Input weights as in Linear, state weights orthogonal per gate, bias 0 but 1 for the forget
  /// gate.
  LstmImpl(const LstmOptions& options, core::ReproducibleRng& rng);
  at::Tensor forward(const at::Tensor& x, const PackedBatch& batch) {
    return lstm(x, directions, batch);
  }
  std::int64_t width() const { return options_.hidden * (options_.bidirectional ? 2 : 1); }

  std::vector<LstmWeights> directions;

 private:
  LstmOptions options_;
};
TORCH_MODULE(Lstm);

}  // namespace discreet::nn
