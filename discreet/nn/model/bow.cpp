#include "discreet/core/registry.h"
#include "discreet/nn/encoder.h"
#include "discreet/nn/layers/activation.h"
#include "discreet/nn/layers/linear.h"
#include "discreet/nn/layers/pool.h"
#include "discreet/nn/words.h"

namespace discreet::nn {
namespace {

/// Word vectors, pooled, through hidden layers. A tagger reads the bare vectors (see `context`).
class BagOfWords final : public Encoder {
 public:
  explicit BagOfWords(const EncoderInputs& in)
      : words_(*this, in),
        pooling_(parse_pooling(in.spec.pooling.empty() ? "mean" : in.spec.pooling)),
        activation_(parse_activation(in.spec.activation.empty() ? "relu" : in.spec.activation)),
        pools_(in.wants_pooled()),
        tags_(in.wants_tokens()) {
    width_ = nn::pooled_width(pooling_, words_.width());
    if (!pools_) return;
    for (const std::int64_t hidden : in.spec.hidden) {
      hidden_.push_back(register_module("hidden" + std::to_string(hidden_.size()),
                                        Linear(LinearOptions{width_, hidden}, in.rng)));
      width_ = hidden;
    }
  }

  std::int64_t token_width() const override { return words_.width(); }
  std::int64_t pooled_width() const override { return width_; }

  Encoded forward(const PackedBatch& batch, const DropoutKey& dropout_key,
                  const DropoutKey& word_key) override {
    // The mean alone never needs a row per token.
    const bool bag = pooling_ == Pooling::kMean && word_key.rate <= 0;
    Encoded out;
    at::Tensor words;
    if (tags_ || (pools_ && !bag)) {
      words = words_.rows(batch, word_key);
    }
    if (tags_) out.tokens = words;
    if (!pools_) return out;
    out.pooled = bag && !tags_ ? words_.mean(batch) : pool(words, batch, pooling_);
    for (std::size_t i = 0; i < hidden_.size(); ++i) {
      out.pooled =
          dropout(out.pooled, batch, dropout_key, static_cast<std::uint32_t>(kDropoutHidden + i));
      out.pooled = activate(hidden_[i]->forward(out.pooled, batch.example_segments), activation_);
    }
    return out;
  }

 private:
  WordInput words_;
  Pooling pooling_;
  Activation activation_;
  bool pools_, tags_;
  std::int64_t width_ = 0;
  std::vector<Linear> hidden_;
};

}  // namespace
}  // namespace discreet::nn

namespace discreet {

void register_model_bow(core::Registry& registry) {
  registry.add({"model",
                "bow",
                "Bag of words: pooled word vectors through hidden layers",
                "Iyyer et al. 2015 (deep averaging network)",
                {},
                nn::ModelKind{[](const nn::EncoderInputs& inputs) -> std::shared_ptr<nn::Encoder> {
                  return std::make_shared<nn::BagOfWords>(inputs);
                }}});
}

}  // namespace discreet
