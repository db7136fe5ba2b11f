#pragma once

#include <memory>

#include "discreet/nn/encoder_decoder.h"
#include "discreet/nn/layers/attention_cache.h"
#include "discreet/text/generation/search.h"

namespace discreet::nn {

/// An encoder-decoder as generation meets it: `read` encodes sources once; prompts are then what the
/// decoder begins with, prompt e for source e. Each step computes one token per row against kept keys and
/// values, its own and the source's. The model is in evaluation mode for the decoder's life.
class SequenceDecoder final : public text::NextTokenModel {
 public:
  explicit SequenceDecoder(std::shared_ptr<EncoderDecoder> model);
  ~SequenceDecoder() override;

  /// Throws: kBadData on a source longer than the model reads.
  void read(std::span<const std::vector<std::int64_t>> sources);

  std::int64_t vocabulary() const override { return model_->options().vocabulary; }
  std::int64_t longest() const override { return model_->options().longest; }
  std::span<float> start(std::span<const std::vector<std::int64_t>> prompts) override;
  std::span<float> step(std::span<const std::int64_t> parents,
                        std::span<const std::int64_t> tokens) override;

 private:
  std::span<float> next(const EncodedExamples& tokens);

  std::shared_ptr<EncoderDecoder> model_;
  bool was_training_;
  at::Device device_ = at::kCPU;
  Memory memory_;
  AttentionCache cache_;
  std::vector<std::int64_t> source_of_;  // [rows]
  at::Tensor logits_;
};

}  // namespace discreet::nn
