#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/nn/layered_encoder.h"
#include "discreet/nn/layers/activation.h"
#include "discreet/nn/layers/conv1d.h"
#include "discreet/nn/layers/group_norm.h"
#include "discreet/nn/layers/layer_norm.h"

namespace discreet::nn {
namespace {

/// Filters of several widths side by side, normalised if asked, rectified. Each keeps the number of
/// rows, so that a tagger can read them as well as the pooled row can.
class ConvolutionLayer final : public torch::nn::Module {
 public:
  ConvolutionLayer(std::int64_t in, std::int64_t filters, const ModelSpec& spec,
                   core::ReproducibleRng& rng)
      : activation_(parse_activation(spec.activation.empty() ? "relu" : spec.activation)) {
    for (const std::int64_t width : spec.widths) {
      convolutions_.push_back(register_module(
          "width" + std::to_string(width),
          Conv1d(Conv1dOptions{.in = in, .out = filters, .windowing = Windowing::same(width)},
                 rng)));
    }
    width_ = filters * static_cast<std::int64_t>(spec.widths.size());
    if (spec.norm == "layer") {
      layer_norm_ = register_module("norm", LayerNorm(LayerNormOptions{width_}));
    } else if (spec.norm == "group") {
      group_norm_ = register_module("norm", GroupNorm(GroupNormOptions{width_, spec.norm_groups}));
    }
  }

  at::Tensor forward(const at::Tensor& x, const PackedBatch& batch) {
    const Sequences examples = batch.token_sequences();
    std::vector<at::Tensor> parts;
    for (Conv1d& convolution : convolutions_) parts.push_back(convolution->forward(x, examples));
    at::Tensor y = parts.size() > 1 ? at::cat(parts, 1) : parts.front();
    if (layer_norm_) y = layer_norm_->forward(y, batch.token_segments);
    if (group_norm_) y = group_norm_->forward(y, examples);
    return activate(y, activation_);
  }
  std::int64_t width() const { return width_; }

 private:
  Activation activation_;
  std::int64_t width_ = 0;
  std::vector<Conv1d> convolutions_;
  LayerNorm layer_norm_{nullptr};
  GroupNorm group_norm_{nullptr};
};

class ConvolutionEncoder final : public LayeredEncoder<std::shared_ptr<ConvolutionLayer>> {
 public:
  explicit ConvolutionEncoder(const EncoderInputs& in) : LayeredEncoder(in, "max") {
    if (in.spec.widths.empty()) throw usage_error("model.widths is empty: a cnn needs filters");
    const std::int64_t filters = in.spec.hidden.empty() ? 100 : in.spec.hidden.front();
    for (std::int64_t i = 0; i < in.spec.layers; ++i) {
      add_layer(std::make_shared<ConvolutionLayer>(token_width(), filters, in.spec, in.rng));
    }
  }
};

}  // namespace
}  // namespace discreet::nn

namespace discreet {

void register_model_cnn(core::Registry& registry) {
  registry.add({"model",
                "cnn",
                "Filters of several widths over word vectors, the greatest of each over time",
                "Kim 2014",
                {},
                nn::ModelKind{[](const nn::EncoderInputs& inputs) -> std::shared_ptr<nn::Encoder> {
                  return std::make_shared<nn::ConvolutionEncoder>(inputs);
                }}});
}

}  // namespace discreet
