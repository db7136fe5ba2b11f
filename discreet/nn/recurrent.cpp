#include "discreet/nn/recurrent.h"

#include "discreet/nn/layers/gru.h"
#include "discreet/nn/layers/lstm.h"
#include "discreet/nn/layers/pool.h"
#include "discreet/nn/words.h"

namespace discreet::nn {
namespace {

/// `Layer` is Lstm or Gru, `Options` what it is made from.
template <class Layer, class Options>
class RecurrentEncoder final : public Encoder {
 public:
  RecurrentEncoder(const EncoderInputs& in, bool bidirectional, bool characters)
      : words_(*this, in, characters),
        pooling_(parse_pooling(in.spec.pooling.empty() ? "mean" : in.spec.pooling)),
        pools_(in.wants_pooled()),
        tags_(in.wants_tokens()),
        skip_(in.spec.skip) {
    const std::int64_t hidden = in.spec.hidden.empty() ? 128 : in.spec.hidden.front();
    std::int64_t width = words_.width();
    for (std::int64_t i = 0; i < in.spec.layers; ++i) {
      layers_.push_back(register_module("layer" + std::to_string(i),
                                        Layer(Options{width, hidden, bidirectional}, in.rng)));
      width = layers_.back()->width();
    }
    width_ = width;
  }

  std::int64_t token_width() const override { return width_; }
  std::int64_t word_width() const override { return words_.width(); }
  std::int64_t pooled_width() const override { return nn::pooled_width(pooling_, width_); }

  Encoded forward(const PackedBatch& batch, const DropoutKey& dropout_key,
                  const DropoutKey& word_key) override {
    at::Tensor x = words_.rows(batch, word_key);
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
  WordInput words_;
  Pooling pooling_;
  bool pools_, tags_, skip_;
  std::int64_t width_ = 0;
  std::vector<Layer> layers_;
};

}  // namespace

std::shared_ptr<Encoder> make_recurrent_encoder(const EncoderInputs& inputs, Cell cell,
                                                bool bidirectional, bool characters) {
  if (cell == Cell::kGru) {
    return std::make_shared<RecurrentEncoder<Gru, GruOptions>>(inputs, bidirectional, characters);
  }
  return std::make_shared<RecurrentEncoder<Lstm, LstmOptions>>(inputs, bidirectional, characters);
}

}  // namespace discreet::nn
