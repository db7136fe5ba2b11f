#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/nn/encoder.h"
#include "discreet/nn/layers/activation.h"
#include "discreet/nn/layers/attention.h"
#include "discreet/nn/layers/embedding.h"
#include "discreet/nn/layers/layer_norm.h"
#include "discreet/nn/layers/linear.h"
#include "discreet/nn/layers/pool.h"

namespace discreet::nn {
namespace {

struct BlockOptions {
  std::int64_t width, heads, feed_forward;
  bool pre_norm;
  Activation activation;
};

/// Self-attention and a feed-forward network, each with a residual and a layer norm.
class TransformerBlock final : public torch::nn::Module {
 public:
  TransformerBlock(const BlockOptions& options, core::ReproducibleRng& rng) : options_(options) {
    const std::int64_t d = options.width;
    attention_norm_ = register_module("attention_norm", LayerNorm(LayerNormOptions{d}));
    qkv_ = register_module("qkv", Linear(LinearOptions{d, 3 * d}, rng));
    projection_ = register_module("projection", Linear(LinearOptions{d, d}, rng));
    inner_norm_ = register_module("inner_norm", LayerNorm(LayerNormOptions{d}));
    inner_ = register_module("inner", Linear(LinearOptions{d, options.feed_forward}, rng));
    outer_ = register_module("outer", Linear(LinearOptions{options.feed_forward, d}, rng));
  }

  at::Tensor forward(at::Tensor x, const PackedBatch& batch, const DropoutKey& key,
                     std::uint32_t layer) {
    const Rows& rows = batch.token_segments;
    if (options_.pre_norm) {
      x = x + dropout(attend(attention_norm_->forward(x, rows), batch), batch, key, layer);
      return x + dropout(feed(inner_norm_->forward(x, rows), rows), batch, key, layer + 1);
    }
    x = attention_norm_->forward(x + dropout(attend(x, batch), batch, key, layer), rows);
    return inner_norm_->forward(x + dropout(feed(x, rows), batch, key, layer + 1), rows);
  }

 private:
  at::Tensor attend(const at::Tensor& x, const PackedBatch& batch) {
    const at::Tensor mixed =
        attention(qkv_->forward(x, batch.token_segments), batch, options_.heads);
    return projection_->forward(mixed, batch.token_segments);
  }
  at::Tensor feed(const at::Tensor& x, const Rows& rows) {
    return outer_->forward(activate(inner_->forward(x, rows), options_.activation), rows);
  }

  BlockOptions options_;
  LayerNorm attention_norm_{nullptr}, inner_norm_{nullptr};
  Linear qkv_{nullptr}, projection_{nullptr}, inner_{nullptr}, outer_{nullptr};
};

class TransformerEncoder final : public Encoder {
 public:
  explicit TransformerEncoder(const EncoderInputs& in)
      : pooling_(parse_pooling(in.spec.pooling.empty() ? "mean" : in.spec.pooling)),
        pre_norm_(in.spec.pre_norm),
        pools_(in.wants_pooled()),
        tags_(in.wants_tokens()),
        skip_(in.spec.skip),
        longest_(in.spec.longest) {
    const ModelSpec& spec = in.spec;
    embedding_ =
        register_module("embedding", Embedding(EmbeddingOptions{in.sizes.vocabulary, spec.embedding,
                                                                in.vectors, spec.freeze_vectors},
                                               in.rng));
    width_ = spec.hidden.empty() ? embedding_->width() : spec.hidden.front();
    if (spec.heads < 1 || width_ % spec.heads != 0) {
      throw usage_error("a transformer of width " + std::to_string(width_) +
                            " cannot be split into " + std::to_string(spec.heads) + " heads",
                        "Choose model.heads so that it divides the width.");
    }
    if (embedding_->width() != width_) {
      widen_ = register_module("widen", Linear(LinearOptions{embedding_->width(), width_}, in.rng));
    }
    positions_ = register_module(
        "positions", Embedding(EmbeddingOptions{longest_, width_, {}, false, 0.02}, in.rng));
    const BlockOptions options{
        width_, spec.heads, spec.feed_forward > 0 ? spec.feed_forward : 4 * width_, pre_norm_,
        parse_activation(spec.activation.empty() ? "gelu" : spec.activation)};
    for (std::int64_t i = 0; i < spec.layers; ++i) {
      blocks_.push_back(register_module("block" + std::to_string(i),
                                        std::make_shared<TransformerBlock>(options, in.rng)));
    }
    final_norm_ = register_module("final_norm", LayerNorm(LayerNormOptions{width_}));
  }

  std::int64_t token_width() const override { return width_; }
  std::int64_t word_width() const override { return embedding_->width(); }
  std::int64_t pooled_width() const override { return nn::pooled_width(pooling_, width_); }

  Encoded forward(const PackedBatch& batch, const DropoutKey& dropout_key,
                  const DropoutKey& word_key) override {
    const Rows& rows = batch.token_segments;
    at::Tensor x = embedding_->forward(batch.tokens, rows);
    x = word_dropout(x, batch, word_key, kDropoutWords);
    Encoded out;
    if (skip_) out.words = x;
    if (widen_) x = widen_->forward(x, rows);
    x = x + positions_->forward(position_ids(batch), rows);
    // A post-norm transformer normalises its input, a pre-norm one its output.
    if (!pre_norm_) x = final_norm_->forward(x, rows);
    x = dropout(x, batch, dropout_key, kDropoutVectors);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      x = blocks_[i]->forward(x, batch, dropout_key,
                              static_cast<std::uint32_t>(kDropoutHidden + 2 * i));
    }
    if (pre_norm_) x = final_norm_->forward(x, rows);
    if (tags_) out.tokens = x;
    if (pools_) out.pooled = pool(x, batch, pooling_);
    return out;
  }

 private:
  at::Tensor position_ids(const PackedBatch& batch) const {
    at::Tensor ids = at::empty({batch.token_count()}, at::kLong);
    auto* to = ids.data_ptr<std::int64_t>();
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      const std::int64_t length = batch.offsets[e + 1] - batch.offsets[e];
      if (length > longest_) {
        throw bad_data("an example has " + std::to_string(length) + " tokens, the model at most " +
                           std::to_string(longest_),
                       "Shorten the example or raise the model's longest length.");
      }
      for (std::int64_t i = 0; i < length; ++i) *to++ = i;
    }
    return ids.to(batch.tokens.device());
  }

  Pooling pooling_;
  bool pre_norm_, pools_, tags_, skip_;
  std::int64_t longest_, width_ = 0;
  Embedding embedding_{nullptr}, positions_{nullptr};
  Linear widen_{nullptr};
  std::vector<std::shared_ptr<TransformerBlock>> blocks_;
  LayerNorm final_norm_{nullptr};
};

}  // namespace
}  // namespace discreet::nn

namespace discreet {

void register_model_transformer(core::Registry& registry) {
  registry.add({"model",
                "transformer",
                "Transformer encoder with learned positions",
                "Vaswani et al. 2017",
                {},
                nn::ModelKind{[](const nn::EncoderInputs& inputs) -> std::shared_ptr<nn::Encoder> {
                  return std::make_shared<nn::TransformerEncoder>(inputs);
                }}});
}

}  // namespace discreet
