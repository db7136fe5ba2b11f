#include "discreet/dp/internal/uses.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/dp/internal/kernels.h"
#include "discreet/nn/device.h"

namespace discreet::dp::internal {
namespace {

// Below this many multiply-adds a second thread costs more than it brings.
constexpr std::int64_t kThreadGrain = 1 << 16;

Error broken_use(const nn::Use& use, const std::string& what) {
  return internal_error("a recorded use of kind '" + std::string(use.kind) + "' " + what);
}

}  // namespace

void by_element_type(const at::Tensor& tensor, const std::function<void(float)>& on_float,
                     const std::function<void(double)>& on_double) {
  if (tensor.scalar_type() == at::kFloat) return on_float(0);
  if (tensor.scalar_type() == at::kDouble) return on_double(0);
  throw internal_error("segment rules work on float32 and float64, got " +
                       std::string(c10::toString(tensor.scalar_type())));
}

void check_use(nn::Use& use, const UseShape& shape, std::size_t segments) {
  if (use.params.size() != shape.params || use.inputs.size() != shape.inputs ||
      use.gradients.size() != shape.gradients) {
    throw broken_use(use, "has another number of parameters, inputs or gradients than its rule");
  }
  if (use.segments == nullptr || static_cast<std::size_t>(use.segments->count()) != segments) {
    throw broken_use(use, "is not divided into the batch's " + std::to_string(segments) +
                              " segments");
  }
  for (at::Tensor& input : use.inputs) input = input.contiguous();
  for (at::Tensor& gradient : use.gradients) {
    gradient = gradient.contiguous();
    if (gradient.size(0) != use.segments->rows()) {
      throw broken_use(use, "has " + std::to_string(gradient.size(0)) +
                                " gradient rows for segments over " +
                                std::to_string(use.segments->rows()));
    }
  }
}

nn::Use concatenated(std::vector<nn::Use> uses) {
  nn::Use all = std::move(uses.front());
  if (uses.size() == 1) return all;
  uses.front() = all;
  const std::int64_t count = all.segments->count();
  // Where each use's rows stand once all uses are put end to end; then rows by segment, by use.
  std::vector<std::int64_t> order;
  auto segments = std::make_shared<nn::Segments>();
  for (std::int64_t s = 0; s < count; ++s) {
    std::int64_t start = 0;
    for (const nn::Use& use : uses) {
      const auto& offsets = use.segments->offsets;
      for (std::int64_t r = offsets[s]; r < offsets[s + 1]; ++r) order.push_back(start + r);
      start += use.segments->rows();
    }
    segments->offsets.push_back(static_cast<std::int64_t>(order.size()));
  }
  const at::Tensor index = at::tensor(order, at::kLong);
  const auto gather = [&](std::vector<at::Tensor> nn::Use::*list, std::size_t place) {
    std::vector<at::Tensor> parts;
    for (const nn::Use& use : uses) parts.push_back((use.*list)[place]);
    const at::Tensor rows = at::cat(parts);
    return rows.index_select(0, index.to(rows.device()));
  };
  for (std::size_t i = 0; i < all.inputs.size(); ++i) all.inputs[i] = gather(&nn::Use::inputs, i);
  for (std::size_t i = 0; i < all.gradients.size(); ++i) {
    all.gradients[i] = gather(&nn::Use::gradients, i);
  }
  all.segments = std::move(segments);
  return all;
}

void for_segments(std::int64_t segments, std::int64_t cost,
                  const std::function<void(std::int64_t)>& body) {
  const std::int64_t grain = std::max<std::int64_t>(1, kThreadGrain / std::max<std::int64_t>(1, cost));
  at::parallel_for(0, segments, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t s = begin; s < end; ++s) body(s);
  });
}

bool any_zero(std::span<const double> factors) {
  return std::find(factors.begin(), factors.end(), 0.0) != factors.end();
}

at::Tensor factors_like(std::span<const double> factors, const at::Tensor& like) {
  // A part's layers mostly ask for the same ones: copied to the device once.
  thread_local std::vector<double> last;
  thread_local at::Tensor there;
  const bool same = there.defined() && there.device() == like.device() && std::ranges::equal(last, factors);
  if (!same) {
    last.assign(factors.begin(), factors.end());
    there = at::tensor(last, at::kDouble).to(like.device());
  }
  return there.to(like.scalar_type());
}

at::Tensor segment_sums(const at::Tensor& rows, const nn::Segments& segments) {
  return at::zeros({segments.count(), rows.size(1)}, rows.options().dtype(at::kDouble))
      .index_add_(0, segments.numbers(rows.device()), rows.to(at::kDouble));
}

