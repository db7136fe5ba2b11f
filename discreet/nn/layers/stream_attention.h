#pragma once

#include <vector>

#include "discreet/nn/layers/attention_dropout.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Which rows of keys and values the rows of queries look at: those of example e, offsets[e] ..
/// offsets[e+1], at the `lengths[e]` rows from `firsts[e]` on. Several may look at the same ones.
struct AttentionSpans {
  std::vector<std::int64_t> offsets;          ///< [B+1] over the queries
  std::vector<std::int64_t> firsts, lengths;  ///< [B] over keys and values

  /// Each example's rows at its own.
  static AttentionSpans within(const std::vector<std::int64_t>& offsets);
  static AttentionSpans between(const std::vector<std::int64_t>& queries,
                                const std::vector<std::int64_t>& keys);
};

/// Distances in buckets, as T5 has them: the near ones alone, the far ones in steps that grow like their
/// logarithm up to `farthest`; `both_ways` splits the buckets between what stands before and behind.
/// Ref: Raffel et al. 2020, section 2.1.
struct RelativeBuckets {
  std::int64_t count = 32;
  std::int64_t farthest = 128;
  bool both_ways = true;
  /// Of a key `distance` places behind the query (negative: before it).
  std::int64_t bucket(std::int64_t distance) const;
};

struct StreamAttentionOptions {
  std::int64_t heads;
  bool causal = false;  ///< needs spans `within`
  double scale = 0;     ///< of the scores; 0: 1 / sqrt(width of a head)
  RelativeBuckets buckets{};  ///< where there is a bias
  AttentionDropout dropout{};  ///< of the weights
};

/// Attention between two packed streams, exact for each pair of lengths. Has no parameters.
///
/// Shapes: h heads of width w; query [Nq,h w]; keys_values [Nk,2 h w], keys left; bias [B,buckets,h], a
/// table for each example, added to the scaled scores, or undefined, or [1,buckets,h] for all; returns
/// [Nq,h w]. A query without keys gets zeros. Gradients go to all three: a bias that is a look-up of one
/// table per example (nn/layers/embedding.h) is recorded as such, for all layers that share it.
/// While an AttentionCache is current, causal attention goes over all that its rows have read.
/// Cost: keeps the attention weights.
at::Tensor stream_attention(const at::Tensor& query, const at::Tensor& keys_values,
                            const AttentionSpans& spans, const StreamAttentionOptions& options,
                            const at::Tensor& bias = {});

}  // namespace discreet::nn
