#pragma once

#include <vector>

#include "discreet/core/random.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// The parameters of one direction, gates in the order reset, update, candidate: libtorch's form,
/// with a bias of its own on the state's side, which the reset gate scales in the candidate.
/// Shapes: weight_ih [3H,D], weight_hh [3H,H], bias_ih [3H], bias_hh [3H].
struct GruWeights {
  at::Tensor weight_ih, weight_hh, bias_ih, bias_hh;
};

/// A layer of gated recurrent units, one direction or two side by side. Uses: "gru", one for each
/// direction.
///
/// r = sigmoid(W_r x + b_r + U_r h + c_r), z likewise, n = tanh(W_n x + b_n + r (U_n h + c_n)),
/// new h = (1 - z) n + z h.
/// Shapes: x [N,D] with the rows of `batch`'s tokens; returns [N, H x directions]: the states of
/// the first direction (reading forwards), then those of the second (reading backwards). States
/// start at zero. Cost: one product for all inputs, one per step for the states; activations are
/// kept for the backward pass. Ref: Cho et al. 2014; Chung et al. 2014.
at::Tensor gru(const at::Tensor& x, const std::vector<GruWeights>& directions,
               const PackedBatch& batch);

struct GruOptions {
  std::int64_t in;
  std::int64_t hidden;
  bool bidirectional = false;
};

class GruImpl : public torch::nn::Module {
 public:
  /// Input weights as in Linear, state weights orthogonal per gate, biases 0.
  GruImpl(const GruOptions& options, core::ReproducibleRng& rng);
  at::Tensor forward(const at::Tensor& x, const PackedBatch& batch) {
    return gru(x, directions, batch);
  }
  std::int64_t width() const { return options_.hidden * (options_.bidirectional ? 2 : 1); }

  std::vector<GruWeights> directions;

 private:
  GruOptions options_;
};
TORCH_MODULE(Gru);

}  // namespace discreet::nn
