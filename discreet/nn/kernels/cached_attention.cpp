#include "discreet/nn/kernels/cached_attention.h"

#include "discreet/nn/kernels/math.h"

namespace discreet::nn::kernels {
namespace {

template <class T>
DISCREET_INLINE void cached_attention_of(const CachedAttention<T>& w) {
  const std::int64_t stride = w.kv_heads * w.width, group = w.heads / w.kv_heads;
  for (std::int64_t h = 0; h < w.heads; ++h) {
    const T* __restrict q = w.query + h * w.width;
    const T* keys = w.keys + (h / group) * w.width;
    const T* values = w.values + (h / group) * w.width;
    T* __restrict p = w.scratch;
    for (std::int64_t j = 0; j < w.count; ++j) {
      const T* __restrict k = keys + w.slots[j] * stride;
      T sum = 0;
#pragma omp simd reduction(+ : sum)
      for (std::int64_t i = 0; i < w.width; ++i) sum += q[i] * k[i];
      p[j] = sum * w.scale;
    }
    if (w.bias != nullptr) {
      const T* __restrict bias = w.bias + h * w.count;
      for (std::int64_t j = 0; j < w.count; ++j) p[j] += bias[j];
    }
    const T top = row_maximum(p, w.count);
    T total = 0;
#pragma omp simd reduction(+ : total)
    for (std::int64_t j = 0; j < w.count; ++j) {
      p[j] = fast_exp(p[j] - top);
      total += p[j];
    }
    T* __restrict out = w.out + h * w.width;
    for (std::int64_t i = 0; i < w.width; ++i) out[i] = 0;
    for (std::int64_t j = 0; j < w.count; ++j) {
      const T* __restrict v = values + w.slots[j] * stride;
      const T share = p[j] / total;
      for (std::int64_t i = 0; i < w.width; ++i) out[i] += share * v[i];
    }
  }
}

}  // namespace

DISCREET_CLONES void cached_attention(const CachedAttention<float>& work) {
  cached_attention_of(work);
}
DISCREET_CLONES void cached_attention(const CachedAttention<double>& work) {
  cached_attention_of(work);
}

}  // namespace discreet::nn::kernels
