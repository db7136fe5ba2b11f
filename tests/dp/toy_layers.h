#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "discreet/dp/clipper.h"
#include "discreet/dp/plan.h"
#include "discreet/nn/layers/linear.h"
#include "tensor_registry.h"

namespace discreet::dp::testing {

/// Several rows of weights, each with an input of its own, so that an example's gradient in layer l is
/// the input that the test chose: what a clipped sum must be is known by hand.
class ToyLayers {
 public:
  ToyLayers(std::int64_t layers, std::int64_t width) : width_(width) {
    tensor_registry();
    core::ReproducibleRng rng(1, "toy");
    for (std::int64_t l = 0; l < layers; ++l) {
      layers_.emplace_back(nn::LinearOptions{width, 1, false}, rng);
      layers_.back()->to(at::kDouble);
      names_.push_back("layer" + std::to_string(l));
    }
  }

  nn::NamedTensors parameters() const {
    nn::NamedTensors list;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      list.emplace_back(names_[l] + ".weight", layers_[l]->weight);
    }
    return list;
  }
  std::vector<ClipLayer> clip_layers() const {
    std::vector<ClipLayer> list;
    for (const std::string& name : names_) list.push_back({name, {name + ".weight"}, width_});
    return list;
  }

  /// One part. gradients [N, layers * width] of the examples; offsets [S+1] over them; weights [N] of
  /// their losses, or undefined.
  void run(SegmentClipper& clipper, const at::Tensor& gradients, std::vector<std::int64_t> offsets,
           const at::Tensor& weights = {}) {
    clipper.begin(static_cast<std::int64_t>(offsets.size()) - 1);
    backward(clipper, gradients, std::move(offsets), weights);
    clipper.finish();
  }
  /// A piece of one segment.
  void run_piece(SegmentClipper& clipper, const at::Tensor& gradients, const at::Tensor& weights = {}) {
    clipper.begin_piece();
    backward(clipper, gradients, {0, gradients.size(0)}, weights);
    clipper.finish();
  }

 private:
  void backward(SegmentClipper& clipper, const at::Tensor& gradients, std::vector<std::int64_t> offsets,
                const at::Tensor& weights) {
    const auto rows = std::make_shared<nn::Segments>(nn::Segments{std::move(offsets)});
    nn::RecordingScope scope(clipper);
    at::Tensor losses;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const auto place = static_cast<std::int64_t>(l) * width_;
      const at::Tensor x = gradients.slice(1, place, place + width_).to(at::kDouble).contiguous();
      const at::Tensor y = layers_[l]->forward(x, rows).squeeze(1);
      losses = losses.defined() ? losses + y : y;
    }
    (weights.defined() ? losses.dot(weights) : losses.sum()).backward();
  }

  std::int64_t width_;
  std::vector<nn::Linear> layers_;
  std::vector<std::string> names_;
};

/// What a plan releases of a clipper's sum, all parameters side by side in double.
inline at::Tensor released_of(PrivatePlan& plan, SegmentClipper& clipper, std::uint64_t step = 0) {
  plan.begin_step(step);
  ClippedSum sum = clipper.take();
  std::vector<at::Tensor> pieces;
  for (const at::Tensor& piece : plan.release(sum)) {
    pieces.push_back(piece.flatten().to(at::kDouble).clone());
  }
  clipper.recycle(std::move(sum));
  return at::cat(pieces);
}

/// Noise of size nothing, so that a release is the clipped sum itself.
class NoNoise final : public privacy::NoiseSource {
 public:
  void begin_step(std::uint64_t) override {}
  void add_gaussian(std::span<float>, double) override {}
  void add_gaussian(std::span<double>, double) override {}
  bool secure() const override { return false; }
};

inline at::Tensor random_gradients(std::int64_t rows, std::int64_t columns, double scale,
                                   core::ReproducibleRng& rng) {
  at::Tensor values = at::empty({rows, columns}, at::kDouble);
  for (std::int64_t i = 0; i < values.numel(); ++i) values.data_ptr<double>()[i] = scale * rng.normal();
  return values;
}

}  // namespace discreet::dp::testing
