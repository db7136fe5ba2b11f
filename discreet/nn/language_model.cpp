#include "discreet/nn/language_model.h"

#include "discreet/core/error.h"
#include "discreet/nn/hidden_rows.h"
#include "discreet/nn/layers/attention_cache.h"
#include "discreet/nn/layers/linear.h"
#include "discreet/nn/layers/loss.h"

namespace discreet::nn {
namespace {

Error sees_its_target(const std::string& kind) {
  return usage_error("model.kind '" + kind + "' sees the tokens that it would predict",
                     "Take model.kind = \"gpt\", or a pretrained causal model, for a language model.");
}

class LanguageModel final : public Model {
 public:
  LanguageModel(const ModelKind& kind, const EncoderInputs& inputs) : spec_(inputs.spec) {
    encoder_ = register_module("encoder", kind.make_encoder(inputs));
    if (!encoder_->is_causal()) throw sees_its_target(inputs.spec.kind);
    if (encoder_->ties_output()) return;
    const LinearOptions options{encoder_->token_width(), inputs.sizes.vocabulary, true, 0.02};
    head_ = register_module("head", Linear(options, inputs.rng));
  }

  ModelOutput compute(const PackedBatch& batch) override {
    const Encoded encoded =
        encoder_->forward(batch, dropout_key(spec_.dropout), dropout_key(spec_.word_dropout));
    HiddenRowsScope::keep(encoded.tokens);
    const at::Tensor rows = rows_to_predict(
        dropout(encoded.tokens, batch, dropout_key(spec_.dropout), kDropoutTokens), batch.offsets);
    const at::Tensor logits = head_ ? head_->forward(rows, batch.token_segments)
                                    : encoder_->output_logits(rows, batch.token_segments);
    ModelOutput out;
    if (batch.tags.defined()) {
      out.loss = consuming_cross_entropy(logits, batch);
    } else {
      out.emissions = logits;
    }
    return out;
  }

  Prediction decode(const PackedBatch&, const ModelOutput&) override { return {}; }

 private:
  ModelSpec spec_;
  std::shared_ptr<Encoder> encoder_;
  Linear head_{nullptr};
};

}  // namespace

std::shared_ptr<Model> make_language_model(const ModelKind& kind, const EncoderInputs& inputs) {
  if (!kind.causal) {
    throw sees_its_target(inputs.spec.kind);
  }
  return std::make_shared<LanguageModel>(kind, inputs);
}

}  // namespace discreet::nn
