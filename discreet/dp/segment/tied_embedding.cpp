#include <ATen/Parallel.h>

#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/dp/internal/table_rows.h"
#include "discreet/dp/internal/uses.h"
#include "discreet/dp/rule.h"
#include "discreet/nn/device.h"
#include "discreet/nn/gemm.h"

// Legend: V entries, d width; in one segment L looked-up rows with ids x and gradients G [L,d], and U
// rows of the output layer with inputs H [U,d] and gradients of the logits P [U,V].

namespace discreet {
namespace dp::internal {
namespace {

constexpr double kLostDigits = 1e3;  // magnitude over sum: past it, the segment is done in double

// Nanoseconds of one multiply-add in a matrix product, and of one value of an instantiated tile that is
// squared: only their ratio matters. See docs/performance.md.
constexpr double kProductNanoseconds = 0.016;
constexpr double kTileValueNanoseconds = 0.15;
constexpr std::int64_t kTiedTileBytes = 1 << 19;

template <class T>
struct TiedRows {
  std::int64_t entries, width;
  std::int64_t lookups, heads;
  const std::int64_t* ids;  // [L]
  const T* g;               // [L,d]
  const T* h;               // [U,d]
  const T* p;               // [U,V]
};

void add_term(PairSum& total, double term) {
  total.sum += term;
  total.magnitude += std::fabs(term);
}

template <class T>
double lookup_norm(const TiedRows<T>& rows) {
  std::vector<TableEntry> entries;
  std::vector<double> scratch;
  for (std::int64_t t = 0; t < rows.lookups; ++t) entries.push_back({rows.ids[t], t, 1});
  return table_norm(std::span<TableEntry>(entries), RowMatrix<T>{rows.g, rows.width}, scratch);
}

/// |S^T G|^2 + <PP^T, HH^T + bias> + 2 sum_{t,u} P[u,x_t] (H_u . G_t): nothing of size V x d is made.
template <class T>
PairSum tied_pairs(const TiedRows<T>& rows, bool weight, bool bias) {
  const std::int64_t heads = rows.heads, lookups = rows.lookups, d = rows.width;
  PairSum total;
  if (weight && lookups > 0) add_term(total, lookup_norm(rows));
  if (heads == 0) return total;
  std::vector<T> of_logits(static_cast<std::size_t>(heads * heads));
  std::vector<T> of_inputs(weight ? of_logits.size() : 0);
  nn::gemm<T>({heads, heads, rows.entries}, {rows.p, rows.entries}, {rows.p, rows.entries, true},
              of_logits.data(), heads);
  if (weight) {
    nn::gemm<T>({heads, heads, d}, {rows.h, d}, {rows.h, d, true}, of_inputs.data(), heads);
  }
  for (std::size_t i = 0; i < of_logits.size(); ++i) {
    const double left = (weight ? static_cast<double>(of_inputs[i]) : 0.0) + (bias ? 1.0 : 0.0);
    add_term(total, left * static_cast<double>(of_logits[i]));
  }
  if (!weight || lookups == 0) return total;
  std::vector<T> crossed(static_cast<std::size_t>(lookups * heads));
  nn::gemm<T>({lookups, heads, d}, {rows.g, d}, {rows.h, d, true}, crossed.data(), heads);
  for (std::int64_t t = 0; t < lookups; ++t) {
    for (std::int64_t u = 0; u < heads; ++u) {
      add_term(total, 2 * static_cast<double>(rows.p[u * rows.entries + rows.ids[t]]) *
                          static_cast<double>(crossed[t * heads + u]));
    }
  }
  return total;
}

/// The same norm from the gradient itself, some table rows at a time: cheaper for long segments.
template <class T>
double tied_tiles(const TiedRows<T>& rows, bool weight, bool bias) {
  const std::int64_t d = rows.width, entries = rows.entries;
  double squared = 0;
  if (bias) {
    std::vector<double> sums(static_cast<std::size_t>(entries));
    for (std::int64_t u = 0; u < rows.heads; ++u) {
      add_scaled(std::span<const T>(rows.p + u * entries, entries), 1, sums.data());
    }
    squared += squared_norm(std::span<const double>(sums));
  }
  if (!weight) return squared;
  if (rows.heads == 0) return squared + lookup_norm(rows);
  std::vector<std::pair<std::int64_t, std::int64_t>> order;  // id, row
  for (std::int64_t t = 0; t < rows.lookups; ++t) order.emplace_back(rows.ids[t], t);
  std::sort(order.begin(), order.end());
  const std::int64_t tile = std::clamp<std::int64_t>(
      kTiedTileBytes / (d * static_cast<std::int64_t>(sizeof(T))), 1, entries);
  std::vector<T> scratch(static_cast<std::size_t>(tile * d));
  std::size_t next = 0;
  for (std::int64_t first = 0; first < entries; first += tile) {
    const std::int64_t count = std::min(tile, entries - first);
    nn::gemm<T>({count, d, rows.heads}, {rows.p + first, entries, true}, {rows.h, d}, scratch.data(),
                d);
    for (; next < order.size() && order[next].first < first + count; ++next) {
      add_scaled(std::span<const T>(rows.g + order[next].second * d, d), 1,
                 scratch.data() + (order[next].first - first) * d);
    }
    squared += squared_norm(std::span<const T>(scratch.data(), count * d));
  }
  return squared;
}

/// The matrix of an embedding that is the output layer's too, and that layer's bias.
class TiedEmbeddingSegments final : public dp::SegmentRule {
 public:
  explicit TiedEmbeddingSegments(const RuleOptions& options) : options_(options) {}

