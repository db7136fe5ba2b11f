#pragma once

#include <vector>

#include "discreet/core/random.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/tag_rules.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Parameters of a linear-chain conditional random field over K tags: transitions [K,K] (from, to),
/// start [K], end [K]. A score is `scale` times its parameter: transitions are few and decisive beside emissions,
/// so that a larger scale lets them move faster at the same clip norm and learning rate.
struct CrfWeights {
  at::Tensor transitions, start, end;
  double scale = 1;
};

/// What breaking a rule costs in the loss: finite, since gold tags may break them.
inline constexpr double kBrokenRule = 10;

/// Negative log-likelihood of the tags, divided by the number of tokens. Use: "crf".
///
/// Shapes: emissions [N,K], batch.tags int64 [N] (all in 0..K-1), returns [B]; an example without
/// tokens has loss 0. Works in scaled probabilities, with the greatest score of each step taken
/// out, so scores of any size are safe as long as one path through each step keeps its weight. With
/// `rules` a step that they bar costs kBrokenRule nats more: the field has nothing to learn of them.
/// Ref: Lafferty, McCallum and Pereira 2001; Rabiner 1989, section V.A (scaling); Papay, Klinger and Pado
/// 2022 (rules in the loss).
at::Tensor crf_loss(const at::Tensor& emissions, const CrfWeights& weights,
                    const PackedBatch& batch, const TagRules& rules = {});

/// The most likely tags of each example that keep the rules, [N] in the rows of `emissions`; of equal paths
/// the one with the lowest last differing tag. Ref: Viterbi 1967.
std::vector<std::int64_t> crf_decode(const at::Tensor& emissions, const CrfWeights& weights,
                                     const PackedBatch& batch, const TagRules& rules = {});

class CrfImpl : public torch::nn::Module {
 public:
  /// All scores zero: every tag sequence is equally likely.
  explicit CrfImpl(std::int64_t tags, double scale = 1);
  CrfWeights weights() const { return {transitions, start, end, scale_}; }

  at::Tensor transitions, start, end;

 private:
  double scale_;
};
TORCH_MODULE(Crf);

}  // namespace discreet::nn
