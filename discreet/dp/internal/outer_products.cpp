#include "discreet/dp/internal/outer_products.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "discreet/dp/internal/kernels.h"
#include "discreet/dp/internal/uses.h"
#include "discreet/nn/device.h"

namespace discreet::dp::internal {
namespace {

// A float Gram loses digits where terms cancel: past this ratio the segment is done again in double.
constexpr double kCancellation = 1e3;

constexpr std::int64_t kTileBytes = 1 << 19;   // of an instantiated tile: stays in the second cache
constexpr std::int64_t kInstanceBytes = 1 << 28;  // of instantiated gradients in one call of the library
constexpr std::int64_t kSumBlock = 1 << 13;    // values of a weighted sum that stay in the first cache

bool trainable(const nn::Use& use, std::size_t product) { return use.params[product].defined(); }

/// The pair kernel over rows first .. first + count, in double whatever the tensors hold.
double exact_pairs(const std::vector<at::Tensor>& activations, const at::Tensor& gradient,
                   std::int64_t first, std::int64_t count, double bias) {
  const auto rows = [&](const at::Tensor& tensor) {
    return tensor.narrow(0, first, count).to(at::kDouble).contiguous();
  };
  std::vector<at::Tensor> keep_alive;
  std::vector<RowMatrix<double>> matrices;
  for (const at::Tensor& activation : activations) {
    keep_alive.push_back(rows(activation));
    matrices.push_back({keep_alive.back().const_data_ptr<double>(), activation.size(1)});
  }
  const at::Tensor wide = rows(gradient);
  const PairSum pairs = pair_products(std::span<const RowMatrix<double>>(matrices),
                                      {wide.const_data_ptr<double>(), gradient.size(1)}, 0, count, bias);
  return std::isnan(pairs.sum) ? pairs.sum : std::max(0.0, pairs.sum);
}

/// Of matrices [S, m, n], in double: no square overflows.
at::Tensor squared_norms(const at::Tensor& matrices) {
  return at::linalg_vector_norm(matrices, 2, at::IntArrayRef{1, 2}, false, at::kDouble).square_();
}

}  // namespace

SegmentPlan OuterProductRule::choose(const nn::Use& use) {
  if (options_.plan != SegmentPlan::kAuto) return options_.plan;
  const double p = static_cast<double>(use.gradients[0].size(1));
  double width = 0;
  for (std::size_t k = 0; k < products_; ++k) {
    if (trainable(use, k)) width += static_cast<double>(use.inputs[k].size(1));
  }
  double pairs = 0;
  const auto& offsets = use.segments->offsets;
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    const double length = static_cast<double>(offsets[s + 1] - offsets[s]);
    pairs += length * (length + 3) / 2;
  }
  const double kept = static_cast<double>(use.segments->count()) * p * width;
  const double gram = kPairCost * pairs * (p + width);
  const double keep = kKeptCost * kept;
  const double tiles = kProductCost * static_cast<double>(use.segments->rows()) * p * width;
  if (keep < std::min(gram, tiles)) {
    // Once kept, the rows of dY are not needed any more: what is taken is the rest.
    const auto bytes = static_cast<std::int64_t>(kept) * use.gradients[0].element_size() -
                       static_cast<std::int64_t>(use.gradients[0].nbytes());
    taken_ = std::max<std::int64_t>(0, bytes);
    if (options_.kept->take(taken_)) return SegmentPlan::kKeep;
    taken_ = 0;
  }
  return tiles < gram ? SegmentPlan::kTiles : SegmentPlan::kGram;
}

void OuterProductRule::add_squared_norms(std::vector<nn::Use> uses, std::span<double> squared) {
  at::NoGradGuard no_grad;
  for (nn::Use& use : uses) check_use(use, {products_ + 1, products_, 1}, squared.size());
  use_ = concatenated(std::move(uses));
  options_.kept->give_back(taken_);  // of a pass that was given up
  taken_ = 0;
  if (!nn::has_kernels(use_.gradients[0])) {
    keeping_ = false;
    return norms_by_operations(use_, squared);
  }
  const SegmentPlan plan = choose(use_);
  keeping_ = plan == SegmentPlan::kKeep;
  kept_.assign(products_ + 1, {});
  if (plan == SegmentPlan::kGram) return norms_from_pairs(use_, squared);
  norms_from_instances(use_, squared);
  if (!keeping_) return;
  use_.inputs.clear();
  use_.gradients.clear();
}

