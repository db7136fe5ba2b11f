#include "discreet/nn/layers/stream_attention.h"

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/nn/gemm.h"
#include "discreet/nn/device.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/kernels/rows.h"
#include "discreet/nn/layers/attention_cache.h"

// Legend: h heads of width w; example e has L queries and M keys; weights per example and head [L,M].

namespace discreet::nn {
namespace {

struct SpanPlan {
  AttentionSpans spans;
  std::int64_t heads, part;
  bool causal;
  double scale;
  AttentionDropout dropout;
  std::vector<std::int64_t> starts{0};  // where an example's weights begin
  std::vector<std::int64_t> bucket_of;  // of distance + reach
  std::int64_t reach = 0, buckets = 0, tables = 0;

  std::int64_t width() const { return heads * part; }
  std::int64_t bucket(std::int64_t query, std::int64_t key) const {
    return bucket_of[static_cast<std::size_t>(key - query + reach)];
  }
};

SpanPlan plan_spans(const at::Tensor& query, const AttentionSpans& spans,
                    const StreamAttentionOptions& options, const at::Tensor& bias) {
  if (options.heads < 1 || query.size(1) % options.heads != 0) {
    throw internal_error("attention of width " + std::to_string(query.size(1)) + " with " +
                         std::to_string(options.heads) + " heads");
  }
  SpanPlan plan{spans, options.heads, query.size(1) / options.heads, options.causal, options.scale,
                options.dropout};
  if (plan.scale == 0) plan.scale = 1 / std::sqrt(static_cast<double>(plan.part));
  for (std::size_t e = 0; e < spans.firsts.size(); ++e) {
    const std::int64_t length = spans.offsets[e + 1] - spans.offsets[e];
    plan.starts.push_back(plan.starts.back() + plan.heads * length * spans.lengths[e]);
    plan.reach = std::max({plan.reach, length, spans.lengths[e]});
  }
  if (!bias.defined()) return plan;
  plan.tables = bias.size(0);
  plan.buckets = bias.size(1);
  for (std::int64_t d = -plan.reach; d <= plan.reach; ++d) {
    plan.bucket_of.push_back(options.buckets.bucket(d));
  }
  return plan;
}

/// Calls body(example, head, queries, keys) for each with both; over examples in parallel where they
/// write to rows of their own.
template <class Body>
void for_each_pair(const SpanPlan& plan, bool parallel, const Body& body) {
  const auto examples = static_cast<std::int64_t>(plan.spans.firsts.size());
  at::parallel_for(0, examples, parallel ? 1 : std::max<std::int64_t>(examples, 1),
                   [&](std::int64_t from, std::int64_t to) {
                     for (std::int64_t e = from; e < to; ++e) {
                       const std::int64_t queries = plan.spans.offsets[e + 1] - plan.spans.offsets[e];
                       const std::int64_t keys = plan.spans.lengths[e];
                       if (queries == 0 || keys == 0) continue;
                       for (std::int64_t h = 0; h < plan.heads; ++h) body(e, h, queries, keys);
                     }
                   });
}

/// Tables that several examples share are added to by all of them: one thread.
bool shares_rows(const SpanPlan& plan, bool bias_gradient) {
  if (bias_gradient && plan.tables == 1 && plan.spans.firsts.size() > 1) return true;
  std::int64_t end = 0;
  for (std::size_t e = 0; e < plan.spans.firsts.size(); ++e) {
    if (plan.spans.firsts[e] < end) return true;
    end = plan.spans.firsts[e] + plan.spans.lengths[e];
  }
  return false;
}

/// `from` times the mask of that example and head.
template <class T>
void drop_spans(const SpanPlan& plan, std::int64_t e, std::int64_t h, std::int64_t count, const T* from, T* to) {
  const float* factors = attention_factors(plan.dropout, e, h, count);
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[i] * static_cast<T>(factors[i]);
}

template <class T>
void forward_spans(const SpanPlan& plan, const T* q, const T* kv, const T* bias, T* weights, T* out) {
  const std::int64_t width = plan.width(), part = plan.part;
  for_each_pair(plan, true, [&](std::int64_t e, std::int64_t h, std::int64_t queries, std::int64_t keys) {
    const T* query = q + plan.spans.offsets[e] * width + h * part;
    const T* key = kv + plan.spans.firsts[e] * 2 * width + h * part;
    T* p = weights + plan.starts[e] + h * queries * keys;
    gemm<T>({queries, keys, part}, {query, width}, {key, 2 * width, true}, p, keys,
            static_cast<T>(plan.scale));
    const T* table = bias == nullptr ? nullptr
                                     : bias + (plan.tables == 1 ? 0 : e) * plan.buckets * plan.heads + h;
    for (std::int64_t t = 0; t < queries; ++t) {
      T* row = p + t * keys;
      const std::int64_t seen = plan.causal ? t + 1 : keys;
      for (std::int64_t s = 0; table != nullptr && s < seen; ++s) {
        row[s] += table[plan.bucket(t, s) * plan.heads];
      }
      kernels::softmax(row, 1, seen, T{1});
      std::fill(row + seen, row + keys, T{0});
    }
    thread_local std::vector<T> dropped;
    if (plan.dropout.on()) {
      dropped.resize(std::max(dropped.size(), static_cast<std::size_t>(queries * keys)));
      drop_spans(plan, e, h, queries * keys, p, dropped.data());
      p = dropped.data();
    }
    gemm<T>({queries, part, keys}, {p, keys}, {key + width, 2 * width},
            out + plan.spans.offsets[e] * width + h * part, width);
  });
}

/// Gradients start as zeros: rows of keys may be looked at by several examples, or none.
template <class T>
void backward_spans(const SpanPlan& plan, const T* q, const T* kv, const T* weights, const T* dout, T* dq,
                    T* dkv, T* dbias) {
  const std::int64_t width = plan.width(), part = plan.part;
  const bool parallel = !shares_rows(plan, dbias != nullptr);
  for_each_pair(plan, parallel, [&](std::int64_t e, std::int64_t h, std::int64_t queries, std::int64_t keys) {
    thread_local std::vector<T> scratch;
    scratch.resize(std::max<std::size_t>(scratch.size(), static_cast<std::size_t>(queries * keys)));
    T* ds = scratch.data();
    const std::int64_t query = plan.spans.offsets[e] * width + h * part;
    const std::int64_t key = plan.spans.firsts[e] * 2 * width + h * part;
    const T* p = weights + plan.starts[e] + h * queries * keys;
    const T* dy = dout + query;
    const auto scale = static_cast<T>(plan.scale);
    thread_local std::vector<T> dropped;
    const T* used = p;
    if (plan.dropout.on()) {
      dropped.resize(std::max(dropped.size(), static_cast<std::size_t>(queries * keys)));
      drop_spans(plan, e, h, queries * keys, p, dropped.data());
      used = dropped.data();
    }
    gemm<T>({keys, part, queries}, {used, keys, true}, {dy, width}, dkv + key + width, 2 * width, T{1}, T{1});
    gemm<T>({queries, keys, part}, {dy, width}, {kv + key + width, 2 * width, true}, ds, keys);
    if (plan.dropout.on()) drop_spans(plan, e, h, queries * keys, ds, ds);
    T* table = dbias == nullptr ? nullptr
                                : dbias + (plan.tables == 1 ? 0 : e) * plan.buckets * plan.heads + h;
    for (std::int64_t t = 0; t < queries; ++t) {
      const std::int64_t seen = plan.causal ? t + 1 : keys;
      T* row = ds + t * keys;
      kernels::softmax_backward(p + t * keys, row, 1, seen, T{1});
      std::fill(row + seen, row + keys, T{0});
      for (std::int64_t s = 0; table != nullptr && s < seen; ++s) {
        table[plan.bucket(t, s) * plan.heads] += row[s];
      }
    }
    gemm<T>({queries, part, keys}, {ds, keys}, {kv + key, 2 * width}, dq + query, width, scale);
    gemm<T>({keys, part, queries}, {ds, keys, true}, {q + query, width}, dkv + key, 2 * width, scale, T{1});
  });
}

/// For devices without kernels of our own; differentiated by autograd.
at::Tensor spans_by_operations(const at::Tensor& query, const at::Tensor& keys_values,
                               const SpanPlan& plan, const at::Tensor& bias) {
  std::vector<at::Tensor> parts;
  for (std::size_t e = 0; e < plan.spans.firsts.size(); ++e) {
    const std::int64_t queries = plan.spans.offsets[e + 1] - plan.spans.offsets[e];
    const std::int64_t keys = plan.spans.lengths[e];
    if (queries == 0) continue;
    const at::Tensor q = query.narrow(0, plan.spans.offsets[e], queries);
    if (keys == 0) {
      parts.push_back(at::zeros_like(q));
      continue;
    }
    const at::Tensor kv = keys_values.narrow(0, plan.spans.firsts[e], keys);
    const auto heads = [&](const at::Tensor& rows) {
      return rows.reshape({rows.size(0), plan.heads, plan.part}).transpose(0, 1);
    };
    at::Tensor scores = at::bmm(heads(q), heads(kv.narrow(1, 0, plan.width())).transpose(1, 2)) * plan.scale;
    if (bias.defined()) {
      std::vector<std::int64_t> places;
      for (std::int64_t t = 0; t < queries; ++t) {
        for (std::int64_t s = 0; s < keys; ++s) places.push_back(plan.bucket(t, s));
      }
      const at::Tensor table = bias[plan.tables == 1 ? 0 : static_cast<std::int64_t>(e)];
      scores = scores + table.index_select(0, at::tensor(places, at::kLong).to(query.device()))
                            .view({queries, keys, plan.heads})
                            .permute({2, 0, 1});
    }
    if (plan.causal) {
      scores = scores.masked_fill(
          at::ones({queries, keys}, scores.options().dtype(at::kBool)).triu(1), -INFINITY);
    }
    at::Tensor weights = scores.softmax(2);
    if (plan.dropout.on()) {
      weights = weights * attention_factors(plan.dropout, static_cast<std::int64_t>(e), {plan.heads, queries, keys},
                                            weights.options());
    }
    parts.push_back(at::bmm(weights, heads(kv.narrow(1, plan.width(), plan.width())))
                        .transpose(0, 1)
                        .reshape({queries, plan.width()}));
  }
  return parts.empty() ? at::zeros_like(query) : at::cat(parts);
}

at::Tensor attend_cached(AttentionCache& cache, const at::Tensor& query, const at::Tensor& keys_values,
                         const SpanPlan& plan, const StreamAttentionOptions& options,
                         const at::Tensor& bias) {
  AttentionCache::Bias rows;
  if (bias.defined()) {
    rows = [&](std::int64_t position, std::int64_t count) {
      std::vector<std::int64_t> places;
      for (std::int64_t s = 0; s < count; ++s) places.push_back(options.buckets.bucket(s - position));
      return bias[0].index_select(0, at::tensor(places, at::kLong).to(bias.device())).t();
    };
  }
  return cache.attend(query, keys_values.narrow(1, 0, plan.width()),
                      keys_values.narrow(1, plan.width(), plan.width()),
                      {plan.heads, plan.heads, plan.part, plan.scale}, rows);
}

}  // namespace

AttentionSpans AttentionSpans::between(const std::vector<std::int64_t>& queries,
                                       const std::vector<std::int64_t>& keys) {
  AttentionSpans spans{queries, {}, {}};
  for (std::size_t e = 0; e + 1 < keys.size(); ++e) {
    spans.firsts.push_back(keys[e]);
    spans.lengths.push_back(keys[e + 1] - keys[e]);
  }
  return spans;
}

AttentionSpans AttentionSpans::within(const std::vector<std::int64_t>& offsets) {
  return between(offsets, offsets);
}

std::int64_t RelativeBuckets::bucket(std::int64_t distance) const {
  std::int64_t buckets = count, first = 0;
  if (both_ways) {
    buckets /= 2;
    if (distance > 0) first = buckets;
    distance = std::abs(distance);
  } else {
    distance = std::max<std::int64_t>(-distance, 0);
  }
  const std::int64_t exact = buckets / 2;
  if (distance < exact) return first + distance;
  // In single precision, as the models were trained: borders fall where they fell there.
  const float ratio = std::log(static_cast<float>(distance) / static_cast<float>(exact)) /
                      static_cast<float>(std::log(static_cast<double>(farthest) / static_cast<double>(exact)));
  const auto step = static_cast<std::int64_t>(ratio * static_cast<float>(buckets - exact));
  return first + std::min(exact + step, buckets - 1);
}

at::Tensor stream_attention(const at::Tensor& query, const at::Tensor& keys_values,
                            const AttentionSpans& spans, const StreamAttentionOptions& options,
                            const at::Tensor& bias) {
  const SpanPlan plan = plan_spans(query, spans, options, bias);
  if (AttentionCache* cache = AttentionCache::current(); cache != nullptr && options.causal) {
    return attend_cached(*cache, query, keys_values, plan, options, bias);
  }
  if (!has_kernels(query)) return spans_by_operations(query, keys_values, plan, bias);
  at::Tensor out, weights;
  const at::Tensor q = query.detach().contiguous(), kv = keys_values.detach().contiguous();
  const at::Tensor table = bias.defined() ? bias.detach().contiguous() : at::Tensor();
  {
    const at::NoGradGuard no_grad;
    out = at::zeros_like(q);
    weights = at::empty({plan.starts.back()}, q.options());
    AT_DISPATCH_FLOATING_TYPES(q.scalar_type(), "stream_attention", [&] {
      forward_spans(plan, q.const_data_ptr<scalar_t>(), kv.const_data_ptr<scalar_t>(),
                    table.defined() ? table.const_data_ptr<scalar_t>() : nullptr,
                    weights.data_ptr<scalar_t>(), out.data_ptr<scalar_t>());
    });
  }
  if (!tracks({query, keys_values, bias})) return out;
  return attach(out, {query, keys_values, bias},
                [plan, q, kv, table, weights](const at::Tensor& grad, const std::vector<bool>& needs) {
                  const at::Tensor dy = grad.contiguous();
                  const bool bias_gradient = table.defined() && needs[2];
                  at::Tensor dq = at::zeros_like(q), dkv = at::zeros_like(kv);
                  at::Tensor dbias = bias_gradient ? at::zeros_like(table) : at::Tensor();
                  AT_DISPATCH_FLOATING_TYPES(q.scalar_type(), "stream_attention_backward", [&] {
                    backward_spans(plan, q.const_data_ptr<scalar_t>(), kv.const_data_ptr<scalar_t>(),
                                   weights.const_data_ptr<scalar_t>(), dy.const_data_ptr<scalar_t>(),
                                   dq.data_ptr<scalar_t>(), dkv.data_ptr<scalar_t>(),
                                   bias_gradient ? dbias.data_ptr<scalar_t>() : nullptr);
                  });
                  return std::vector<at::Tensor>{dq, dkv, dbias};
                });
}

}  // namespace discreet::nn
