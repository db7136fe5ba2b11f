#pragma once

#include <vector>

#include "discreet/dp/rule.h"

namespace discreet::dp::internal {

// Nanoseconds on one core with AVX-512 of what dp/plan_costs.h names; only their ratios matter.
// `discreet doctor --json` measures them (docs/performance.md).
inline constexpr double kPairCost = 0.040;
inline constexpr double kProductCost = 0.018;
inline constexpr double kKeptCost = 0.80;

/// Rule of layers whose weights' gradients are dY^T x_k for one dY and one or several x_k, and whose
/// bias gradient is the row sum of dY: linear layers (k = 1), recurrent cells (input and state).
///
/// Shapes: params W_k [p, d_k] for each product, then b [p] or undefined; inputs x_k [N, d_k];
/// gradients {dY [N, p]}.
/// One Gram of dY serves all products: the squared norm is
/// sum_{t,s} (sum_k x_k[t].x_k[s] + [b]) (dY[t].dY[s]).
/// Ref: reference identities of Goodfellow 2015 (one row) and Rochette et al. 2019 (sequences).
class OuterProductRule final : public SegmentRule {
 public:
  OuterProductRule(std::size_t products, const RuleOptions& options)
      : products_(products), options_(options) {
    if (options_.kept == nullptr) options_.kept = std::make_shared<KeptMemory>(options_.kept_bytes);
  }

  void add_squared_norms(std::vector<nn::Use> uses, std::span<double> squared) override;
  void add_clipped_sum(std::span<const double> factors,
                       std::span<GradientSink* const> sinks) override;

 private:
  SegmentPlan choose(const nn::Use& use);
  void norms_from_pairs(const nn::Use& use, std::span<double> squared) const;
  void norms_from_instances(const nn::Use& use, std::span<double> squared);
  void norms_by_operations(const nn::Use& use, std::span<double> squared) const;
  void add_kept(std::span<const double> factors, std::span<GradientSink* const> sinks);

  std::size_t products_;
  RuleOptions options_;
  nn::Use use_;                    // all uses of this pass as one
  bool keeping_ = false;           // kKeep: kept_ holds the segments' gradients
  std::int64_t taken_ = 0;         // bytes of options_.kept
  std::vector<at::Tensor> kept_;   // per product [S, p, d_k], bias double [S, p]; undefined where frozen
};

}  // namespace discreet::dp::internal
