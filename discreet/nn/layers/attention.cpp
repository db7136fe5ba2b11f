#include "discreet/nn/layers/attention.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/nn/gemm.h"
#include "discreet/nn/device.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/kernels/rows.h"
#include "discreet/nn/layers/attention_cache.h"

// Legend: N rows, h heads, w width of a head, L length of an example; per example and head the weights
// are [L,L].

namespace discreet::nn {
namespace {

struct Plan {
  std::int64_t heads, kv_heads, part;
  bool causal;
  double scale;
  AttentionDropout dropout;
  std::vector<std::int64_t> offsets;  // [B+1] rows
  std::vector<std::int64_t> starts;   // [B+1] where an example's attention weights begin

  std::int64_t stride() const { return (heads + 2 * kv_heads) * part; }  // of a row of qkv
  std::int64_t query(std::int64_t h) const { return h * part; }
  std::int64_t key(std::int64_t h) const { return (heads + h / group()) * part; }
  std::int64_t value(std::int64_t h) const { return key(h) + kv_heads * part; }
  std::int64_t group() const { return heads / kv_heads; }
};

Plan plan_of(const PackedBatch& batch, std::int64_t width, const AttentionOptions& options) {
  const std::int64_t heads = options.heads;
  const std::int64_t kv_heads = options.kv_heads > 0 ? options.kv_heads : heads;
  const std::int64_t blocks = heads + 2 * kv_heads;
  if (heads < 1 || heads % kv_heads != 0 || width % blocks != 0) {
    throw internal_error("attention of width " + std::to_string(width) + " with " +
                         std::to_string(heads) + " heads and " + std::to_string(kv_heads) +
                         " of keys and values");
  }
  const double scale = options.scale > 0
                           ? options.scale
                           : 1 / std::sqrt(static_cast<double>(width / blocks));
  Plan plan{heads, kv_heads, width / blocks, options.causal, scale, options.dropout, batch.offsets, {0}};
  plan.dropout.examples = batch.indices;
  for (std::int64_t e = 0; e < batch.examples(); ++e) {
    const std::int64_t length = batch.offsets[e + 1] - batch.offsets[e];
    plan.starts.push_back(plan.starts.back() + heads * length * length);
  }
  return plan;
}

/// Calls body(example, head, first row, length) for each; in parallel over examples.
template <class Body>
void for_each_head(const Plan& plan, const Body& body) {
  const std::int64_t examples = static_cast<std::int64_t>(plan.offsets.size()) - 1;
  at::parallel_for(0, examples, 1, [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t e = from; e < to; ++e) {
      const std::int64_t first = plan.offsets[e], length = plan.offsets[e + 1] - first;
      for (std::int64_t h = 0; length > 0 && h < plan.heads; ++h) body(e, h, first, length);
    }
  });
}

/// Row t of [L,L] is over its first t + 1 values; the rest is 0 on both ways.
template <class T>
void causal_softmax(T* p, std::int64_t length, T scale) {
  for (std::int64_t t = 0; t < length; ++t) {
    kernels::softmax(p + t * length, 1, t + 1, scale);
    std::fill(p + t * length + t + 1, p + (t + 1) * length, T{0});
  }
}

template <class T>
void causal_softmax_backward(const T* p, T* grad, std::int64_t length, T scale) {
  for (std::int64_t t = 0; t < length; ++t) {
    kernels::softmax_backward(p + t * length, grad + t * length, 1, t + 1, scale);
    std::fill(grad + t * length + t + 1, grad + (t + 1) * length, T{0});
  }
}

/// The weights with the mask of that example and head, in `to`.
template <class T>
T* dropped_weights(const Plan& plan, std::int64_t e, std::int64_t h, std::int64_t count, const T* p,
                   std::vector<T>& to) {
  to.resize(std::max(to.size(), static_cast<std::size_t>(count)));
  const float* factors = attention_factors(plan.dropout, e, h, count);
  for (std::int64_t i = 0; i < count; ++i) to[i] = p[i] * static_cast<T>(factors[i]);
  return to.data();
}

template <class T>
void run_forward(const Plan& plan, const T* qkv, T* weights, T* out) {
  const std::int64_t stride = plan.stride(), part = plan.part, width = plan.heads * part;
  const T scale = static_cast<T>(plan.scale);
  for_each_head(plan, [&](std::int64_t e, std::int64_t h, std::int64_t first, std::int64_t length) {
    const T* rows = qkv + first * stride;
    T* p = weights + plan.starts[e] + h * length * length;
    gemm<T>({length, length, part}, {rows + plan.query(h), stride}, {rows + plan.key(h), stride, true},
            p, length);
    if (plan.causal) {
      causal_softmax(p, length, scale);
    } else {
      kernels::softmax(p, length, length, scale);
    }
    thread_local std::vector<T> dropped;
    if (plan.dropout.on()) p = dropped_weights(plan, e, h, length * length, p, dropped);
    gemm<T>({length, part, length}, {p, length}, {rows + plan.value(h), stride},
            out + first * width + h * part, width);
  });
}

template <class T>
void run_backward(const Plan& plan, const T* qkv, const T* weights, const T* dout, T* dqkv) {
  const std::int64_t stride = plan.stride(), part = plan.part, width = plan.heads * part;
  const T scale = static_cast<T>(plan.scale);
  for_each_head(plan, [&](std::int64_t e, std::int64_t h, std::int64_t first, std::int64_t length) {
    thread_local std::vector<T> scratch;
    scratch.resize(std::max<std::size_t>(scratch.size(), length * length));
    T* ds = scratch.data();
    const T* rows = qkv + first * stride;
    T* to = dqkv + first * stride;
    const T* p = weights + plan.starts[e] + h * length * length;
    const T* dy = dout + first * width + h * part;
    // Heads of a group come one after the other: the first writes, the others add.
    const T before = h % plan.group() == 0 ? T{0} : T{1};
    thread_local std::vector<T> dropped;
    const bool drops = plan.dropout.on();
    const T* used = drops ? dropped_weights(plan, e, h, length * length, p, dropped) : p;
    gemm<T>({length, part, length}, {used, length, true}, {dy, width}, to + plan.value(h), stride, T{1},
            before);
    gemm<T>({length, length, part}, {dy, width}, {rows + plan.value(h), stride, true}, ds, length);
    if (drops) {
      const float* factors = attention_factors(plan.dropout, e, h, length * length);
      for (std::int64_t i = 0; i < length * length; ++i) ds[i] *= static_cast<T>(factors[i]);
    }
    if (plan.causal) {
      causal_softmax_backward(p, ds, length, scale);
    } else {
      kernels::softmax_backward(p, ds, length, length, scale);
    }
    gemm<T>({length, part, length}, {ds, length}, {rows + plan.key(h), stride}, to + plan.query(h),
            stride);
    gemm<T>({length, part, length}, {ds, length, true}, {rows + plan.query(h), stride},
            to + plan.key(h), stride, T{1}, before);
  });
}

/// Queries, keys and values of one example, [1,h,L,w] each, with the masks that the kernels draw.
at::Tensor attended_with_dropout(const Plan& plan, std::int64_t e, const std::array<at::Tensor, 3>& of) {
  const at::Tensor& q = of[0];
  const std::int64_t length = q.size(2);
  at::Tensor scores = at::matmul(q, of[1].transpose(2, 3)) * plan.scale;
  if (plan.causal) {
    scores = scores.masked_fill(at::ones({length, length}, scores.options().dtype(at::kBool)).triu(1), -INFINITY);
  }
  const at::Tensor factors = attention_factors(plan.dropout, e, {plan.heads, length, length}, q.options());
  return at::matmul(scores.softmax(3) * factors, of[2]);
}

/// For devices without kernels of our own, where masks are drawn example by example; differentiated by
/// autograd.
at::Tensor attention_by_example(const at::Tensor& qkv, const Plan& plan) {
  std::vector<at::Tensor> parts;
  for (std::size_t e = 0; e + 1 < plan.offsets.size(); ++e) {
    const std::int64_t first = plan.offsets[e], length = plan.offsets[e + 1] - first;
    if (length == 0) continue;
    const at::Tensor rows = qkv.narrow(0, first, length);
    const auto heads_of = [&](std::int64_t begin, std::int64_t heads) {
      const at::Tensor split = rows.narrow(1, begin, heads * plan.part)
                                   .view({1, length, heads, plan.part})
                                   .transpose(1, 2);
      return heads == plan.heads ? split : split.repeat_interleave(plan.group(), 1);
    };
    const at::Tensor seen = attended_with_dropout(
        plan, static_cast<std::int64_t>(e),
        {heads_of(0, plan.heads), heads_of(plan.key(0), plan.kv_heads), heads_of(plan.value(0), plan.kv_heads)});
    parts.push_back(seen.transpose(1, 2).reshape({length, plan.heads * plan.part}));
  }
  return parts.empty() ? qkv.narrow(1, 0, plan.heads * plan.part) : at::cat(parts);
}

/// Queries, keys and values, [N,h,w] each.
std::array<at::Tensor, 3> split_heads(const at::Tensor& qkv, const Plan& plan) {
  const auto heads_of = [&](std::int64_t begin, std::int64_t heads) {
    const at::Tensor split = qkv.narrow(1, begin, heads * plan.part).unflatten(1, {heads, plan.part});
    return heads == plan.heads ? split : split.repeat_interleave(plan.group(), 1);
  };
  return {heads_of(0, plan.heads), heads_of(plan.key(0), plan.kv_heads), heads_of(plan.value(0), plan.kv_heads)};
}

/// CUDA's kernel for sequences end to end takes rows that begin at 16 bytes, and no double.
bool takes_runs(const at::Tensor& qkv, const Plan& plan) {
  return qkv.is_cuda() && qkv.scalar_type() != at::kDouble && plan.part * qkv.element_size() % 16 == 0;
}

/// All examples end to end in one call, without a padded row.
at::Tensor attention_of_runs(const at::Tensor& qkv, const Plan& plan) {
  std::vector<std::int32_t> ends{0};
  std::int64_t longest = 0;
  for (std::size_t e = 0; e + 1 < plan.offsets.size(); ++e) {
    if (plan.offsets[e + 1] == plan.offsets[e]) continue;
    longest = std::max(longest, plan.offsets[e + 1] - plan.offsets[e]);
    ends.push_back(static_cast<std::int32_t>(plan.offsets[e + 1]));
  }
  const at::Tensor runs = at::tensor(ends, at::kInt).to(qkv.device());
  const auto [q, k, v] = split_heads(qkv, plan);
  constexpr std::int64_t kNoMask = 0, kCausal = 1;
  const at::Tensor seen = std::get<0>(at::_efficient_attention_forward(
      q.unsqueeze(0), k.unsqueeze(0), v.unsqueeze(0), {}, runs, runs, longest, longest, 0.0,
      plan.causal ? kCausal : kNoMask, tracks({qkv}), plan.scale));
  return seen.reshape({qkv.size(0), plan.heads * plan.part});
}

/// All examples side by side, padded, in one call.
at::Tensor attention_side_by_side(const at::Tensor& qkv, const Plan& plan) {
  const auto examples = static_cast<std::int64_t>(plan.offsets.size()) - 1;
  std::vector<std::int64_t> places, lengths;
  std::int64_t longest = 1;
  for (std::int64_t e = 0; e < examples; ++e) {
    // An empty example sees its own padding: what comes of it goes nowhere.
    lengths.push_back(std::max<std::int64_t>(1, plan.offsets[e + 1] - plan.offsets[e]));
    longest = std::max(longest, lengths.back());
  }
  for (std::int64_t e = 0; e < examples; ++e) {
    for (std::int64_t n = plan.offsets[e]; n < plan.offsets[e + 1]; ++n) {
      places.push_back(e * longest + n - plan.offsets[e]);
    }
  }
  const at::Tensor place = at::tensor(places, at::kLong).to(qkv.device());
  std::array<at::Tensor, 3> of = split_heads(qkv, plan);
  for (at::Tensor& part : of) {
    part = at::zeros({examples * longest, plan.heads, plan.part}, qkv.options().requires_grad(false))
               .index_copy(0, place, part)
               .view({examples, longest, plan.heads, plan.part})
               .transpose(1, 2);
  }
  const at::TensorOptions numbers = at::TensorOptions(at::kLong).device(qkv.device());
  const at::Tensor keys = at::arange(longest, numbers);
  at::Tensor seen_keys =
      keys.view({1, 1, 1, longest}) < at::tensor(lengths, at::kLong).to(qkv.device()).view({examples, 1, 1, 1});
  if (plan.causal) seen_keys = seen_keys.logical_and(keys.view({1, longest}) <= keys.view({longest, 1}));
  return at::scaled_dot_product_attention(of[0], of[1], of[2], seen_keys, 0.0, false, plan.scale)
      .transpose(1, 2)
      .reshape({examples * longest, plan.heads * plan.part})
      .index_select(0, place);
}

/// For devices without kernels of our own, differentiated by autograd.
at::Tensor attention_by_operations(const at::Tensor& qkv, const Plan& plan) {
  if (plan.dropout.on()) return attention_by_example(qkv, plan);
  if (plan.offsets.back() == 0) return qkv.narrow(1, 0, plan.heads * plan.part);
  return takes_runs(qkv, plan) ? attention_of_runs(qkv, plan) : attention_side_by_side(qkv, plan);
}

/// Cosine and sine of each position's angles, [L, w / 2] each.
std::pair<at::Tensor, at::Tensor> angle_tables(const at::Tensor& positions, const RotaryOptions& options,
                                               const at::TensorOptions& type) {
  const std::int64_t half = options.width / 2;
  const at::TensorOptions wide = at::TensorOptions(at::kDouble).device(type.device());
  at::Tensor turns;
  if (options.frequencies.empty()) {
    const double step = -2.0 / static_cast<double>(options.width);
    turns = at::pow(at::Scalar(options.base), at::arange(half, wide).mul_(step));
  } else {
    turns = at::tensor(options.frequencies, at::kDouble).to(type.device());
  }
  const at::Tensor angles = at::outer(positions.to(wide), turns);
  return {angles.cos().to(type).contiguous(), angles.sin().to(type).contiguous()};
}

/// direction 1 turns forward, -1 back.
template <class T>
void turn_rows(const std::vector<std::int64_t>& offsets, const RotaryOptions& options, const T* cosine,
               const T* sine, T direction, std::int64_t stride, T* rows) {
  const std::int64_t half = options.width / 2;
  for (std::size_t e = 0; e + 1 < offsets.size(); ++e) {
    for (std::int64_t r = offsets[e]; r < offsets[e + 1]; ++r) {
      const T* c = cosine + (r - offsets[e]) * half;
      const T* s = sine + (r - offsets[e]) * half;
      for (std::int64_t h = 0; h < options.heads; ++h) {
        T* low = rows + r * stride + h * options.width;
        T* high = low + half;
        for (std::int64_t i = 0; i < half; ++i) {
          const T a = low[i], b = high[i], turn = direction * s[i];
          low[i] = a * c[i] - b * turn;
          high[i] = b * c[i] + a * turn;
        }
      }
    }
  }
}

/// `turned` in tensor operations, for other devices and narrow types: the tables are made where `x` is.
at::Tensor turned_by_tables(const at::Tensor& x, const PackedBatch& batch, const RotaryOptions& options,
                            double direction) {
  at::Tensor positions;
  if (const AttentionCache* cache = AttentionCache::current()) {
    positions = at::tensor(cache->positions(), at::kLong).to(x.device());
  } else {
    const at::Tensor lengths = batch.offsets_tensor.diff();
    const at::Tensor starts = batch.offsets_tensor.narrow(0, 0, batch.examples()).repeat_interleave(lengths);
    positions = at::arange(x.size(0), starts.options()).sub_(starts);
  }
  const auto [cosine, sine] = angle_tables(positions, options, x.options());
  const at::Tensor c = cosine.unsqueeze(1);
  const at::Tensor s = sine.unsqueeze(1).mul_(direction);
  const std::int64_t half = options.width / 2;
  at::Tensor out = x.detach().clone(at::MemoryFormat::Contiguous);
  const at::Tensor blocks =
      out.narrow(1, 0, options.heads * options.width).unflatten(1, {options.heads, options.width});
  const at::Tensor low = blocks.narrow(2, 0, half), high = blocks.narrow(2, half, half);
  const at::Tensor a = low.clone(), b = high.clone();
  low.copy_(a * c - b * s);
  high.copy_(b * c + a * s);
  return out;
}

at::Tensor turned(const at::Tensor& x, const PackedBatch& batch, const RotaryOptions& options,
                  double direction) {
  if (!has_kernels(x) || (x.scalar_type() != at::kFloat && x.scalar_type() != at::kDouble)) {
    return turned_by_tables(x, batch, options, direction);
  }
  at::Tensor out = x.detach().clone(at::MemoryFormat::Contiguous);
  const AttentionCache* cache = AttentionCache::current();
  // Rows of a cache go on anywhere: an angle for each row, instead of one for each place of an example.
  const at::Tensor positions = cache ? at::tensor(cache->positions(), at::kLong)
                                     : at::arange(std::max<std::int64_t>(1, batch.longest()));
  const std::vector<std::int64_t> offsets = cache ? std::vector<std::int64_t>{0, out.size(0)} : batch.offsets;
  const auto [cosine, sine] = angle_tables(positions, options, out.options());
  AT_DISPATCH_FLOATING_TYPES(out.scalar_type(), "rotary", [&] {
    turn_rows<scalar_t>(offsets, options, cosine.const_data_ptr<scalar_t>(),
                        sine.const_data_ptr<scalar_t>(), static_cast<scalar_t>(direction), out.size(1),
                        out.data_ptr<scalar_t>());
  });
  return out;
}

}  // namespace

