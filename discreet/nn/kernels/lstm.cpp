#include "discreet/nn/kernels/lstm.h"

#include "discreet/nn/kernels/math.h"

namespace discreet::nn::kernels {
namespace {

template <class T>
DISCREET_INLINE void forward_step(const LstmForwardStep<T>& s) {
  const std::int64_t h = s.hidden;
  for (std::int64_t r = 0; r < s.rows; ++r) {
    const std::int64_t n = s.row[r];
    T* __restrict gates = s.gates + n * 4 * h;
    T* __restrict cell = s.cell + n * h;
    T* __restrict output = s.output + n * s.output_stride;
    T* __restrict state = s.state + r * h;
    const T* __restrict recurrent = s.first ? s.zeros : s.recurrent + r * 4 * h;
    const T* __restrict cell_before = s.first ? s.zeros : s.cell + (n - s.back) * h;
    if (s.previous != nullptr) {
      T* __restrict previous = s.previous + n * h;
      const T* __restrict before = s.first ? s.zeros : state;
      for (std::int64_t j = 0; j < h; ++j) previous[j] = before[j];
    }
    // The four gates stand in one array, h apart: only the pragma tells that they do not overlap.
#pragma omp simd
    for (std::int64_t j = 0; j < h; ++j) {
      const T in = sigmoid(gates[j] + recurrent[j]);
      const T forget = sigmoid(gates[h + j] + recurrent[h + j]);
      const T candidate = fast_tanh(gates[2 * h + j] + recurrent[2 * h + j]);
      const T out = sigmoid(gates[3 * h + j] + recurrent[3 * h + j]);
      const T c = forget * cell_before[j] + in * candidate;
      const T y = out * fast_tanh(c);
      gates[j] = in;
      gates[h + j] = forget;
      gates[2 * h + j] = candidate;
      gates[3 * h + j] = out;
      cell[j] = c;
      state[j] = y;
      output[j] = y;
    }
  }
}

template <class T>
DISCREET_INLINE void backward_step(const LstmBackwardStep<T>& s) {
  const std::int64_t h = s.hidden;
  for (std::int64_t r = 0; r < s.rows; ++r) {
    const std::int64_t n = s.row[r];
    T* __restrict gates = s.gates + n * 4 * h;
    T* __restrict grads = s.grads + r * 4 * h;
    T* __restrict cell_grad = s.cell_grad + r * h;
    const T* __restrict cell = s.cell + n * h;
    const T* __restrict cell_before = s.first ? s.zeros : s.cell + (n - s.back) * h;
    const T* __restrict output_grad = s.output_grad + n * s.output_stride;
    const T* __restrict state_grad = s.state_grad + r * h;
#pragma omp simd
    for (std::int64_t j = 0; j < h; ++j) {
      const T in = gates[j], forget = gates[h + j], candidate = gates[2 * h + j];
      const T out = gates[3 * h + j];
      const T squashed = fast_tanh(cell[j]);
      const T dh = output_grad[j] + state_grad[j];
      const T dc = cell_grad[j] + dh * out * (T{1} - squashed * squashed);
      const T d_in = dc * candidate * in * (T{1} - in);
      const T d_forget = dc * cell_before[j] * forget * (T{1} - forget);
      const T d_candidate = dc * in * (T{1} - candidate * candidate);
      const T d_out = dh * squashed * out * (T{1} - out);
      cell_grad[j] = dc * forget;
      gates[j] = d_in;
      gates[h + j] = d_forget;
      gates[2 * h + j] = d_candidate;
      gates[3 * h + j] = d_out;
      grads[j] = d_in;
      grads[h + j] = d_forget;
      grads[2 * h + j] = d_candidate;
      grads[3 * h + j] = d_out;
    }
  }
}

}  // namespace

DISCREET_CLONES void lstm_forward_step(const LstmForwardStep<float>& step) { forward_step(step); }
DISCREET_CLONES void lstm_forward_step(const LstmForwardStep<double>& step) { forward_step(step); }
DISCREET_CLONES void lstm_backward_step(const LstmBackwardStep<float>& step) {
  backward_step(step);
}
DISCREET_CLONES void lstm_backward_step(const LstmBackwardStep<double>& step) {
  backward_step(step);
}

}  // namespace discreet::nn::kernels
