#include "discreet/nn/layers/lstm.h"

#include "discreet/nn/gemm.h"
#include "discreet/nn/device.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/init.h"
#include "discreet/nn/internal/walk.h"
#include "discreet/nn/kernels/lstm.h"

// Legend: N tokens, B sequences, D inputs, H states, T the longest sequence. Big tensors stay in
// example order; each time step reaches into them through the order's rows, and works on scratch of
// at most B rows that stays in the cache.

namespace discreet::nn {
namespace {

/// What one direction keeps for its backward pass.
struct DirectionState {
  at::Tensor gates;     // [N,4H] activations; the backward pass turns them into gradients
  at::Tensor cell;      // [N,H]
  at::Tensor previous;  // [N,H] state before each step, or undefined
  at::Tensor weight_ih, weight_hh;
};

using internal::Walk;
using internal::walk_of;

template <class T>
void run_forward(const Walk& walk, const DirectionState& kept, T* output,
                 std::int64_t output_stride) {
  if (walk.sizes.empty()) return;
  const std::int64_t hidden = kept.cell.size(1), widest = walk.sizes.front();
  std::vector<T> state(widest * hidden), recurrent(widest * 4 * hidden), zeros(4 * hidden);
  kernels::LstmForwardStep<T> step{0,
                                   hidden,
                                   walk.back,
                                   walk.row,
                                   true,
                                   recurrent.data(),
                                   state.data(),
                                   kept.gates.data_ptr<T>(),
                                   kept.cell.data_ptr<T>(),
                                   kept.previous.defined() ? kept.previous.data_ptr<T>() : nullptr,
                                   output,
                                   output_stride,
                                   zeros.data()};
  const Matrix<T> weight{kept.weight_hh.data_ptr<T>(), hidden, true};
  for (const std::int64_t rows : walk.sizes) {
    step.rows = rows;
    if (!step.first) {
      gemm<T>({rows, 4 * hidden, hidden}, {state.data(), hidden}, weight, recurrent.data(),
              4 * hidden);
    }
    kernels::lstm_forward_step(step);
    step.row += rows;
    step.first = false;
  }
}

template <class T>
void run_backward(const Walk& walk, const DirectionState& kept, const T* output_grad,
                  std::int64_t output_stride) {
  if (walk.sizes.empty()) return;
  const std::int64_t hidden = kept.cell.size(1), widest = walk.sizes.front();
  // Sequences that end at a step join with zero gradients from the future; scratch starts as zeros
  // and only rows already alive are ever written.
  std::vector<T> state_grad(widest * hidden), cell_grad(widest * hidden);
  std::vector<T> grads(widest * 4 * hidden), zeros(hidden);
  kernels::LstmBackwardStep<T> step{0,
                                    hidden,
                                    walk.back,
                                    walk.row + kept.gates.size(0),
                                    false,
                                    kept.gates.data_ptr<T>(),
                                    kept.cell.data_ptr<T>(),
                                    output_grad,
                                    output_stride,
                                    state_grad.data(),
                                    cell_grad.data(),
                                    grads.data(),
                                    zeros.data()};
  const Matrix<T> weight{kept.weight_hh.data_ptr<T>(), hidden};
  for (std::size_t t = walk.sizes.size(); t-- > 0;) {
    step.rows = walk.sizes[t];
    step.row -= step.rows;
    step.first = t == 0;
    kernels::lstm_backward_step(step);
    if (t > 0) {
      gemm<T>({step.rows, hidden, 4 * hidden}, {grads.data(), 4 * hidden}, weight,
              state_grad.data(), hidden);
    }
  }
}

/// The same recurrence in tensor operations, for devices without kernels of our own. Time order is
/// made by gathering: slower, no padding either.
void run_forward_device(const PackedBatch& batch, std::size_t direction, const DirectionState& kept,
                        const at::Tensor& output) {
  const bool forward = direction == 0;
  const at::Tensor& order = forward ? batch.time.to_time : batch.time.to_time_reversed;
  std::int64_t start = 0;
  at::Tensor state, cell;
  for (const std::int64_t rows : batch.time.sizes) {
    const at::Tensor row = order.narrow(0, start, rows);
    at::Tensor pre = kept.gates.index_select(0, row);
    if (state.defined()) pre.addmm_(state.narrow(0, 0, rows), kept.weight_hh.t());
    if (kept.previous.defined()) {
      kept.previous.index_copy_(0, row,
                                state.defined()
                                    ? state.narrow(0, 0, rows)
                                    : at::zeros({rows, kept.cell.size(1)}, kept.cell.options()));
    }
    const auto part = pre.chunk(4, 1);
    const at::Tensor in = part[0].sigmoid(), forget = part[1].sigmoid(), g = part[2].tanh();
    const at::Tensor out = part[3].sigmoid();
    cell = cell.defined() ? forget * cell.narrow(0, 0, rows) + in * g : in * g;
    state = out * cell.tanh();
    kept.gates.index_copy_(0, row, at::cat({in, forget, g, out}, 1));
    kept.cell.index_copy_(0, row, cell);
    output.index_copy_(0, row, state);
    start += rows;
  }
}

void run_backward_device(const PackedBatch& batch, std::size_t direction,
                         const DirectionState& kept, const at::Tensor& output_grad) {
  const bool forward = direction == 0;
  const at::Tensor& order = forward ? batch.time.to_time : batch.time.to_time_reversed;
  std::int64_t start = kept.gates.size(0);
  at::Tensor state_grad, cell_grad;
  for (std::size_t t = batch.time.sizes.size(); t-- > 0;) {
    const std::int64_t rows = batch.time.sizes[t];
    start -= rows;
    const at::Tensor row = order.narrow(0, start, rows);
    const auto part = kept.gates.index_select(0, row).chunk(4, 1);
    const at::Tensor &in = part[0], &forget = part[1], &g = part[2], &out = part[3];
    const at::Tensor squashed = kept.cell.index_select(0, row).tanh();
    at::Tensor dh = output_grad.index_select(0, row);
    if (state_grad.defined()) dh.narrow(0, 0, state_grad.size(0)).add_(state_grad);
    at::Tensor dc = dh * out * (1 - squashed.square());
    if (cell_grad.defined()) dc.narrow(0, 0, cell_grad.size(0)).add_(cell_grad);
    const at::Tensor before =
        t == 0 ? at::zeros_like(dc) : kept.cell.index_select(0, row + (forward ? -1 : 1));
    const at::Tensor grads = at::cat({dc * g * in * (1 - in), dc * before * forget * (1 - forget),
                                      dc * in * (1 - g.square()), dh * squashed * out * (1 - out)},
                                     1);
    kept.gates.index_copy_(0, row, grads);
    cell_grad = dc * forget;
    state_grad = at::mm(grads, kept.weight_hh);
  }
}

DirectionState start_direction(const at::Tensor& x, const LstmWeights& weights, bool keep) {
  DirectionState state;
  const std::int64_t hidden = weights.weight_hh.size(1);
  state.weight_ih = weights.weight_ih.detach();
  state.weight_hh = weights.weight_hh.detach();
  state.gates = at::addmm(weights.bias, x, state.weight_ih.t());
  state.cell = at::empty({x.size(0), hidden}, x.options());
  if (keep) state.previous = at::empty_like(state.cell);
  return state;
}

void forward_all(const PackedBatch& batch, const std::vector<DirectionState>& kept,
                 const at::Tensor& y) {
  const std::int64_t hidden = kept[0].cell.size(1);
  if (!has_kernels(y)) {
    for (std::size_t d = 0; d < kept.size(); ++d) {
      run_forward_device(batch, d, kept[d],
                         y.narrow(1, static_cast<std::int64_t>(d) * hidden, hidden));
    }
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "lstm", [&] {
    auto* output = y.data_ptr<scalar_t>();
    internal::for_directions(kept.size(), [&](std::int64_t d) {
      run_forward<scalar_t>(walk_of(batch, d), kept[d], output + d * hidden, y.size(1));
    });
  });
}

void backward_all(const PackedBatch& batch, const std::vector<DirectionState>& kept,
                  const at::Tensor& dy) {
  const std::int64_t hidden = kept[0].cell.size(1);
  if (!has_kernels(dy)) {
    for (std::size_t d = 0; d < kept.size(); ++d) {
      run_backward_device(batch, d, kept[d],
                          dy.narrow(1, static_cast<std::int64_t>(d) * hidden, hidden));
    }
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(dy.scalar_type(), "lstm_backward", [&] {
    const auto* grad = dy.data_ptr<scalar_t>();
    internal::for_directions(kept.size(), [&](std::int64_t d) {
      run_backward<scalar_t>(walk_of(batch, d), kept[d], grad + d * hidden, dy.size(1));
    });
  });
}

}  // namespace

at::Tensor lstm(const at::Tensor& x, const std::vector<LstmWeights>& directions,
                const PackedBatch& batch) {
  std::vector<UsedParameters> params;
  std::vector<at::Tensor> inputs{x};
  bool trainable = false, recorded = false;
  for (const LstmWeights& weights : directions) {
    params.emplace_back("lstm", std::vector{weights.weight_ih, weights.weight_hh, weights.bias},
                        batch.token_segments);
    inputs.insert(inputs.end(), params.back().inputs().begin(), params.back().inputs().end());
    trainable = trainable || params.back().trainable();
    recorded = recorded || params.back().recorded();
  }
  const bool keep = trainable || tracks({x});
  const std::int64_t hidden = directions[0].weight_hh.size(1);
  std::vector<DirectionState> kept;
  at::Tensor y;
  const at::Tensor input = x.detach().contiguous();
  {
    const at::NoGradGuard no_grad;
    for (const LstmWeights& weights : directions) {
      kept.push_back(start_direction(input, weights, trainable));
    }
    y = at::empty({x.size(0), hidden * static_cast<std::int64_t>(directions.size())}, x.options());
    forward_all(batch, kept, y);
  }
  if (!keep) return y;
  return attach(
      y, inputs,
      [params, kept, input, batch](const at::Tensor& grad, const std::vector<bool>& needs) {
        const at::Tensor dy = grad.contiguous();
        backward_all(batch, kept, dy);
        std::vector<at::Tensor> out(1 + 3 * kept.size());
        for (std::size_t d = 0; d < kept.size(); ++d) {
          const at::Tensor& gates_grad = kept[d].gates;
          if (needs[0]) {
            out[0] = d == 0 ? at::mm(gates_grad, kept[d].weight_ih)
                            : out[0].addmm_(gates_grad, kept[d].weight_ih);
          }
          if (params[d].recorded()) {
            params[d].record({input, kept[d].previous}, {gates_grad});
            continue;
          }
          if (needs[3 * d + 1]) out[3 * d + 1] = at::mm(gates_grad.t(), input);
          if (needs[3 * d + 2]) out[3 * d + 2] = at::mm(gates_grad.t(), kept[d].previous);
          if (needs[3 * d + 3]) out[3 * d + 3] = gates_grad.sum(0);
        }
        return out;
      },
      recorded);
}

LstmImpl::LstmImpl(const LstmOptions& options, core::ReproducibleRng& rng) : options_(options) {
  const std::int64_t hidden = options.hidden;
  for (const char* name : {"forward", "backward"}) {
    LstmWeights weights;
    const std::string prefix = std::string(name) + "_";
    weights.weight_ih =
        register_parameter(prefix + "weight_ih", glorot_tensor(4 * hidden, options.in, rng));
    weights.weight_hh =
        register_parameter(prefix + "weight_hh", orthogonal_gates(4, hidden, rng));
    at::Tensor bias = at::zeros({4 * hidden});
    bias.narrow(0, hidden, hidden).fill_(1);
    weights.bias = register_parameter(prefix + "bias", bias);
    directions.push_back(std::move(weights));
    if (!options.bidirectional) break;
  }
}

}  // namespace discreet::nn
