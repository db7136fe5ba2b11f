#pragma once

#include <cstdint>

namespace discreet::nn::kernels {

/// One time step of one direction. Big arrays are in example order; `row` says where the step's
/// sequences stand in them. H: hidden.
///
/// Shapes: gates [N,3H] in the order reset, update, candidate (in: input part with the biases that
/// simply add up, out: activations); inner [N,3H] of which the last third is written: the state's
/// part of the candidate before the reset gate, bias included; recurrent [rows,3H]; state [rows,H]
/// in time order (in: previous, zeros at first; out: new); previous [N,H]; output
/// [N, output_stride]; inner_bias [H]. `inner` and `previous` are for the backward pass, or null.
template <class T>
struct GruForwardStep {
  std::int64_t rows, hidden;
  const std::int64_t* row;
  const T* recurrent;
  const T* inner_bias;
  T* state;
  T* gates;
  T* inner;
  T* previous;
  T* output;
  std::int64_t output_stride;
  T* scratch;  ///< H values
};

/// The same step backwards. gates (in: activations, out: gradients before the non-linearity on the
/// input's side), inner (in: as above, out: the same gradients on the state's side, which differ in
/// the candidate), grads [rows,3H] (out: the latter, in time order), previous [N,H] as kept,
/// state_grad [rows,H] (in: from the following step, out: what passes by the gates to the previous
/// one), output_grad [N, output_stride].
template <class T>
struct GruBackwardStep {
  std::int64_t rows, hidden;
  const std::int64_t* row;
  T* gates;
  T* inner;
  const T* previous;
  const T* output_grad;
  std::int64_t output_stride;
  T* state_grad;
  T* grads;
};

void gru_forward_step(const GruForwardStep<float>& step);
void gru_forward_step(const GruForwardStep<double>& step);
void gru_backward_step(const GruBackwardStep<float>& step);
void gru_backward_step(const GruBackwardStep<double>& step);

}  // namespace discreet::nn::kernels
