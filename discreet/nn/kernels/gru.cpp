#include "discreet/nn/kernels/gru.h"

#include "discreet/nn/kernels/math.h"

namespace discreet::nn::kernels {
namespace {

template <class T>
DISCREET_INLINE void gru_forward(const GruForwardStep<T>& s) {
  const std::int64_t h = s.hidden;
  for (std::int64_t r = 0; r < s.rows; ++r) {
    const std::int64_t n = s.row[r];
    T* __restrict gates = s.gates + n * 3 * h;
    T* __restrict inner = s.inner != nullptr ? s.inner + n * 3 * h + 2 * h : s.scratch;
    T* __restrict output = s.output + n * s.output_stride;
    T* __restrict state = s.state + r * h;
    const T* __restrict recurrent = s.recurrent + r * 3 * h;
    const T* __restrict bias = s.inner_bias;
    if (s.previous != nullptr) {
      T* __restrict previous = s.previous + n * h;
      for (std::int64_t j = 0; j < h; ++j) previous[j] = state[j];
    }
    // The gates stand in one array, h apart: only the pragma tells that they do not overlap.
#pragma omp simd
    for (std::int64_t j = 0; j < h; ++j) {
      const T reset = sigmoid(gates[j] + recurrent[j]);
      const T update = sigmoid(gates[h + j] + recurrent[h + j]);
      const T own = recurrent[2 * h + j] + bias[j];
      const T candidate = fast_tanh(gates[2 * h + j] + reset * own);
      const T y = candidate + update * (state[j] - candidate);
      gates[j] = reset;
      gates[h + j] = update;
      gates[2 * h + j] = candidate;
      inner[j] = own;
      state[j] = y;
      output[j] = y;
    }
  }
}

template <class T>
DISCREET_INLINE void gru_backward(const GruBackwardStep<T>& s) {
  const std::int64_t h = s.hidden;
  for (std::int64_t r = 0; r < s.rows; ++r) {
    const std::int64_t n = s.row[r];
    T* __restrict gates = s.gates + n * 3 * h;
    T* __restrict inner = s.inner + n * 3 * h;
    T* __restrict grads = s.grads + r * 3 * h;
    T* __restrict state_grad = s.state_grad + r * h;
    const T* __restrict before = s.previous + n * h;
    const T* __restrict output_grad = s.output_grad + n * s.output_stride;
#pragma omp simd
    for (std::int64_t j = 0; j < h; ++j) {
      const T reset = gates[j], update = gates[h + j], candidate = gates[2 * h + j];
      const T own = inner[2 * h + j];
      const T dh = output_grad[j] + state_grad[j];
      const T d_candidate = dh * (T{1} - update) * (T{1} - candidate * candidate);
      const T d_reset = d_candidate * own * reset * (T{1} - reset);
      const T d_update = dh * (before[j] - candidate) * update * (T{1} - update);
      const T d_own = d_candidate * reset;
      state_grad[j] = dh * update;
      gates[j] = d_reset;
      gates[h + j] = d_update;
      gates[2 * h + j] = d_candidate;
      inner[j] = d_reset;
      inner[h + j] = d_update;
      inner[2 * h + j] = d_own;
      grads[j] = d_reset;
      grads[h + j] = d_update;
      grads[2 * h + j] = d_own;
    }
  }
}

}  // namespace

DISCREET_CLONES void gru_forward_step(const GruForwardStep<float>& step) { gru_forward(step); }
DISCREET_CLONES void gru_forward_step(const GruForwardStep<double>& step) { gru_forward(step); }
DISCREET_CLONES void gru_backward_step(const GruBackwardStep<float>& step) { gru_backward(step); }
DISCREET_CLONES void gru_backward_step(const GruBackwardStep<double>& step) { gru_backward(step); }

}  // namespace discreet::nn::kernels