/// Without kernels of our own: instantiated, as many segments at a time as a cap on memory lets in. No
/// products of row pairs, so that no digits are lost in float.
void OuterProductRule::norms_by_operations(const nn::Use& use, std::span<double> squared) const {
  const at::Tensor& gradient = use.gradients[0];
  const std::int64_t p = gradient.size(1), count = use.segments->count();
  if (count == 0) return;
  at::Tensor norms = at::zeros({count}, gradient.options().dtype(at::kDouble));
  if (use.segments->rows() > 0) {
    const at::Tensor dy = side_by_side(gradient, *use.segments).transpose(1, 2);  // [S, p, L]
    for (std::size_t k = 0; k < products_; ++k) {
      if (!trainable(use, k)) continue;
      const at::Tensor x = side_by_side(use.inputs[k], *use.segments);  // [S, L, d]
      if (x.size(1) == 1) {  // one row each: the norm of a product of two vectors
        norms += squared_norms(dy) * squared_norms(x);
        continue;
      }
      const std::int64_t chunk = std::max<std::int64_t>(1, kInstanceBytes / (p * x.size(2) * x.element_size()));
      for (std::int64_t first = 0; first < count; first += chunk) {
        const std::int64_t segments = std::min(chunk, count - first);
        const at::Tensor instances = at::bmm(dy.narrow(0, first, segments), x.narrow(0, first, segments));
        norms.narrow(0, first, segments) += squared_norms(instances);
      }
    }
    if (use.params[products_].defined()) norms += segment_sums(gradient, *use.segments).square().sum(1);
  }
  add_to_squared(norms, squared);
}

void OuterProductRule::norms_from_pairs(const nn::Use& use, std::span<double> squared) const {
  const at::Tensor& gradient = use.gradients[0];
  const double bias = use.params[products_].defined() ? 1 : 0;
  std::vector<at::Tensor> activations;
  std::int64_t width = gradient.size(1);
  for (std::size_t k = 0; k < products_; ++k) {
    if (!trainable(use, k)) continue;
    activations.push_back(use.inputs[k]);
    width += use.inputs[k].size(1);
  }
  const std::int64_t count = use.segments->count();
  const std::int64_t mean = use.segments->rows() / std::max<std::int64_t>(1, count);
  by_element_type(gradient, [&](auto zero) {
    using T = decltype(zero);
    std::vector<RowMatrix<T>> matrices;
    for (const at::Tensor& a : activations) matrices.push_back({a.const_data_ptr<T>(), a.size(1)});
    const RowMatrix<T> rows{gradient.const_data_ptr<T>(), gradient.size(1)};
    for_segments(count, mean * mean * width / 2, [&](std::int64_t s) {
      const std::int64_t first = use.segments->offsets[s];
      const std::int64_t length = use.segments->offsets[s + 1] - first;
      if (length == 0) return;
      const PairSum pairs =
          pair_products(std::span<const RowMatrix<T>>(matrices), rows, first, length, bias);
      // Also where a float overflowed: a finite gradient must not be taken for a broken one.
      const bool trusted = pairs.magnitude <= kCancellation * pairs.sum;
      squared[s] += trusted ? pairs.sum : exact_pairs(activations, gradient, first, length, bias);
    });
  });
}