at::Tensor attention(const at::Tensor& qkv, const PackedBatch& batch,
                     const AttentionOptions& options) {
  const Plan plan = plan_of(batch, qkv.size(1), options);
  if (AttentionCache* cache = AttentionCache::current(); cache != nullptr && plan.causal) {
    const at::Tensor keys = qkv.narrow(1, plan.key(0), plan.kv_heads * plan.part);
    const at::Tensor values = qkv.narrow(1, plan.value(0), plan.kv_heads * plan.part);
    if (!cache->is_first_pass()) {
      return cache->attend(qkv.narrow(1, 0, plan.heads * plan.part), keys, values,
                           {plan.heads, plan.kv_heads, plan.part,
                            plan.scale});
    }
    cache->append(keys, values);
  }
  if (!has_kernels(qkv)) return attention_by_operations(qkv, plan);
  const at::Tensor input = qkv.detach().contiguous();
  at::Tensor out, weights;
  {
    const at::NoGradGuard no_grad;
    out = at::empty({qkv.size(0), plan.heads * plan.part}, input.options());
    weights = at::empty({plan.starts.back()}, input.options());
    AT_DISPATCH_FLOATING_TYPES(input.scalar_type(), "attention", [&] {
      run_forward(plan, input.data_ptr<scalar_t>(), weights.data_ptr<scalar_t>(),
                  out.data_ptr<scalar_t>());
    });
  }
  if (!tracks({qkv})) return out;
  return attach(out, {qkv},
                [plan, input, weights](const at::Tensor& grad, const std::vector<bool>&) {
                  const at::Tensor dy = grad.contiguous();
                  at::Tensor dqkv = at::empty_like(input);
                  AT_DISPATCH_FLOATING_TYPES(input.scalar_type(), "attention_backward", [&] {
                    run_backward(plan, input.data_ptr<scalar_t>(), weights.data_ptr<scalar_t>(),
                                 dy.data_ptr<scalar_t>(), dqkv.data_ptr<scalar_t>());
                  });
                  return std::vector<at::Tensor>{dqkv};
                });
}

at::Tensor rotary(const at::Tensor& x, const PackedBatch& batch, const RotaryOptions& options) {
  if (options.width % 2 != 0 || options.heads * options.width > x.size(1) ||
      (!options.frequencies.empty() &&
       static_cast<std::int64_t>(options.frequencies.size()) != options.width / 2)) {
    throw internal_error("rotary positions on " + std::to_string(options.heads) + " blocks of " +
                         std::to_string(options.width) + " in rows of " + std::to_string(x.size(1)));
  }
  at::Tensor y;
  {
    const at::NoGradGuard no_grad;
    y = turned(x, batch, options, 1);
  }
  if (!tracks({x})) return y;
  return attach(y, {x}, [batch, options](const at::Tensor& grad, const std::vector<bool>&) {
    return std::vector<at::Tensor>{turned(grad, batch, options, -1)};
  });
}

}  // namespace discreet::nn
