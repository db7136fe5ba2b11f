#include <ATen/Parallel.h>

#include "discreet/core/registry.h"
#include "discreet/dp/internal/table_rows.h"
#include "discreet/dp/internal/uses.h"
#include "discreet/dp/rule.h"
#include "discreet/nn/device.h"

namespace discreet {
namespace dp::internal {
namespace {

/// The mean of an example's table rows: every token's row meets dZ[example] / tokens.
///
/// A segment of one example has the norm |dZ|^2 / T^2 * sum over ids of count^2. Never makes a tensor
/// with one row per token.
class EmbeddingBagSegments final : public dp::SegmentRule {
 public:
  void add_squared_norms(std::vector<nn::Use> uses, std::span<double> squared) override {
    for (nn::Use& use : uses) check_use(use, {1, 2, 1}, squared.size());
    if (!nn::has_kernels(uses.front().gradients[0])) {
      const at::NoGradGuard no_grad;
      for (nn::Use& use : uses) use = of_tokens(use);
      uses_ = {concatenated(std::move(uses))};
      const nn::Use& use = uses_.front();
      return add_to_squared(table_norms(use.inputs[0], use.gradients[0], *use.segments, use.params[0].size(0)),
                            squared);
    }
    uses_ = std::move(uses);
    const at::Tensor& first = uses_.front().gradients[0];
    const auto count = static_cast<std::int64_t>(squared.size());
    by_element_type(first, [&](auto zero) {
      using T = decltype(zero);
      for_segments(count, first.numel() / std::max<std::int64_t>(1, count), [&](std::int64_t s) {
        const auto& offsets = uses_.front().segments->offsets;
        const bool single = uses_.size() == 1 && offsets[s + 1] - offsets[s] == 1;
        squared[s] += single ? single_norm<T>(offsets[s]) : general_norm<T>(s);
      });
    });
  }

  void add_clipped_sum(std::span<const double> factors,
                       std::span<dp::GradientSink* const> sinks) override {
    at::NoGradGuard no_grad;
    if (!nn::has_kernels(uses_.front().gradients[0])) {
      const nn::Use& use = uses_.front();
      sinks[0]->accumulator().index_add_(0, use.inputs[0], scaled_rows(use.gradients[0], *use.segments, factors));
      return uses_.clear();
    }
    std::vector<std::int64_t> places;
    for (const nn::Use& use : uses_) {
      at::Tensor& table = sinks[0]->rows(view<std::int64_t>(use.inputs[0]), places);
      const std::int64_t* bags = use.inputs[1].const_data_ptr<std::int64_t>();
      const auto& offsets = use.segments->offsets;
      by_element_type(use.gradients[0], [&](auto zero) {
        using T = decltype(zero);
        const RowMatrix<T> rows{use.gradients[0].const_data_ptr<T>(), table.size(1)};
        T* out = table.data_ptr<T>();
        at::parallel_for(0, rows.width, 64, [&](std::int64_t begin, std::int64_t end) {
          for (std::size_t s = 0; s < factors.size(); ++s) {
            for (std::int64_t b = offsets[s]; b < offsets[s + 1]; ++b) {
              const double weight = factors[s] / static_cast<double>(bags[b + 1] - bags[b]);
              for (std::int64_t t = bags[b]; t < bags[b + 1]; ++t) {
                add_scaled(std::span<const T>(rows.row(b) + begin, end - begin), weight,
                           out + places[t] * rows.width + begin);
              }
            }
          }
        });
      });
    }
    uses_.clear();
  }

 private:
  /// Without kernels of our own: a row per token, as a look-up has them.
  static nn::Use of_tokens(const nn::Use& use) {
    const at::Tensor lengths = use.inputs[1].diff();
    const at::Tensor host = use.inputs[1].cpu();
    auto segments = std::make_shared<nn::Segments>();
    segments->offsets.clear();
    for (const std::int64_t example : use.segments->offsets) {
      segments->offsets.push_back(host.const_data_ptr<std::int64_t>()[example]);
    }
    const at::Tensor shares = use.gradients[0] / lengths.clamp_min(1).unsqueeze(1);
    return {use.kind, use.params, {use.inputs[0]}, {shares.repeat_interleave(lengths, 0)}, std::move(segments)};
  }

  template <class T>
  double single_norm(std::int64_t example) const {
    const nn::Use& use = uses_.front();
    const std::int64_t* bags = use.inputs[1].const_data_ptr<std::int64_t>();
    const std::int64_t* ids = use.inputs[0].const_data_ptr<std::int64_t>();
    const std::int64_t first = bags[example], last = bags[example + 1];
    if (first == last) return 0;
    // Counts of this bag's words; zero between calls. Word number c of a kind adds c^2 - (c - 1)^2.
    thread_local std::vector<std::int32_t> counts;
    const auto entries = static_cast<std::size_t>(use.params[0].size(0));
    if (counts.size() < entries) counts.resize(entries);
    double squares = 0;
    for (std::int64_t t = first; t < last; ++t) squares += 2 * counts[ids[t]]++ + 1;
    for (std::int64_t t = first; t < last; ++t) counts[ids[t]] = 0;
    const auto tokens = static_cast<double>(last - first);
    const at::Tensor& gradient = use.gradients[0];
    const std::int64_t width = gradient.size(1);
    const std::span<const T> row(gradient.const_data_ptr<T>() + example * width,
                                 static_cast<std::size_t>(width));
    return squared_norm(row) * squares / (tokens * tokens);
  }

  /// Several examples or uses in a segment: each (id, example) once, weighted by its share. The uses'
  /// gradient rows are put end to end for this.
  template <class T>
  double general_norm(std::int64_t s) const {
    std::vector<TableEntry> entries;
    std::vector<T> rows;
    const std::int64_t width = uses_.front().gradients[0].size(1);
    for (const nn::Use& use : uses_) {
      const std::int64_t* ids = use.inputs[0].const_data_ptr<std::int64_t>();
      const std::int64_t* bags = use.inputs[1].const_data_ptr<std::int64_t>();
      const T* gradient = use.gradients[0].const_data_ptr<T>();
      for (std::int64_t b = use.segments->offsets[s]; b < use.segments->offsets[s + 1]; ++b) {
        const auto row = static_cast<std::int64_t>(rows.size()) / width;
        const double share = 1.0 / static_cast<double>(bags[b + 1] - bags[b]);
        for (std::int64_t t = bags[b]; t < bags[b + 1]; ++t) entries.push_back({ids[t], row, share});
        rows.insert(rows.end(), gradient + b * width, gradient + (b + 1) * width);
      }
    }
    std::vector<double> scratch;
    return table_norm(std::span<TableEntry>(entries), RowMatrix<T>{rows.data(), width}, scratch);
  }

  std::vector<nn::Use> uses_;
};

}  // namespace
}  // namespace dp::internal

void register_segment_rule_embedding_bag(core::Registry& registry) {
  registry.add({.kind = "segment_rule",
                .name = "embedding_bag",
                .summary = "mean of an example's table rows: norm from counts, no row per token",
                .reference = "",
                .fields = {},
                .make = dp::MakeSegmentRule([](const dp::RuleOptions&) {
                  return std::unique_ptr<dp::SegmentRule>(
                      std::make_unique<dp::internal::EmbeddingBagSegments>());
                })});
}

}  // namespace discreet