void OuterProductRule::norms_from_instances(const nn::Use& use, std::span<double> squared) {
  const at::Tensor& gradient = use.gradients[0];
  const std::int64_t p = gradient.size(1), count = use.segments->count();
  by_element_type(gradient, [&](auto zero) {
    using T = decltype(zero);
    for (std::size_t k = 0; k < products_; ++k) {
      if (!trainable(use, k)) continue;
      const at::Tensor& input = use.inputs[k];
      const std::int64_t d = input.size(1);
      const std::int64_t tile = std::clamp<std::int64_t>(
          kTileBytes / std::max<std::int64_t>(1, d * gradient.element_size()), 1, p);
      if (keeping_) kept_[k] = at::empty({count, p, d}, gradient.options());
      at::Tensor scratch = keeping_ ? at::Tensor() : at::empty({tile, d}, gradient.options());
      for (std::int64_t s = 0; s < count; ++s) {
        const std::int64_t first = use.segments->offsets[s];
        const std::int64_t length = use.segments->offsets[s + 1] - first;
        if (length == 0) {
          if (keeping_) kept_[k].select(0, s).zero_();
          continue;
        }
        const at::Tensor x = input.narrow(0, first, length);
        const at::Tensor dy = gradient.narrow(0, first, length);
        for (std::int64_t row = 0; row < p; row += tile) {
          const std::int64_t rows = std::min(tile, p - row);
          at::Tensor out = keeping_ ? kept_[k].select(0, s).narrow(0, row, rows)
                                    : scratch.narrow(0, 0, rows);
          at::mm_out(out, dy.narrow(1, row, rows).t(), x);
          squared[s] += squared_norm(view<T>(out));
        }
      }
    }
    if (!use.params[products_].defined()) return;
    double* kept = nullptr;
    if (keeping_) {
      kept_[products_] = at::zeros({count, p}, at::kDouble);
      kept = kept_[products_].data_ptr<double>();
    }
    for_segments(count, p, [&](std::int64_t s) {
      std::vector<double> scratch(keeping_ ? 0 : static_cast<std::size_t>(p));
      const std::span<double> sums(keeping_ ? kept + s * p : scratch.data(),
                                   static_cast<std::size_t>(p));
      for (std::int64_t r = use.segments->offsets[s]; r < use.segments->offsets[s + 1]; ++r) {
        add_scaled(std::span<const T>(gradient.const_data_ptr<T>() + r * p, p), 1, sums.data());
      }
      squared[s] += squared_norm(std::span<const double>(sums));
    });
  });
}

void OuterProductRule::add_clipped_sum(std::span<const double> factors,
                                       std::span<GradientSink* const> sinks) {
  at::NoGradGuard no_grad;
  if (keeping_) {
    add_kept(factors, sinks);
  } else {
    const at::Tensor gradient = std::move(use_.gradients[0]);
    const nn::Segments& segments = *use_.segments;
    std::int64_t width = 0;
    for (std::size_t k = 0; k < products_; ++k) {
      if (sinks[k] != nullptr) width += use_.inputs[k].size(1);
    }
    // The factors go to the narrower side; a dropped segment's rows leave both, as 0 * NaN is NaN.
    const bool scale_gradient = gradient.size(1) <= width;
    const at::Tensor left = scale_gradient ? scaled_rows(gradient, segments, factors)
                                           : without_dropped_rows(gradient, segments, factors);
    if (sinks[products_] != nullptr) {
      const std::vector<double> ones(factors.size(), 1.0);
      sinks[products_]->add(weighted_row_sum(
          left, segments, scale_gradient ? std::span<const double>(ones) : factors));
    }
    for (std::size_t k = 0; k < products_; ++k) {
      if (sinks[k] == nullptr) continue;
      sinks[k]->add_product(left, scale_gradient
                                      ? without_dropped_rows(use_.inputs[k], segments, factors)
                                      : scaled_rows(use_.inputs[k], segments, factors));
    }
  }
  use_ = {};
  kept_.clear();
  options_.kept->give_back(taken_);
  taken_ = 0;
}

void OuterProductRule::add_kept(std::span<const double> factors,
                                std::span<GradientSink* const> sinks) {
  const auto count = static_cast<std::int64_t>(factors.size());
  if (sinks[products_] != nullptr) {
    at::Tensor sum = at::zeros({kept_[products_].size(1)}, at::kDouble);
    for (std::int64_t s = 0; s < count; ++s) {
      add_scaled(view<double>(kept_[products_].select(0, s)), factors[s], sum.data_ptr<double>());
    }
    sinks[products_]->add(sum);
  }
  for (std::size_t k = 0; k < products_; ++k) {
    if (sinks[k] == nullptr) continue;
    by_element_type(kept_[k], [&](auto zero) {
      using T = decltype(zero);
      const T* kept = kept_[k].template const_data_ptr<T>();
      const std::int64_t size = kept_[k].numel() / std::max<std::int64_t>(1, count);
      T* sum = sinks[k]->accumulator().template data_ptr<T>();
      at::parallel_for(0, (size + kSumBlock - 1) / kSumBlock, 8, [&](auto begin, auto end) {
        for (std::int64_t block = begin; block < end; ++block) {
          const std::int64_t first = block * kSumBlock;
          const std::int64_t length = std::min(kSumBlock, size - first);
          for (std::int64_t s = 0; s < count; ++s) {
            add_scaled(std::span<const T>(kept + s * size + first, length), factors[s], sum + first);
          }
        }
      });
    });
  }
}

}  // namespace discreet::dp::internal
