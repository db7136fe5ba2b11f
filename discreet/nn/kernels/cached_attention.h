#pragma once

#include <cstdint>

namespace discreet::nn::kernels {

/// Attention of one new token, all heads, over keys and values that lie scattered in a pool; for float
/// and double.
///
/// Shapes: h heads, k heads of keys and values (a divisor), each w wide; n places seen. query [h w];
/// keys, values [pool, k w]; slots [n]: rows of the pool, oldest first; bias [h, n], added to the scaled
/// scores, or null; out [h w]; scratch [n].
template <class T>
struct CachedAttention {
  std::int64_t heads, kv_heads, width, count;
  const T *query, *keys, *values;
  const std::int32_t* slots;
  const T* bias;
  T scale;
  T *out, *scratch;
};
void cached_attention(const CachedAttention<float>& work);
void cached_attention(const CachedAttention<double>& work);

}  // namespace discreet::nn::kernels
