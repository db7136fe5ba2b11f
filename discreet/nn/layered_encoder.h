#pragma once

#include <string>
#include <utility>
#include <vector>

#include "discreet/nn/encoder.h"
#include "discreet/nn/layers/pool.h"
#include "discreet/nn/words.h"

namespace discreet::nn {

/// Words through layers that keep the number of rows, with dropout before each: what recurrent and
/// convolutional kinds share. `Layer` points to a module with `forward(rows, batch)` and `width()`; a kind
/// adds its layers in its constructor, the first on rows of `token_width()`.
template <class Layer>
class LayeredEncoder : public Encoder {
 public:
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

 protected:
  /// `pooling`: of the kind, where the specification names none. `characters`: see WordInput.
  LayeredEncoder(const EncoderInputs& in, const std::string& pooling, bool characters = false)
      : words_(*this, in, characters),
        pooling_(parse_pooling(in.spec.pooling.empty() ? pooling : in.spec.pooling)),
        pools_(in.wants_pooled()),
        tags_(in.wants_tokens()),
        skip_(in.spec.skip),
        width_(words_.width()) {}

  void add_layer(Layer layer) {
    layers_.push_back(register_module("layer" + std::to_string(layers_.size()), std::move(layer)));
    width_ = layers_.back()->width();
  }

 private:
  WordInput words_;
  Pooling pooling_;
  bool pools_, tags_, skip_;
  std::int64_t width_;
  std::vector<Layer> layers_;
};

}  // namespace discreet::nn
