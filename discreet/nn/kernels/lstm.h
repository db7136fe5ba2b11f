#pragma once

#include <cstdint>

namespace discreet::nn::kernels {

/// One time step of one direction. Big arrays are in example order; `row` says where the step's
/// sequences stand in them. H: hidden; `back` is 1 reading forwards and -1 backwards, so that the
/// previous step of row n is n - back.
///
/// Shapes: gates [N,4H] (in: input part, out: activations), cell [N,H], recurrent [rows,4H],
/// state [rows,H] in time order (in: previous, out: new), previous [N,H] or null, output
/// [N, output_stride].
template <class T>
struct LstmForwardStep {
  std::int64_t rows, hidden, back;
  const std::int64_t* row;
  bool first;
  const T* recurrent;
  T* state;
  T* gates;
  T* cell;
  T* previous;
  T* output;
  std::int64_t output_stride;
  const T* zeros;  ///< 4H zeros
};

/// The same step backwards. gates (in: activations, out: their gradients before the non-linearity),
/// grads [rows,4H] (out: the same, in time order), state_grad and cell_grad [rows,H] (in: from the
/// following step, cell_grad out: to the previous one), output_grad [N, output_stride].
template <class T>
struct LstmBackwardStep {
  std::int64_t rows, hidden, back;
  const std::int64_t* row;
  bool first;
  T* gates;
  const T* cell;
  const T* output_grad;
  std::int64_t output_stride;
  const T* state_grad;
  T* cell_grad;
  T* grads;
  const T* zeros;
};

void lstm_forward_step(const LstmForwardStep<float>& step);
void lstm_forward_step(const LstmForwardStep<double>& step);
void lstm_backward_step(const LstmBackwardStep<float>& step);
void lstm_backward_step(const LstmBackwardStep<double>& step);

}  // namespace discreet::nn::kernels