at::Tensor side_by_side(const at::Tensor& rows, const nn::Segments& segments) {
  const std::int64_t count = segments.count(), longest = segments.longest(), width = rows.size(1);
  if (count * longest == segments.rows()) return rows.view({count, longest, width});
  return at::zeros({count * longest, width}, rows.options())
      .index_copy_(0, segments.places(rows.device()), rows)
      .view({count, longest, width});
}

thread_local DeferredNorms* DeferredNorms::active_ = nullptr;

void DeferredNorms::add_up() {
  if (waiting_.empty()) return;
  std::vector<at::Tensor> values;
  for (const auto& [tensor, squared] : waiting_) values.push_back(tensor);
  const at::Tensor host = at::cat(values).to(at::kCPU, at::kDouble).contiguous();
  const double* from = host.const_data_ptr<double>();
  for (const auto& [tensor, squared] : waiting_) {
    for (double& value : squared) value += *from++;
  }
  waiting_.clear();
}

void add_to_squared(const at::Tensor& values, std::span<double> squared) {
  if (DeferredNorms::active_ != nullptr) {
    DeferredNorms::active_->waiting_.emplace_back(values, squared);
    return;
  }
  const at::Tensor host = values.to(at::kCPU, at::kDouble).contiguous();
  const double* from = host.const_data_ptr<double>();
  for (std::size_t s = 0; s < squared.size(); ++s) squared[s] += from[s];
}

at::Tensor table_norms(const at::Tensor& ids, const at::Tensor& gradient, const nn::Segments& segments,
                       std::int64_t entries) {
  // Rows of one id in one segment add up before they are squared.
  const auto [keys, order] = (segments.numbers(gradient.device()) * entries + ids).sort();
  at::Tensor group = at::zeros_like(keys);  // rising numbers of runs of equal keys
  if (keys.size(0) > 1) {
    const std::int64_t others = keys.size(0) - 1;
    group.narrow(0, 1, others).copy_(keys.narrow(0, 1, others).ne(keys.narrow(0, 0, others)).cumsum(0));
  }
  // As many sums as rows: how many runs there are is not waited for.
  const at::Tensor sums = at::zeros(gradient.sizes(), gradient.options().dtype(at::kDouble))
                              .index_add_(0, group, gradient.index_select(0, order).to(at::kDouble));
  const at::Tensor segment = at::zeros_like(keys).index_copy_(0, group, keys.div(entries, "floor"));
  return at::zeros({segments.count()}, sums.options()).index_add_(0, segment, sums.square().sum(1));
}

at::Tensor scaled_rows(const at::Tensor& matrix, const nn::Segments& segments,
                       std::span<const double> factors) {
  if (!nn::has_kernels(matrix)) {
    const at::Tensor of_rows =
        factors_like(factors, matrix).index_select(0, segments.numbers(matrix.device())).unsqueeze(1);
    return (matrix * of_rows).masked_fill(of_rows.eq(0), 0);
  }
  at::Tensor scaled = at::empty_like(matrix);
  const std::int64_t width = matrix.size(1);
  by_element_type(matrix, [&](auto zero) {
    using T = decltype(zero);
    const T* in = matrix.const_data_ptr<T>();
    T* out = scaled.data_ptr<T>();
    const std::int64_t per_segment = matrix.numel() / std::max<std::int64_t>(1, segments.count());
    for_segments(segments.count(), per_segment, [&](std::int64_t s) {
      const std::int64_t first = segments.offsets[s] * width;
      const std::int64_t size = segments.offsets[s + 1] * width - first;
      scale(std::span<const T>(in + first, size), factors[s], out + first);
    });
  });
  return scaled;
}

at::Tensor without_dropped_rows(const at::Tensor& matrix, const nn::Segments& segments,
                                std::span<const double> factors) {
  if (!any_zero(factors)) return matrix;
  std::vector<double> keep(factors.begin(), factors.end());
  for (double& factor : keep) factor = factor == 0 ? 0 : 1;
  return scaled_rows(matrix, segments, keep);
}

at::Tensor weighted_row_sum(const at::Tensor& matrix, const nn::Segments& segments,
                            std::span<const double> factors) {
  if (!nn::has_kernels(matrix)) {
    return matrix.t().mv(factors_like(factors, matrix).index_select(0, segments.numbers(matrix.device())));
  }
  at::Tensor weights = at::empty({matrix.size(0)}, matrix.options());
  by_element_type(matrix, [&](auto zero) {
    using T = decltype(zero);
    T* out = weights.data_ptr<T>();
    for (std::int64_t s = 0; s < segments.count(); ++s) {
      std::fill(out + segments.offsets[s], out + segments.offsets[s + 1], static_cast<T>(factors[s]));
    }
  });
  return matrix.t().mv(weights);
}

}  // namespace discreet::dp::internal
