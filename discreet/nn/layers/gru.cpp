#include "discreet/nn/layers/gru.h"

#include "discreet/nn/gemm.h"
#include "discreet/nn/device.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/init.h"
#include "discreet/nn/internal/walk.h"
#include "discreet/nn/kernels/gru.h"

// Legend: N tokens, B sequences, D inputs, H states, T the longest sequence. Big tensors stay in
// example order; each time step reaches into them through the order's rows, and works on scratch of
// at most B rows that stays in the cache.

namespace discreet::nn {
namespace {

/// What one direction keeps for its backward pass.
struct GruState {
  at::Tensor gates;     // [N,3H] activations; the backward pass turns them into gradients
  at::Tensor inner;     // [N,3H] last third as in kernels/gru.h, then gradients; or undefined
  at::Tensor previous;  // [N,H] state before each step, or undefined
  at::Tensor weight_ih, weight_hh, inner_bias;

  std::int64_t hidden() const { return weight_hh.size(1); }
};

template <class T>
T* kept_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<T>() : nullptr;
}

template <class T>
void gru_run_forward(const internal::Walk& walk, const GruState& kept, T* output,
                     std::int64_t output_stride) {
  if (walk.sizes.empty()) return;
  const std::int64_t hidden = kept.hidden(), widest = walk.sizes.front();
  std::vector<T> state(widest * hidden), recurrent(widest * 3 * hidden), scratch(hidden);
  kernels::GruForwardStep<T> step{0,
                                  hidden,
                                  walk.row,
                                  recurrent.data(),
                                  kept.inner_bias.data_ptr<T>(),
                                  state.data(),
                                  kept.gates.data_ptr<T>(),
                                  kept_or_null<T>(kept.inner),
                                  kept_or_null<T>(kept.previous),
                                  output,
                                  output_stride,
                                  scratch.data()};
  const Matrix<T> weight{kept.weight_hh.data_ptr<T>(), hidden, true};
  bool first = true;  // the products of zero states are zero, as the scratch is
  for (const std::int64_t rows : walk.sizes) {
    step.rows = rows;
    if (!first) {
      gemm<T>({rows, 3 * hidden, hidden}, {state.data(), hidden}, weight, recurrent.data(),
              3 * hidden);
    }
    kernels::gru_forward_step(step);
    step.row += rows;
    first = false;
  }
}

template <class T>
void gru_run_backward(const internal::Walk& walk, const GruState& kept, const T* output_grad,
                      std::int64_t output_stride) {
  if (walk.sizes.empty()) return;
  const std::int64_t hidden = kept.hidden(), widest = walk.sizes.front();
  // Sequences that end at a step join with zero gradients from the future; scratch starts as zeros
  // and only rows already alive are ever written.
  std::vector<T> state_grad(widest * hidden), grads(widest * 3 * hidden);
  kernels::GruBackwardStep<T> step{0,
                                   hidden,
                                   walk.row + kept.gates.size(0),
                                   kept.gates.data_ptr<T>(),
                                   kept.inner.data_ptr<T>(),
                                   kept.previous.data_ptr<T>(),
                                   output_grad,
                                   output_stride,
                                   state_grad.data(),
                                   grads.data()};
  const Matrix<T> weight{kept.weight_hh.data_ptr<T>(), hidden};
  for (std::size_t t = walk.sizes.size(); t-- > 0;) {
    step.rows = walk.sizes[t];
    step.row -= step.rows;
    kernels::gru_backward_step(step);
    if (t > 0) {
      gemm<T>({step.rows, hidden, 3 * hidden}, {grads.data(), 3 * hidden}, weight,
              state_grad.data(), hidden, 1, 1);
    }
  }
}

/// The same recurrence in tensor operations, for devices without kernels of our own. Time order is
/// made by gathering: slower, no padding either.
void gru_forward_device(const PackedBatch& batch, std::size_t direction, const GruState& kept,
                        const at::Tensor& output) {
  const at::Tensor& order = direction == 0 ? batch.time.to_time : batch.time.to_time_reversed;
  const std::int64_t hidden = kept.hidden();
  std::int64_t start = 0;
  at::Tensor state;
  for (const std::int64_t rows : batch.time.sizes) {
    const at::Tensor row = order.narrow(0, start, rows);
    const at::Tensor before =
        state.defined() ? state.narrow(0, 0, rows) : at::zeros({rows, hidden}, output.options());
    const at::Tensor pre = kept.gates.index_select(0, row);
    const auto recurrent = at::mm(before, kept.weight_hh.t()).chunk(3, 1);
    const auto part = pre.chunk(3, 1);
    const at::Tensor reset = (part[0] + recurrent[0]).sigmoid_();
    const at::Tensor update = (part[1] + recurrent[1]).sigmoid_();
    const at::Tensor own = recurrent[2] + kept.inner_bias;
    const at::Tensor candidate = (part[2] + reset * own).tanh_();
    state = candidate + update * (before - candidate);
    if (kept.previous.defined()) {
      kept.previous.index_copy_(0, row, before);
      kept.inner.narrow(1, 2 * hidden, hidden).index_copy_(0, row, own);
      kept.gates.index_copy_(0, row, at::cat({reset, update, candidate}, 1));
    }
    output.index_copy_(0, row, state);
    start += rows;
  }
}

void gru_backward_device(const PackedBatch& batch, std::size_t direction, const GruState& kept,
                         const at::Tensor& output_grad) {
  const at::Tensor& order = direction == 0 ? batch.time.to_time : batch.time.to_time_reversed;
  const std::int64_t hidden = kept.hidden();
  std::int64_t start = kept.gates.size(0);
  at::Tensor state_grad;
  for (std::size_t t = batch.time.sizes.size(); t-- > 0;) {
    const std::int64_t rows = batch.time.sizes[t];
    start -= rows;
    const at::Tensor row = order.narrow(0, start, rows);
    const auto part = kept.gates.index_select(0, row).chunk(3, 1);
    const at::Tensor &reset = part[0], &update = part[1], &candidate = part[2];
    const at::Tensor own = kept.inner.narrow(1, 2 * hidden, hidden).index_select(0, row);
    at::Tensor dh = output_grad.index_select(0, row);
    if (state_grad.defined()) dh.narrow(0, 0, state_grad.size(0)).add_(state_grad);
    const at::Tensor d_candidate = dh * (1 - update) * (1 - candidate.square());
    const at::Tensor d_reset = d_candidate * own * reset * (1 - reset);
    const at::Tensor d_update =
        dh * (kept.previous.index_select(0, row) - candidate) * update * (1 - update);
    const at::Tensor grads = at::cat({d_reset, d_update, d_candidate * reset}, 1);
    kept.gates.index_copy_(0, row, at::cat({d_reset, d_update, d_candidate}, 1));
    kept.inner.index_copy_(0, row, grads);
    state_grad = at::addmm(dh * update, grads, kept.weight_hh);
  }
}

GruState start_gru(const at::Tensor& x, const GruWeights& weights, bool keep) {
  GruState state;
  state.weight_ih = weights.weight_ih.detach();
  state.weight_hh = weights.weight_hh.detach();
  const std::int64_t hidden = state.hidden();
  // Reset and update gates take both biases at once; the candidate's second one is inside the gate.
  at::Tensor bias = weights.bias_ih.detach().clone();
  bias.narrow(0, 0, 2 * hidden).add_(weights.bias_hh.detach().narrow(0, 0, 2 * hidden));
  state.inner_bias = weights.bias_hh.detach().narrow(0, 2 * hidden, hidden).contiguous();
  state.gates = at::addmm(bias, x, state.weight_ih.t());
  if (!keep) return state;
  state.inner = at::empty_like(state.gates);
  state.previous = at::empty({x.size(0), hidden}, x.options());
  return state;
}

void gru_forward_all(const PackedBatch& batch, const std::vector<GruState>& kept,
                     const at::Tensor& y) {
  const std::int64_t hidden = kept[0].hidden();
  if (!has_kernels(y)) {
    for (std::size_t d = 0; d < kept.size(); ++d) {
      gru_forward_device(batch, d, kept[d],
                         y.narrow(1, static_cast<std::int64_t>(d) * hidden, hidden));
    }
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "gru", [&] {
    auto* output = y.data_ptr<scalar_t>();
    internal::for_directions(kept.size(), [&](std::int64_t d) {
      gru_run_forward<scalar_t>(internal::walk_of(batch, d), kept[d], output + d * hidden,
                                y.size(1));
    });
  });
}

void gru_backward_all(const PackedBatch& batch, const std::vector<GruState>& kept,
                      const at::Tensor& dy) {
  const std::int64_t hidden = kept[0].hidden();
  if (!has_kernels(dy)) {
    for (std::size_t d = 0; d < kept.size(); ++d) {
      gru_backward_device(batch, d, kept[d],
                          dy.narrow(1, static_cast<std::int64_t>(d) * hidden, hidden));
    }
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(dy.scalar_type(), "gru_backward", [&] {
    const auto* grad = dy.data_ptr<scalar_t>();
    internal::for_directions(kept.size(), [&](std::int64_t d) {
      gru_run_backward<scalar_t>(internal::walk_of(batch, d), kept[d], grad + d * hidden,
                                 dy.size(1));
    });
  });
}

/// Gradients after `gru_backward_all`: recorded, or into `out`, where four parameters a direction
/// follow the input.
std::vector<at::Tensor> gru_gradients(const std::vector<UsedParameters>& params,
                                      const std::vector<GruState>& kept, const at::Tensor& input,
                                      const std::vector<bool>& needs) {
  std::vector<at::Tensor> out(1 + 4 * kept.size());
  for (std::size_t d = 0; d < kept.size(); ++d) {
    const at::Tensor &input_side = kept[d].gates, &state_side = kept[d].inner;
    if (needs[0]) {
      out[0] = d == 0 ? at::mm(input_side, kept[d].weight_ih)
                      : out[0].addmm_(input_side, kept[d].weight_ih);
    }
    if (params[d].recorded()) {
      params[d].record({input, kept[d].previous}, {input_side, state_side});
      continue;
    }
    if (needs[4 * d + 1]) out[4 * d + 1] = at::mm(input_side.t(), input);
    if (needs[4 * d + 2]) out[4 * d + 2] = at::mm(state_side.t(), kept[d].previous);
    if (needs[4 * d + 3]) out[4 * d + 3] = input_side.sum(0);
    if (needs[4 * d + 4]) out[4 * d + 4] = state_side.sum(0);
  }
  return out;
}

}  // namespace

at::Tensor gru(const at::Tensor& x, const std::vector<GruWeights>& directions,
               const PackedBatch& batch) {
  std::vector<UsedParameters> params;
  std::vector<at::Tensor> inputs{x};
  bool trainable = false, recorded = false;
  for (const GruWeights& w : directions) {
    params.emplace_back("gru", std::vector{w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh},
                        batch.token_segments);
    inputs.insert(inputs.end(), params.back().inputs().begin(), params.back().inputs().end());
    trainable = trainable || params.back().trainable();
    recorded = recorded || params.back().recorded();
  }
  const bool keep = trainable || tracks({x});
  const std::int64_t hidden = directions[0].weight_hh.size(1);
  std::vector<GruState> kept;
  at::Tensor y;
  const at::Tensor input = x.detach().contiguous();
  {
    const at::NoGradGuard no_grad;
    for (const GruWeights& weights : directions) kept.push_back(start_gru(input, weights, keep));
    y = at::empty({x.size(0), hidden * static_cast<std::int64_t>(directions.size())}, x.options());
    gru_forward_all(batch, kept, y);
  }
  if (!keep) return y;
  return attach(
      y, inputs,
      [params, kept, input, batch](const at::Tensor& grad, const std::vector<bool>& needs) {
        gru_backward_all(batch, kept, grad.contiguous());
        return gru_gradients(params, kept, input, needs);
      },
      recorded);
}

GruImpl::GruImpl(const GruOptions& options, core::ReproducibleRng& rng) : options_(options) {
  const std::int64_t hidden = options.hidden;
  for (const char* name : {"forward", "backward"}) {
    GruWeights weights;
    const std::string prefix = std::string(name) + "_";
    weights.weight_ih =
        register_parameter(prefix + "weight_ih", glorot_tensor(3 * hidden, options.in, rng));
    weights.weight_hh =
        register_parameter(prefix + "weight_hh", orthogonal_gates(3, hidden, rng));
    weights.bias_ih = register_parameter(prefix + "bias_ih", at::zeros({3 * hidden}));
    weights.bias_hh = register_parameter(prefix + "bias_hh", at::zeros({3 * hidden}));
    directions.push_back(std::move(weights));
    if (!options.bidirectional) break;
  }
}

}  // namespace discreet::nn
