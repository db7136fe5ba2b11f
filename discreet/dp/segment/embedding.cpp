#include <ATen/Parallel.h>

#include "discreet/core/registry.h"
#include "discreet/dp/internal/table_rows.h"
#include "discreet/dp/internal/uses.h"
#include "discreet/dp/rule.h"
#include "discreet/nn/device.h"

namespace discreet {
namespace dp::internal {
namespace {

/// Table look-up: row ids[t] of W meets dY[t]. The norm is that of the sums over equal ids, in
/// O(tokens), whatever the table's size.
class EmbeddingSegments final : public dp::SegmentRule {
 public:
  void add_squared_norms(std::vector<nn::Use> uses, std::span<double> squared) override {
    for (nn::Use& use : uses) check_use(use, {1, 1, 1}, squared.size());
    use_ = concatenated(std::move(uses));
    const at::Tensor& gradient = use_.gradients[0];
    if (!nn::has_kernels(gradient)) {
      const at::NoGradGuard no_grad;
      const at::Tensor norms = table_norms(use_.inputs[0], gradient, *use_.segments, use_.params[0].size(0));
      return add_to_squared(norms, squared);
    }
    const std::int64_t* ids = use_.inputs[0].const_data_ptr<std::int64_t>();
    const auto& offsets = use_.segments->offsets;
    by_element_type(gradient, [&](auto zero) {
      using T = decltype(zero);
      const RowMatrix<T> rows{gradient.const_data_ptr<T>(), gradient.size(1)};
      const auto count = static_cast<std::int64_t>(squared.size());
      for_segments(count, gradient.numel() / std::max<std::int64_t>(1, count), [&](std::int64_t s) {
        std::vector<TableEntry> entries;
        std::vector<double> scratch;
        for (std::int64_t r = offsets[s]; r < offsets[s + 1]; ++r) entries.push_back({ids[r], r, 1});
        squared[s] += table_norm(std::span<TableEntry>(entries), rows, scratch);
      });
    });
  }

  void add_clipped_sum(std::span<const double> factors,
                       std::span<dp::GradientSink* const> sinks) override {
    at::NoGradGuard no_grad;
    if (!nn::has_kernels(use_.gradients[0])) {
      sinks[0]->accumulator().index_add_(0, use_.inputs[0],
                                         scaled_rows(use_.gradients[0], *use_.segments, factors));
      use_ = {};
      return;
    }
    std::vector<std::int64_t> places;
    at::Tensor& table = sinks[0]->rows(view<std::int64_t>(use_.inputs[0]), places);
    const auto& offsets = use_.segments->offsets;
    by_element_type(use_.gradients[0], [&](auto zero) {
      using T = decltype(zero);
      const RowMatrix<T> rows{use_.gradients[0].const_data_ptr<T>(), table.size(1)};
      T* out = table.data_ptr<T>();
      // Threads share the table by columns, so that two never meet in one row.
      at::parallel_for(0, rows.width, 64, [&](std::int64_t begin, std::int64_t end) {
        for (std::size_t s = 0; s < factors.size(); ++s) {
          for (std::int64_t r = offsets[s]; r < offsets[s + 1]; ++r) {
            add_scaled(std::span<const T>(rows.row(r) + begin, end - begin), factors[s],
                       out + places[r] * rows.width + begin);
          }
        }
      });
    });
    use_ = {};
  }

 private:
  nn::Use use_;
};

}  // namespace
}  // namespace dp::internal

void register_segment_rule_embedding(core::Registry& registry) {
  registry.add({.kind = "segment_rule",
                .name = "embedding",
                .summary = "rows of a table: sums over equal ids, in O(tokens)",
                .reference = "Ding et al. 2024, arXiv 2405.18194",
                .fields = {},
                .make = dp::MakeSegmentRule([](const dp::RuleOptions&) {
                  return std::unique_ptr<dp::SegmentRule>(
                      std::make_unique<dp::internal::EmbeddingSegments>());
                })});
}

}  // namespace discreet