  void add_squared_norms(std::vector<nn::Use> uses, std::span<double> squared) override {
    at::NoGradGuard no_grad;
    std::vector<nn::Use> lookups, heads;
    for (nn::Use& use : uses) {
      check_use(use, {2, 1, 1}, squared.size());
      const bool head = use.inputs[0].is_floating_point();
      (head ? heads : lookups).push_back(std::move(use));
    }
    lookup_ = lookups.empty() ? nn::Use{} : concatenated(std::move(lookups));
    head_ = heads.empty() ? nn::Use{} : concatenated(std::move(heads));
    const nn::Use& any = head_.segments ? head_ : lookup_;
    const bool weight = any.params[0].defined(), bias = any.params[1].defined();
    if (!nn::has_kernels(any.gradients[0])) return norms_by_operations(weight, bias, squared);
    const bool tiles = !weight || use_tiles(squared.size());
    by_element_type(any.gradients[0], [&](auto zero) {
      using T = decltype(zero);
      const auto count = static_cast<std::int64_t>(squared.size());
      const std::int64_t rows = any.segments->rows() / std::max<std::int64_t>(1, count);
      for_segments(count, rows * rows * any.gradients[0].size(1), [&](std::int64_t s) {
        const TiedRows<T> part = rows_of<T>(s);
        if (part.lookups + part.heads == 0) return;
        if (tiles) {
          squared[s] += tied_tiles(part, weight, bias);
          return;
        }
        const PairSum pairs = tied_pairs(part, weight, bias);
        const bool trusted = pairs.magnitude <= kLostDigits * pairs.sum;
        squared[s] += trusted ? pairs.sum : exact_pairs_of(part, weight, bias);
      });
    });
  }

  void add_clipped_sum(std::span<const double> factors,
                       std::span<dp::GradientSink* const> sinks) override {
    at::NoGradGuard no_grad;
    if (head_.segments) add_heads(factors, sinks);
    if (lookup_.segments && sinks[0] != nullptr) add_lookups(factors, *sinks[0]);
    head_ = lookup_ = {};
  }

