#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "discreet/fairness/input_gradients.h"

namespace discreet::fairness {

/// Per token of a batch, summed over the coordinates of its vector; N tokens.
struct TokenGradients {
  std::vector<double> task;       ///< [N] s_t = Σ_i S_ti of the task model.
  std::vector<double> protected_; ///< [N] g_t = Σ_i G_ti of the protected-status model; empty without one.
  std::vector<double> product;    ///< [N] Σ_i S_ti G_ti; empty unless coordinates are shared.
  std::int64_t width = 1;         ///< Features of a token: d, or 1.
};

/// S is `task.rows`, G `protected_status->rows` or absent. `shared`: coordinates of both are the same
/// features, so their products are made. Throws: kInternal if then shapes differ.
TokenGradients token_gradients(const InputGradients& task, const InputGradients* protected_status, bool shared);

/// Where the weights v of the input features come from.
enum class FeatureWeights {
  kUniform,  ///< 1/d, d the number of an example's features.
  kOnes,
  kGiven,       ///< A weight for each token, that of all its features.
  kGivenShare,  ///< The same, divided by their sum over the example.
  kProtected,   ///< |∂g/∂x_i| / Σ_j |∂g/∂x_j| of a protected-status model g.
};

/// Accumulated prediction sensitivity P(x) = wᵀ |J| v of one example, whose tokens are the rows of `of`
/// from `begin` on, before `end`.
///
/// `counted` [N]: 0 for tokens that are no features (special tokens); empty: all are. `given` [N]: weights
/// for kGiven and kGivenShare. `attributions` receives each token's summand, if not null. Absent where v is
/// undefined: no features, no given weight to share, or a protected-status model without a gradient.
/// The weighting by w and v in this form is our reading of the method; see docs/fairness.md.
std::optional<double> accumulated_sensitivity(const TokenGradients& of, std::int64_t begin, std::int64_t end,
                                              FeatureWeights weights, std::span<const std::uint8_t> counted = {},
                                              std::span<const double> given = {},
                                              std::vector<double>* attributions = nullptr);

}  // namespace discreet::fairness
