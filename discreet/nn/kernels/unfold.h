#pragma once

#include <cstdint>

namespace discreet::nn::kernels {

/// Windows over sequences of rows. Output row o of a sequence looks at the input rows
/// o stride - left + k dilation, k = 0 .. width - 1, of the same sequence; zeros beyond its ends.
///
/// Shapes: Q sequences; from [Q+1] and to [Q+1] say where they stand before and after; x [N,
/// channels]; windows [groups, N', width x channels / groups], a window's rows one after the other.
struct Windows {
  std::int64_t sequences;
  const std::int64_t* from;
  const std::int64_t* to;
  std::int64_t width, stride, dilation, left;
  std::int64_t channels, groups;
};

/// Writes the windows.
void unfold(const Windows& work, const float* x, float* windows);
void unfold(const Windows& work, const double* x, double* windows);

/// Adds each window's values back to the rows that they came from.
void fold(const Windows& work, const float* windows, float* x);
void fold(const Windows& work, const double* windows, double* x);

}  // namespace discreet::nn::kernels