 private:
  bool use_tiles(std::size_t segments) const {
    if (!head_.segments) return false;
    if (options_.plan != SegmentPlan::kAuto) return options_.plan != SegmentPlan::kGram;
    const auto entries = static_cast<double>(head_.gradients[0].size(1));
    const auto width = static_cast<double>(head_.inputs[0].size(1));
    double squares = 0;
    const auto& offsets = head_.segments->offsets;
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
      squares += static_cast<double>((offsets[s + 1] - offsets[s]) * (offsets[s + 1] - offsets[s]));
    }
    const double gram = kProductNanoseconds * squares * (entries + width);
    const double tiles =
        entries * width * (kProductNanoseconds * static_cast<double>(head_.segments->rows()) +
                           kTileValueNanoseconds * static_cast<double>(segments));
    return tiles < gram;
  }

  template <class T>
  TiedRows<T> rows_of(std::int64_t s) const {
    TiedRows<T> rows{};
    if (lookup_.segments) {
      const std::int64_t first = lookup_.segments->offsets[s];
      rows.lookups = lookup_.segments->offsets[s + 1] - first;
      rows.width = lookup_.gradients[0].size(1);
      rows.ids = lookup_.inputs[0].const_data_ptr<std::int64_t>() + first;
      rows.g = lookup_.gradients[0].const_data_ptr<T>() + first * rows.width;
    }
    if (head_.segments) {
      const std::int64_t first = head_.segments->offsets[s];
      rows.heads = head_.segments->offsets[s + 1] - first;
      rows.width = head_.inputs[0].size(1);
      rows.entries = head_.gradients[0].size(1);
      rows.h = head_.inputs[0].const_data_ptr<T>() + first * rows.width;
      rows.p = head_.gradients[0].const_data_ptr<T>() + first * rows.entries;
    }
    return rows;
  }

  template <class T>
  static double exact_pairs_of(const TiedRows<T>& rows, bool weight, bool bias) {
    const auto widened = [](const T* from, std::int64_t size) {
      return std::vector<double>(from, from + size);
    };
    const auto g = widened(rows.g, rows.lookups * rows.width);
    const auto h = widened(rows.h, rows.heads * rows.width);
    const auto p = widened(rows.p, rows.heads * rows.entries);
    const PairSum pairs = tied_pairs<double>({rows.entries, rows.width, rows.lookups, rows.heads,
                                              rows.ids, g.data(), h.data(), p.data()},
                                             weight, bias);
    return std::isnan(pairs.sum) ? pairs.sum : std::max(0.0, pairs.sum);
  }

  /// Without kernels of our own: the identity of `tied_pairs` over all segments at once, in `type`.
  struct PairTerms {
    at::Tensor sum, magnitude;  // double [S]
  };
  PairTerms terms_of_heads(bool weight, bool bias, at::ScalarType type) const {
    const at::Tensor p = side_by_side(head_.gradients[0], *head_.segments).to(type);  // [S,U,V]
    at::Tensor terms = at::bmm(p, p.transpose(1, 2)).to(at::kDouble);
    at::Tensor h, left;
    if (weight) {
      h = side_by_side(head_.inputs[0], *head_.segments).to(type);  // [S,U,d]
      left = at::bmm(h, h.transpose(1, 2)).to(at::kDouble);
      if (bias) left += 1;
    }
    if (weight) terms *= left;
    PairTerms found{terms.sum({1, 2}), terms.abs().sum({1, 2})};
    if (!weight || !lookup_.segments || lookup_.segments->rows() == 0) return found;
    const at::Tensor g = side_by_side(lookup_.gradients[0], *lookup_.segments).to(type);              // [S,L,d]
    const at::Tensor ids = side_by_side(lookup_.inputs[0].unsqueeze(1), *lookup_.segments);           // [S,L,1]
    const at::Tensor of_ids = p.gather(2, ids.transpose(1, 2).expand({-1, p.size(1), -1}));           // [S,U,L]
    const at::Tensor crossed = (of_ids.to(at::kDouble) * at::bmm(h, g.transpose(1, 2))).mul_(2);
    found.sum += crossed.sum({1, 2});
    found.magnitude += crossed.abs().sum({1, 2});
    return found;
  }

