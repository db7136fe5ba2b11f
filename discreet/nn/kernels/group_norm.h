#pragma once

#include <cstdint>

namespace discreet::nn::kernels {

/// Normalises each sequence's values of one group of channels together.
///
/// Shapes: Q sequences with rows offsets[q] .. offsets[q+1]; G groups of width / G channels; x, y,
/// normalised [N, width]; gamma, beta [width]; inverse [Q, G] receives 1 / deviation.
template <class T>
struct GroupNormForward {
  std::int64_t sequences;
  const std::int64_t* offsets;
  std::int64_t width, groups;
  const T *x, *gamma, *beta;
  T *normalised, *y, *inverse;
  T epsilon;
};
void group_norm_forward(const GroupNormForward<float>& work);
void group_norm_forward(const GroupNormForward<double>& work);

/// dx from dy; the rest as above.
template <class T>
struct GroupNormBackward {
  std::int64_t sequences;
  const std::int64_t* offsets;
  std::int64_t width, groups;
  const T *dy, *gamma, *normalised, *inverse;
  T* dx;
};
void group_norm_backward(const GroupNormBackward<float>& work);
void group_norm_backward(const GroupNormBackward<double>& work);

}  // namespace discreet::nn::kernels
