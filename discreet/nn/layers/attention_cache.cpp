#include "discreet/nn/layers/attention_cache.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "discreet/core/error.h"
#include "discreet/nn/device.h"
#include "discreet/nn/kernels/cached_attention.h"
#include "discreet/nn/last_rows.h"

namespace discreet::nn {
namespace {

thread_local AttentionCache* active_cache = nullptr;

/// `tensor` with at least `rows` rows; the first `kept` keep their values.
void grow_rows(at::Tensor& tensor, std::int64_t rows, std::int64_t kept, const at::Tensor& like) {
  if (tensor.defined() && tensor.size(0) >= rows) return;
  const std::int64_t capacity = std::max<std::int64_t>({rows, 256, tensor.defined() ? 2 * tensor.size(0) : 0});
  at::Tensor grown = at::empty({capacity, like.size(1)}, like.options());
  if (tensor.defined() && kept > 0) grown.narrow(0, 0, kept).copy_(tensor.narrow(0, 0, kept));
  tensor = grown;
}

}  // namespace

AttentionCache* AttentionCache::current() { return active_cache; }

AttentionCacheScope::AttentionCacheScope(AttentionCache& cache) : previous_(active_cache) {
  active_cache = &cache;
}
AttentionCacheScope::~AttentionCacheScope() { active_cache = previous_; }

void AttentionCache::clear(std::int64_t rows) {
  slots_.assign(static_cast<std::size_t>(rows), {});
  used_ = 0;
}

void AttentionCache::select(std::span<const std::int64_t> parents) {
  std::vector<std::vector<std::int32_t>> next;
  next.reserve(parents.size());
  std::vector<std::int64_t> children(slots_.size());
  for (const std::int64_t parent : parents) ++children.at(static_cast<std::size_t>(parent));
  for (const std::int64_t parent : parents) {
    auto& list = slots_[static_cast<std::size_t>(parent)];
    if (--children[static_cast<std::size_t>(parent)] == 0) {
      next.push_back(std::move(list));
    } else {
      next.push_back(list);
    }
  }
  slots_ = std::move(next);

  // Tokens that no row goes on from are let go once they are more than half of what is kept.
  constexpr std::int64_t kFewTokens = 512;
  if (used_ < kFewTokens) return;
  std::vector<std::int32_t> place(static_cast<std::size_t>(used_), -1);
  for (const auto& list : slots_) {
    for (const std::int32_t slot : list) place[static_cast<std::size_t>(slot)] = 0;
  }
  std::vector<std::int64_t> kept;
  for (std::size_t slot = 0; slot < place.size(); ++slot) {
    if (place[slot] < 0) continue;
    place[slot] = static_cast<std::int32_t>(kept.size());
    kept.push_back(static_cast<std::int64_t>(slot));
  }
  if (2 * static_cast<std::int64_t>(kept.size()) > used_) return;
  for (auto& list : slots_) {
    for (std::int32_t& slot : list) slot = place[static_cast<std::size_t>(slot)];
  }
  const at::Tensor rows = at::tensor(kept, at::kLong);
  for (Layer& layer : layers_) {
    layer.keys = layer.keys.index_select(0, rows.to(layer.keys.device()));
    layer.values = layer.values.index_select(0, rows.to(layer.values.device()));
  }
  used_ = static_cast<std::int64_t>(kept.size());
}

void AttentionCache::begin(std::span<const std::int64_t> offsets) {
  if (offsets.size() != slots_.size() + 1) {
    throw internal_error("a batch of " + std::to_string(offsets.size()) + " - 1 examples for a cache of " +
                         std::to_string(slots_.size()) + " rows");
  }
  if (at::GradMode::is_enabled()) throw internal_error("a cache of attention has no gradients");
  offsets_.assign(offsets.begin(), offsets.end());
  before_.clear();
  first_pass_ = true;
  pass_begin_ = used_;
  for (std::size_t r = 0; r < slots_.size(); ++r) {
    before_.push_back(static_cast<std::int64_t>(slots_[r].size()));
    first_pass_ = first_pass_ && slots_[r].empty();
    for (std::int64_t n = offsets[r]; n < offsets[r + 1]; ++n) {
      slots_[r].push_back(static_cast<std::int32_t>(pass_begin_ + n));
    }
  }
  used_ += offsets.back();
  next_layer_ = 0;
}

std::vector<std::int64_t> AttentionCache::positions() const {
  std::vector<std::int64_t> places;
  for (std::size_t r = 0; r + 1 < offsets_.size(); ++r) {
    for (std::int64_t n = offsets_[r]; n < offsets_[r + 1]; ++n) {
      places.push_back(before_[r] + n - offsets_[r]);
    }
  }
  return places;
}

void AttentionCache::append(const at::Tensor& keys, const at::Tensor& values) {
  if (next_layer_ == layers_.size()) layers_.emplace_back();
  Layer& layer = layers_[next_layer_++];
  grow_rows(layer.keys, used_, pass_begin_, keys);
  grow_rows(layer.values, used_, pass_begin_, values);
  layer.keys.narrow(0, pass_begin_, keys.size(0)).copy_(keys);
  layer.values.narrow(0, pass_begin_, values.size(0)).copy_(values);
}

at::Tensor AttentionCache::attend(const at::Tensor& query, const at::Tensor& keys,
                                  const at::Tensor& values, const Heads& heads, const Bias& bias) {
  append(keys, values);
  const Layer& layer = layers_[next_layer_ - 1];
  const at::Tensor q = query.contiguous();
  at::Tensor out = at::empty_like(q);
  std::vector<at::Tensor> biases(static_cast<std::size_t>(q.size(0)));
  at::Tensor last;  // rows often stand at one place
  for (std::size_t r = 0; bias && r < slots_.size(); ++r) {
    for (std::int64_t n = offsets_[r]; n < offsets_[r + 1]; ++n) {
      const std::int64_t position = before_[r] + n - offsets_[r];
      if (!last.defined() || last.size(1) != position + 1) {
        last = bias(position, position + 1).to(q.options()).contiguous();
      }
      biases[static_cast<std::size_t>(n)] = last;
    }
  }
  if (!has_kernels(q)) return attend_by_operations(q, heads, biases);
  AT_DISPATCH_FLOATING_TYPES(q.scalar_type(), "cached_attention", [&] {
    const auto rows = static_cast<std::int64_t>(slots_.size());
    const std::int64_t wide = heads.heads * heads.width;
    const auto* queries = q.const_data_ptr<scalar_t>();
    auto* to = out.data_ptr<scalar_t>();
    at::parallel_for(0, rows, 8, [&](std::int64_t from, std::int64_t until) {
      std::vector<scalar_t> scratch;
      for (std::int64_t r = from; r < until; ++r) {
        const auto& list = slots_[static_cast<std::size_t>(r)];
        scratch.resize(std::max(scratch.size(), list.size()));
        for (std::int64_t n = offsets_[r]; n < offsets_[r + 1]; ++n) {
          const at::Tensor& b = biases[static_cast<std::size_t>(n)];
          kernels::cached_attention(kernels::CachedAttention<scalar_t>{
              heads.heads, heads.kv_heads, heads.width,
              before_[static_cast<std::size_t>(r)] + n - offsets_[r] + 1, queries + n * wide,
              layer.keys.const_data_ptr<scalar_t>(), layer.values.const_data_ptr<scalar_t>(), list.data(),
              b.defined() ? b.const_data_ptr<scalar_t>() : nullptr, static_cast<scalar_t>(heads.scale),
              to + n * wide, scratch.data()});
        }
      }
    });
  });
  return out;
}

/// For devices without kernels of our own: what each token looks at, padded to the most, in one call.
at::Tensor AttentionCache::attend_by_operations(const at::Tensor& q, const Heads& heads,
                                                const std::vector<at::Tensor>& biases) const {
  const Layer& layer = layers_[next_layer_ - 1];
  const std::int64_t tokens = q.size(0);
  std::vector<std::int64_t> counts;
  std::int64_t most = 0;
  for (std::size_t r = 0; r < slots_.size(); ++r) {
    for (std::int64_t n = offsets_[r]; n < offsets_[r + 1]; ++n) {
      counts.push_back(before_[r] + n - offsets_[r] + 1);
      most = std::max(most, counts.back());
    }
  }
  if (tokens == 0) return at::empty_like(q);
  std::vector<std::int64_t> places;
  std::size_t token = 0;
  for (std::size_t r = 0; r < slots_.size(); ++r) {
    for (std::int64_t n = offsets_[r]; n < offsets_[r + 1]; ++n) {
      const std::int64_t count = counts[token++];
      places.insert(places.end(), slots_[r].begin(), slots_[r].begin() + count);
      places.resize(token * static_cast<std::size_t>(most));
    }
  }
  const at::Tensor place = at::tensor(places, at::kLong).to(q.device());
  const auto seen = [&](const at::Tensor& pool) {  // [N, h, C, w]
    return pool.index_select(0, place)
        .view({tokens, most, heads.kv_heads, heads.width})
        .transpose(1, 2)
        .repeat_interleave(heads.heads / heads.kv_heads, 1);
  };
  at::Tensor scores =
      at::matmul(q.view({tokens, heads.heads, 1, heads.width}), seen(layer.keys).transpose(2, 3)) * heads.scale;
  for (std::int64_t n = 0; n < tokens; ++n) {
    const at::Tensor& bias = biases[static_cast<std::size_t>(n)];
    if (bias.defined()) scores[n].narrow(2, 0, bias.size(1)).add_(bias.unsqueeze(1));
  }
  const at::Tensor numbers = at::arange(most, at::TensorOptions(at::kLong).device(q.device()));
  const at::Tensor beyond = numbers.view({1, 1, 1, most}) >=
                            at::tensor(counts, at::kLong).to(q.device()).view({tokens, 1, 1, 1});
  return at::matmul(scores.masked_fill(beyond, -INFINITY).softmax(3), seen(layer.values)).view(q.sizes());
}

at::Tensor rows_to_predict(const at::Tensor& rows, std::span<const std::int64_t> offsets) {
  if (AttentionCache::current() == nullptr && !LastRowsScope::lives()) return rows;
  const auto examples = static_cast<std::int64_t>(offsets.size()) - 1;
  if (rows.size(0) == examples) return rows;
  std::vector<std::int64_t> last;
  for (std::size_t e = 1; e < offsets.size(); ++e) last.push_back(offsets[e] - 1);
  return rows.index_select(0, at::tensor(last, at::kLong).to(rows.device()));
}

}  // namespace discreet::nn