  void norms_by_operations(bool weight, bool bias, std::span<double> squared) const {
    const at::NoGradGuard no_grad;
    at::Tensor lookups;
    if (weight && lookup_.segments && lookup_.segments->rows() > 0) {
      lookups = table_norms(lookup_.inputs[0], lookup_.gradients[0], *lookup_.segments, lookup_.params[0].size(0));
    }
    if (!head_.segments || head_.segments->rows() == 0) {
      if (lookups.defined()) add_to_squared(lookups, squared);
      return;
    }
    PairTerms terms = terms_of_heads(weight, bias, head_.gradients[0].scalar_type());
    const at::Tensor apart = lookups.defined() ? lookups : at::zeros_like(terms.sum);
    const at::Tensor sum = terms.sum + apart, magnitude = terms.magnitude + apart;
    // Also where a float overflowed, as in `tied_pairs`: then all of them again in double.
    if ((magnitude <= kLostDigits * sum).all().item<bool>()) return add_to_squared(sum, squared);
    terms = terms_of_heads(weight, bias, at::kDouble);
    const at::Tensor exact = terms.sum + apart;
    add_to_squared(at::where(exact.isnan(), exact, exact.clamp_min(0)), squared);
  }

  void add_heads(std::span<const double> factors, std::span<dp::GradientSink* const> sinks) {
    const nn::Segments& segments = *head_.segments;
    const at::Tensor logits = without_dropped_rows(head_.gradients[0], segments, factors);
    if (sinks[1] != nullptr) sinks[1]->add(weighted_row_sum(logits, segments, factors));
    if (sinks[0] != nullptr) {
      sinks[0]->add_product(logits, scaled_rows(head_.inputs[0], segments, factors));
    }
  }

  void add_lookups(std::span<const double> factors, dp::GradientSink& sink) {
    at::Tensor& table = sink.accumulator();
    if (!nn::has_kernels(table)) {
      table.index_add_(0, lookup_.inputs[0],
                       scaled_rows(lookup_.gradients[0], *lookup_.segments, factors));
      return;
    }
    const std::int64_t* ids = lookup_.inputs[0].const_data_ptr<std::int64_t>();
    const auto& offsets = lookup_.segments->offsets;
    by_element_type(lookup_.gradients[0], [&](auto zero) {
      using T = decltype(zero);
      const RowMatrix<T> rows{lookup_.gradients[0].const_data_ptr<T>(), table.size(1)};
      T* out = table.data_ptr<T>();
      at::parallel_for(0, rows.width, 64, [&](std::int64_t begin, std::int64_t end) {
        for (std::size_t s = 0; s < factors.size(); ++s) {
          for (std::int64_t r = offsets[s]; r < offsets[s + 1]; ++r) {
            add_scaled(std::span<const T>(rows.row(r) + begin, end - begin), factors[s],
                       out + ids[r] * rows.width + begin);
          }
        }
      });
    });
  }

  RuleOptions options_;
  nn::Use lookup_, head_;  // all uses of each sort as one; without segments: there are none
};

}  // namespace
}  // namespace dp::internal

void register_segment_rule_tied_embedding(core::Registry& registry) {
  registry.add({.kind = "segment_rule",
                .name = "tied_embedding",
                .summary = "one matrix as embedding and output layer, with the cross term",
                .reference = "Ding et al. 2024, arXiv 2405.18194",
                .fields = {},
                .make = dp::MakeSegmentRule([](const dp::RuleOptions& options) {
                  return std::unique_ptr<dp::SegmentRule>(
                      std::make_unique<dp::internal::TiedEmbeddingSegments>(options));
                })});
}

}  // namespace discreet
