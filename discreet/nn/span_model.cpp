#include "discreet/nn/span_model.h"

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/nn/layers/linear.h"

namespace discreet::nn {
namespace {

class SpanModel final : public Model {
 public:
  SpanModel(const ModelKind& kind, const EncoderInputs& inputs) : spec_(inputs.spec) {
    if (kind.random_field) {
      throw usage_error("model.kind '" + spec_.kind + "' tags tokens, and a span is told by its ends",
                        "Choose a kind without -crf.");
    }
    encoder_ = register_module("encoder", kind.make_encoder(inputs));
    const std::int64_t width = encoder_->token_width() + (spec_.skip ? encoder_->word_width() : 0);
    head_ = register_module("span_head", Linear(LinearOptions{width, 2, true, 0.01}, inputs.rng));
  }

  ModelOutput compute(const PackedBatch& batch) override {
    const Encoded encoded =
        encoder_->forward(batch, dropout_key(spec_.dropout), dropout_key(spec_.word_dropout));
    at::Tensor rows = encoded.tokens;
    if (encoded.words.defined()) rows = at::cat({rows, encoded.words}, 1);
    rows = dropout(rows, batch, dropout_key(spec_.dropout), kDropoutTokens);
    ModelOutput out;
    out.emissions = head_->forward(rows, batch.token_segments);
    if (batch.tags.defined()) out.loss = span_cross_entropy(out.emissions, batch);
    return out;
  }

  Prediction decode(const PackedBatch&, const ModelOutput&) override { return {}; }

 private:
  ModelSpec spec_;
  std::shared_ptr<Encoder> encoder_;
  Linear head_{nullptr};
};

/// -log of the softmax over each example's allowed rows, summed over the rows that are right, [B].
at::Tensor end_losses(const at::Tensor& logits, const at::Tensor& allowed, const at::Tensor& right,
                      const at::Tensor& example, std::int64_t examples) {
  constexpr double kFar = -1e30;  // finite, so that no difference of two is not a number
  const at::Tensor open = logits.masked_fill(allowed.logical_not(), kFar);
  const at::Tensor top = at::full({examples}, kFar, logits.options())
                             .scatter_reduce(0, example, open.detach(), "amax");
  const at::Tensor shifted = open - top.index_select(0, example);
  const at::Tensor none = at::zeros({examples}, logits.options());
  const at::Tensor mass = none.index_add(0, example, shifted.exp() * allowed.to(logits.scalar_type()));
  const at::Tensor chosen = right.to(logits.scalar_type());
  const at::Tensor has = none.index_add(0, example, chosen);
  const at::Tensor score = none.index_add(0, example, shifted.masked_fill(right.logical_not(), 0));
  // An example without a right row has no loss, whatever its mass.
  return at::where(has.gt(0), mass.clamp_min(1e-30).log() * has - score, none);
}

}  // namespace

at::Tensor span_cross_entropy(const at::Tensor& logits, const PackedBatch& batch) {
  const at::Tensor example = at::repeat_interleave(batch.offsets_tensor.diff());
  const at::Tensor allowed = batch.tags.ge(0), known = batch.tags.clamp_min(0);
  const at::Tensor starts = known.bitwise_and(kSpanStarts).gt(0);
  const at::Tensor ends = known.bitwise_and(kSpanEnds).gt(0);
  const at::Tensor first = end_losses(logits.select(1, 0), allowed, starts, example, batch.examples());
  const at::Tensor last = end_losses(logits.select(1, 1), allowed, ends, example, batch.examples());
  return (first + last) * 0.5;
}

std::shared_ptr<Model> make_span_model(const ModelSpec& spec, std::int64_t vocabulary,
                                       const at::Tensor& vectors, core::ReproducibleRng& rng) {
  const auto kind = core::registry().make<ModelKind>("model", spec.kind);
  // Two "tags": an encoder then knows that its token rows will be read.
  const ModelSizes sizes{.vocabulary = vocabulary, .tags = 2};
  return std::make_shared<SpanModel>(kind, EncoderInputs{spec, sizes, vectors, rng});
}

}  // namespace discreet::nn
