#pragma once

#include <vector>

#include "discreet/text/generation/search.h"

namespace discreet::text {

/// Self-Debias: a text is written while the same model, told by a prefix to write something unwanted, writes along;
/// tokens that the prefix makes likelier lose probability.
///
/// `prefixes`: tokens that stand before each prompt in place of its first `shared` ones, which prompts have in
/// common (a mark at the beginning). With p the model's probabilities and q those behind a prefix, what comes out is
/// p alpha / sum, alpha = 1 where p >= q, else max(exp(decay (p - q)), floor); of several prefixes the least alpha
/// counts. Logits are the logarithms of that: rows must be read as a distribution.
/// Cost: 1 + prefixes rows for one. Ref: Schick, Udupa and Schütze 2021, equations 3 and 4.
class SelfDebias final : public NextTokenModel {
 public:
  struct Options {
    std::vector<std::vector<std::int64_t>> prefixes;
    std::size_t shared = 0;
    double decay = 50;
    double floor = 0.01;
  };
  /// `model` must outlive this. Throws: kUsage without prefixes, for decay below 0 or a floor outside (0, 1].
  SelfDebias(NextTokenModel& model, Options options);

  std::int64_t vocabulary() const override { return model_.vocabulary(); }
  std::int64_t longest() const override;
  std::span<float> start(std::span<const std::vector<std::int64_t>> prompts) override;
  std::span<float> step(std::span<const std::int64_t> parents, std::span<const std::int64_t> tokens) override;

 private:
  std::span<float> combined(std::span<float> logits, std::size_t rows) const;

  NextTokenModel& model_;
  Options options_;
  std::size_t rows_ = 0;
};

/// One row: `plain` becomes the logarithms of the result. All [V] logits.
void self_debias(std::span<float> plain, std::span<const std::span<const float>> biased, double decay, double floor);

}  // namespace discreet::text
