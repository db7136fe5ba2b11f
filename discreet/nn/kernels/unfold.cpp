#include "discreet/nn/kernels/unfold.h"

#include <algorithm>

#include "discreet/nn/kernels/math.h"

namespace discreet::nn::kernels {
namespace {

/// Calls body(input row or -1, place in the windows) for each row of each window of one group.
template <class Body>
DISCREET_INLINE void for_windows(const Windows& w, std::int64_t group, const Body& body) {
  const std::int64_t part = w.channels / w.groups;
  std::int64_t place = group * w.to[w.sequences] * w.width * part;
  for (std::int64_t q = 0; q < w.sequences; ++q) {
    const std::int64_t first = w.from[q], last = w.from[q + 1];
    std::int64_t start = first - w.left;
    for (std::int64_t o = w.to[q]; o < w.to[q + 1]; ++o, start += w.stride) {
      for (std::int64_t k = 0; k < w.width; ++k, place += part) {
        const std::int64_t n = start + k * w.dilation;
        body(n >= first && n < last ? n : -1, place);
      }
    }
  }
}

template <class T>
void unfold_rows(const Windows& w, const T* x, T* windows) {
  const std::int64_t part = w.channels / w.groups;
  for (std::int64_t g = 0; g < w.groups; ++g) {
    for_windows(w, g, [&](std::int64_t n, std::int64_t place) {
      if (n < 0) {
        std::fill_n(windows + place, part, T{0});
      } else {
        std::copy_n(x + n * w.channels + g * part, part, windows + place);
      }
    });
  }
}

template <class T>
DISCREET_INLINE void fold_rows(const Windows& w, const T* windows, T* x) {
  const std::int64_t part = w.channels / w.groups;
  for (std::int64_t g = 0; g < w.groups; ++g) {
    for_windows(
        w, g, [&](std::int64_t n, std::int64_t place) __attribute__((always_inline)) {
          if (n < 0) return;
          T* __restrict to = x + n * w.channels + g * part;
          const T* __restrict from = windows + place;
          for (std::int64_t c = 0; c < part; ++c) to[c] += from[c];
        });
  }
}

}  // namespace

void unfold(const Windows& work, const float* x, float* windows) { unfold_rows(work, x, windows); }
void unfold(const Windows& work, const double* x, double* windows) {
  unfold_rows(work, x, windows);
}
DISCREET_CLONES void fold(const Windows& work, const float* windows, float* x) {
  fold_rows(work, windows, x);
}
DISCREET_CLONES void fold(const Windows& work, const double* windows, double* x) {
  fold_rows(work, windows, x);
}

}  // namespace discreet::nn::kernels
