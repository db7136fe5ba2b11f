#include "discreet/fairness/sensitivity.h"

#include "discreet/core/error.h"

namespace discreet::fairness {
namespace {

std::vector<double> row_sums(const at::Tensor& rows) {
  const at::Tensor sums = rows.sum(1).to(at::kDouble).cpu().contiguous();
  const auto* values = sums.const_data_ptr<double>();
  return {values, values + sums.numel()};
}

}  // namespace

TokenGradients token_gradients(const InputGradients& task, const InputGradients* protected_status, bool shared) {
  TokenGradients out;
  out.width = task.rows.size(1);
  out.task = row_sums(task.rows);
  if (protected_status == nullptr) return out;
  out.protected_ = row_sums(protected_status->rows);
  if (!shared) return out;
  if (task.rows.sizes() != protected_status->rows.sizes()) {
    throw internal_error("shared features of two models with gradients of different shapes");
  }
  out.product = row_sums(task.rows * protected_status->rows);
  return out;
}

std::optional<double> accumulated_sensitivity(const TokenGradients& of, std::int64_t begin, std::int64_t end,
                                              FeatureWeights weights, std::span<const std::uint8_t> counted,
                                              std::span<const double> given, std::vector<double>* attributions) {
  const auto is_counted = [&](std::int64_t n) { return counted.empty() || counted[n] != 0; };
  const bool by_model = weights == FeatureWeights::kProtected;
  const bool by_list = weights == FeatureWeights::kGiven || weights == FeatureWeights::kGivenShare;
  const bool coordinates = by_model && !of.product.empty();
  double divisor = 0;
  for (std::int64_t n = begin; n < end; ++n) {
    if (!is_counted(n)) continue;
    const double features = static_cast<double>(of.width);
    divisor += by_model ? of.protected_[n] : by_list ? given[n] * features : features;
  }
  if (weights == FeatureWeights::kOnes || weights == FeatureWeights::kGiven) divisor = 1;
  if (!(divisor > 0)) return std::nullopt;
  double sum = 0;
  if (attributions != nullptr) attributions->assign(static_cast<std::size_t>(end - begin), 0);
  for (std::int64_t n = begin; n < end; ++n) {
    if (!is_counted(n)) continue;
    const double part = (coordinates ? of.product[n]
                         : by_model  ? of.task[n] * of.protected_[n]
                         : by_list   ? of.task[n] * given[n]
                                     : of.task[n]) / divisor;
    sum += part;
    if (attributions != nullptr) (*attributions)[static_cast<std::size_t>(n - begin)] = part;
  }
  return sum;
}

}  // namespace discreet::fairness
