#include <algorithm>
#include <numeric>

#include "discreet/nn/gemm.h"
#include "discreet/nn/kernels/lstm.h"
#include "discreet/nn/stacked/pass.h"

// The LSTM layers of a pass. A model's steps follow each other without a break, so that its state
// weights stay in the cache.
namespace discreet::nn::stacked {

void Pass::order_in_time() {
  const std::size_t examples = offsets_.size() - 1;
  std::vector<std::int64_t> order(examples);
  std::iota(order.begin(), order.end(), 0);
  const auto length = [&](std::int64_t e) {
    return offsets_[static_cast<std::size_t>(e) + 1] - offsets_[static_cast<std::size_t>(e)];
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return length(a) > length(b); });
  walk_.rows.clear();
  walk_.rows_reversed.clear();
  walk_.sizes.clear();
  std::size_t alive = examples;
  for (std::int64_t step = 0; static_cast<std::int64_t>(walk_.rows.size()) < offsets_.back();
       ++step) {
    while (alive > 0 && length(order[alive - 1]) <= step) --alive;
    walk_.sizes.push_back(static_cast<std::int64_t>(alive));
    for (std::size_t i = 0; i < alive; ++i) {
      walk_.rows.push_back(offsets_[static_cast<std::size_t>(order[i])] + step);
      walk_.rows_reversed.push_back(offsets_[static_cast<std::size_t>(order[i]) + 1] - 1 - step);
    }
  }
}

void Pass::run_lstm(std::span<float* const> parameters, std::size_t layer) {
  const std::int64_t tokens = offsets_.back();
  const auto& directions = shape_.lstm[layer];
  const std::int64_t h = directions.front().hidden;
  const auto width = h * static_cast<std::int64_t>(directions.size());
  sequences_[layer + 1].resize(static_cast<std::size_t>(tokens * width));
  if (tokens == 0) return;
  const std::int64_t widest = walk_.sizes.front();
  for (std::size_t d = 0; d < directions.size(); ++d) {
    const LstmPlace& place = directions[d];
    LstmState& kept = states_[layer][d];
    kept.gates.resize(static_cast<std::size_t>(tokens * 4 * h));
    kept.cell.resize(static_cast<std::size_t>(tokens * h));
    kept.previous.resize(static_cast<std::size_t>(tokens * h));
    for (std::int64_t n = 0; n < tokens; ++n) {
      std::copy_n(parameters[place.bias], 4 * h, kept.gates.data() + n * 4 * h);
    }
    gemm<float>({tokens, 4 * h, place.in}, {sequences_[layer].data(), place.in},
                {parameters[place.weight_ih], place.in, true}, kept.gates.data(), 4 * h, 1, 1);
    auto& [state, recurrent, zeros, unused] = scratch_;
    state.assign(static_cast<std::size_t>(widest * h), 0.0F);
    recurrent.resize(static_cast<std::size_t>(widest * 4 * h));
    zeros.assign(static_cast<std::size_t>(4 * h), 0.0F);
    kernels::LstmForwardStep<float> step{
        0,
        h,
        d == 0 ? 1 : -1,
        (d == 0 ? walk_.rows : walk_.rows_reversed).data(),
        true,
        recurrent.data(),
        state.data(),
        kept.gates.data(),
        kept.cell.data(),
        kept.previous.data(),
        sequences_[layer + 1].data() + static_cast<std::int64_t>(d) * h,
        width,
        zeros.data()};
    for (const std::int64_t rows : walk_.sizes) {
      step.rows = rows;
      if (!step.first) {
        gemm<float>({rows, 4 * h, h}, {state.data(), h}, {parameters[place.weight_hh], h, true},
                    recurrent.data(), 4 * h);
      }
      kernels::lstm_forward_step(step);
      step.row += rows;
      step.first = false;
    }
  }
}

void Pass::run_lstm_back(std::span<float* const> parameters, std::size_t layer) {
  const std::int64_t tokens = offsets_.back();
  const auto& directions = shape_.lstm[layer];
  const std::int64_t h = directions.front().hidden, in = directions.front().in;
  const auto width = h * static_cast<std::int64_t>(directions.size());
  const bool deeper = layer > 0 || shape_.table;
  if (deeper) sequence_grads_[layer].resize(static_cast<std::size_t>(tokens * in));
  for (std::size_t d = 0; d < directions.size(); ++d) {
    const LstmPlace& place = directions[d];
    LstmState& kept = states_[layer][d];
    if (tokens > 0) {
      const auto widest = static_cast<std::size_t>(walk_.sizes.front() * h);
      auto& [state_grad, cell_grad, grads, zeros] = scratch_;
      state_grad.assign(widest, 0.0F);
      cell_grad.assign(widest, 0.0F);
      grads.resize(4 * widest);
      zeros.assign(static_cast<std::size_t>(4 * h), 0.0F);
      kernels::LstmBackwardStep<float> step{
          0,
          h,
          d == 0 ? 1 : -1,
          (d == 0 ? walk_.rows : walk_.rows_reversed).data() + tokens,
          false,
          kept.gates.data(),
          kept.cell.data(),
          sequence_grads_[layer + 1].data() + static_cast<std::int64_t>(d) * h,
          width,
          state_grad.data(),
          cell_grad.data(),
          grads.data(),
          zeros.data()};
      for (std::size_t t = walk_.sizes.size(); t-- > 0;) {
        step.rows = walk_.sizes[t];
        step.row -= step.rows;
        step.first = t == 0;
        kernels::lstm_backward_step(step);
        if (t > 0) {
          gemm<float>({step.rows, h, 4 * h}, {grads.data(), 4 * h},
                      {parameters[place.weight_hh], h}, state_grad.data(), h);
        }
      }
      if (deeper) {
        gemm<float>({tokens, in, 4 * h}, {kept.gates.data(), 4 * h},
                    {parameters[place.weight_ih], in}, sequence_grads_[layer].data(), in, 1,
                    d == 0 ? 0.0F : 1.0F);
      }
    }
    uses_.push_back({Use::Kind::kLstm, place.weight_ih, true, in, 4 * h, sequences_[layer].data(),
                     kept.previous.data(), kept.gates.data()});
  }
}

}  // namespace discreet::nn::stacked
