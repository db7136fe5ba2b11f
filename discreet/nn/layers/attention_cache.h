#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Keys and values of tokens that a causal model has read, so that each token is computed once.
///
/// While a cache is current (AttentionCacheScope) the batch of a forward pass holds the next tokens of
/// rows: example e are those behind what row e has read. Causal attention then looks at all that the row
/// has read, and positions go on where it stopped; layers without a look at other tokens need not know.
/// No gradients: the pass must run under a NoGradGuard.
///
/// Tokens lie in one pool per attention layer, a row is a list of places in it: rows that begin alike
/// share them, and a row goes on from another at the cost of its list.
/// Invariant (test): logits equal those of a pass over whole texts.
class AttentionCache {
 public:
  /// Forgets everything; `rows` rows that have read nothing.
  void clear(std::int64_t rows);
  /// New row r is what row parents[r] was.
  void select(std::span<const std::int64_t> parents);
  /// Before each pass: row r reads offsets[r+1] - offsets[r] tokens.
  void begin(std::span<const std::int64_t> offsets);

  std::int64_t rows() const { return static_cast<std::int64_t>(slots_.size()); }
  /// Tokens that row r had read before this pass.
  std::int64_t before(std::int64_t row) const { return before_[static_cast<std::size_t>(row)]; }
  /// Whether no row had: attention among the new tokens is then all there is.
  bool is_first_pass() const { return first_pass_; }
  /// Each new token's place in its text, [N].
  std::vector<std::int64_t> positions() const;

  struct Heads {
    std::int64_t heads, kv_heads, width;
    double scale;
  };
  /// Writes the bias [heads, count] of a row's token at `position` over the places 0 .. count - 1.
  using Bias = std::function<at::Tensor(std::int64_t position, std::int64_t count)>;

  /// Keeps a layer's keys and values [N, kv_heads width] of the new tokens. Layers come in the same order
  /// in each pass.
  void append(const at::Tensor& keys, const at::Tensor& values);
  /// The same, and attends. Shapes: query [N, heads width]; returns the same.
  at::Tensor attend(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                    const Heads& heads, const Bias& bias = {});

  /// The cache of this thread's forward pass, or null.
  static AttentionCache* current();

 private:
  at::Tensor attend_by_operations(const at::Tensor& query, const Heads& heads,
                                  const std::vector<at::Tensor>& biases) const;

  struct Layer {
    at::Tensor keys, values;  // [capacity, kv_heads width]
  };
  std::vector<Layer> layers_;
  std::size_t next_layer_ = 0;
  std::vector<std::vector<std::int32_t>> slots_;
  std::vector<std::int64_t> before_, offsets_;
  std::int64_t used_ = 0, pass_begin_ = 0;
  bool first_pass_ = true;
};

/// Makes `cache` current on this thread for the scope's life.
class AttentionCacheScope {
 public:
  explicit AttentionCacheScope(AttentionCache& cache);
  ~AttentionCacheScope();
  AttentionCacheScope(const AttentionCacheScope&) = delete;
  AttentionCacheScope& operator=(const AttentionCacheScope&) = delete;

 private:
  AttentionCache* previous_;
};

/// Tokens that example e's row had read before this pass; 0 without a cache.
inline std::int64_t tokens_before(std::int64_t example) {
  const AttentionCache* cache = AttentionCache::current();
  return cache == nullptr ? 0 : cache->before(example);
}

/// The last row of each example of a packed batch, where a cache or a LastRowsScope is: only they are asked for the
/// next token. All rows without one.
at::Tensor rows_to_predict(const at::Tensor& rows, std::span<const std::int64_t> offsets);

}  // namespace discreet::nn
