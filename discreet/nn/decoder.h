#pragma once

#include <memory>

#include "discreet/nn/layers/attention_cache.h"
#include "discreet/nn/model.h"
#include "discreet/text/generation/search.h"

namespace discreet::nn {

/// A causal model as generation meets it: prompts of different lengths in one packed pass, then one token
/// per row and step, each against the keys and values that are kept.
///
/// `model` gives `emissions`: the logits of the next token, for all tokens or each example's last. It is
/// taken in evaluation mode and put back. Rows are computed in float32 on the model's device.
/// Cost of a step: O(rows (parameters + tokens read)). Throws: as the model does on a text too long.
class CachedDecoder final : public text::NextTokenModel {
 public:
  struct Sizes {
    std::int64_t vocabulary;
    std::int64_t longest;  ///< tokens that a row may have
  };
  CachedDecoder(std::shared_ptr<Model> model, Sizes sizes);
  ~CachedDecoder() override;

  std::int64_t vocabulary() const override { return sizes_.vocabulary; }
  std::int64_t longest() const override { return sizes_.longest; }
  std::span<float> start(std::span<const std::vector<std::int64_t>> prompts) override;
  std::span<float> step(std::span<const std::int64_t> parents,
                        std::span<const std::int64_t> tokens) override;

 private:
  std::span<float> read(const EncodedExamples& next);

  std::shared_ptr<Model> model_;
  Sizes sizes_;
  bool was_training_;
  AttentionCache cache_;
  at::Tensor logits_;  // [rows, V]
};

/// Texts as examples, one after the other. `tokens` gives each one token instead.
EncodedExamples examples_of(std::span<const std::vector<std::int64_t>> texts);
EncodedExamples examples_of_tokens(std::span<const std::int64_t> tokens);

}  // namespace discreet::nn
