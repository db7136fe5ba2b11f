#include "discreet/nn/recurrent.h"

#include "discreet/nn/layers/embedding.h"
#include "discreet/nn/layers/lstm.h"
#include "discreet/nn/layers/pool.h"

namespace discreet::nn {
namespace {

class RecurrentEncoder final : public Encoder {
 public:
  RecurrentEncoder(const EncoderInputs& in, bool bidirectional)
      : pooling_(parse_pooling(in.spec.pooling.empty() ? "mean" : in.spec.pooling)),
        pools_(in.wants_pooled()),
        tags_(in.wants_tokens()),
        skip_(in.spec.skip) {
    embedding_ = register_module(
        "embedding", Embedding(EmbeddingOptions{in.sizes.vocabulary, in.spec.embedding, in.vectors,
                                                in.spec.freeze_vectors},
                               in.rng));
    const std::int64_t hidden = in.spec.hidden.empty() ? 128 : in.spec.hidden.front();
    std::int64_t width = embedding_->width();
    for (std::int64_t i = 0; i < in.spec.layers; ++i) {
      layers_.push_back(register_module("layer" + std::to_string(i),
                                        Lstm(LstmOptions{width, hidden, bidirectional}, in.rng)));
      width = layers_.back()->width();
    }
    width_ = width;
  }

  std::int64_t token_width() const override { return width_; }
  std::int64_t word_width() const override { return embedding_->width(); }
  std::int64_t pooled_width() const override { return nn::pooled_width(pooling_, width_); }

  Encoded forward(const PackedBatch& batch, const DropoutKey& dropout_key,
                  const DropoutKey& word_key) override {
    at::Tensor x = embedding_->forward(batch.tokens, batch.token_segments);
    x = word_dropout(x, batch, word_key, kDropoutWords);
    Encoded out;
    if (skip_) out.words = x;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      x = dropout(x, batch, dropout_key, static_cast<std::uint32_t>(kDropoutHidden + i));
      x = layers_[i]->forward(x, batch);
    }
    if (tags_) out.tokens = x;
    if (pools_) out.pooled = pool(x, batch, pooling_);
    return out;
  }

 private:
  Pooling pooling_;
  bool pools_, tags_, skip_;
  std::int64_t width_ = 0;
  Embedding embedding_{nullptr};
  std::vector<Lstm> layers_;
};

}  // namespace

std::shared_ptr<Encoder> make_recurrent_encoder(const EncoderInputs& inputs, bool bidirectional) {
  return std::make_shared<RecurrentEncoder>(inputs, bidirectional);
}

}  // namespace discreet::nn
