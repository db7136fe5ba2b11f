#include "discreet/nn/layers/attention.h"

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/nn/gemm.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/kernels/rows.h"

// Legend: N rows, d width, h heads, L length of an example; per example and head the weights are
// [L,L].

namespace discreet::nn {
namespace {

struct Plan {
  std::int64_t heads, width;
  std::vector<std::int64_t> offsets;  // [B+1] rows
  std::vector<std::int64_t> starts;   // [B+1] where an example's attention weights begin
};

Plan plan_of(const PackedBatch& batch, std::int64_t heads, std::int64_t width) {
  Plan plan{heads, width, batch.offsets, {0}};
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

template <class T>
void run_forward(const Plan& plan, const T* qkv, T* weights, T* out) {
  const std::int64_t d = plan.width, part = d / plan.heads;
  const T scale = T{1} / std::sqrt(static_cast<T>(part));
  for_each_head(plan, [&](std::int64_t e, std::int64_t h, std::int64_t first, std::int64_t length) {
    const T* q = qkv + first * 3 * d + h * part;
    T* p = weights + plan.starts[e] + h * length * length;
    gemm<T>({length, length, part}, {q, 3 * d}, {q + d, 3 * d, true}, p, length);
    kernels::softmax(p, length, length, scale);
    gemm<T>({length, part, length}, {p, length}, {q + 2 * d, 3 * d}, out + first * d + h * part, d);
  });
}

template <class T>
void run_backward(const Plan& plan, const T* qkv, const T* weights, const T* dout, T* dqkv) {
  const std::int64_t d = plan.width, part = d / plan.heads;
  const T scale = T{1} / std::sqrt(static_cast<T>(part));
  for_each_head(plan, [&](std::int64_t e, std::int64_t h, std::int64_t first, std::int64_t length) {
    thread_local std::vector<T> scratch;
    scratch.resize(std::max<std::size_t>(scratch.size(), length * length));
    T* ds = scratch.data();
    const T* q = qkv + first * 3 * d + h * part;
    T* dq = dqkv + first * 3 * d + h * part;
    const T* p = weights + plan.starts[e] + h * length * length;
    const T* dy = dout + first * d + h * part;
    gemm<T>({length, part, length}, {p, length, true}, {dy, d}, dq + 2 * d, 3 * d);  // dV
    gemm<T>({length, length, part}, {dy, d}, {q + 2 * d, 3 * d, true}, ds, length);  // dP
    kernels::softmax_backward(p, ds, length, length, scale);
    gemm<T>({length, part, length}, {ds, length}, {q + d, 3 * d}, dq, 3 * d);        // dQ
    gemm<T>({length, part, length}, {ds, length, true}, {q, 3 * d}, dq + d, 3 * d);  // dK
  });
}

/// For devices without kernels of our own: one library call per example, differentiated by
/// autograd.
at::Tensor attention_by_example(const at::Tensor& qkv, const PackedBatch& batch,
                                std::int64_t heads) {
  const std::int64_t width = qkv.size(1) / 3;
  std::vector<at::Tensor> parts;
  for (std::int64_t e = 0; e < batch.examples(); ++e) {
    const std::int64_t first = batch.offsets[e], length = batch.offsets[e + 1] - first;
    if (length == 0) continue;
    const at::Tensor split = qkv.narrow(0, first, length)
                                 .view({1, length, 3, heads, width / heads})
                                 .permute({2, 0, 3, 1, 4});
    parts.push_back(at::scaled_dot_product_attention(split[0], split[1], split[2])
                        .transpose(1, 2)
                        .reshape({length, width}));
  }
  return parts.empty() ? qkv.narrow(1, 0, width) : at::cat(parts);
}

}  // namespace

at::Tensor attention(const at::Tensor& qkv, const PackedBatch& batch, std::int64_t heads) {
  const std::int64_t width = qkv.size(1) / 3;
  if (qkv.size(1) % 3 != 0 || width % heads != 0) {
    throw internal_error("attention of width " + std::to_string(width) + " with " +
                         std::to_string(heads) + " heads");
  }
  if (!qkv.is_cpu()) return attention_by_example(qkv, batch, heads);
  const Plan plan = plan_of(batch, heads, width);
  const at::Tensor input = qkv.detach().contiguous();
  at::Tensor out, weights;
  {
    const at::NoGradGuard no_grad;
    out = at::empty({qkv.size(0), width}, input.options());
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

}  // namespace discreet::nn
