#pragma once

#include <vector>

#include "discreet/dp/clipping.h"
#include "discreet/nn/optimizer.h"

namespace discreet::nn {
class Model;
struct PackedBatch;
}  // namespace discreet::nn

namespace discreet::dp {

/// The layers of a model for rules that clip layers apart: the parameters that one use of a layer kind
/// takes stand together (an LSTM direction's weights and biases), and so do those that shared
/// parameters connect. Runs a forward pass over `batch`, any one, to see the uses; the result does not
/// depend on what is in it.
///
/// Names are the parameters' common path ("encoder.layer0"). Order: that of the parameters.
std::vector<ClipLayer> find_layers(nn::Model& model, const nn::NamedTensors& parameters,
                                   const nn::PackedBatch& batch);

/// Layers put together by the first word of their names ("encoder").
std::vector<ClipLayer> by_module(const std::vector<ClipLayer>& layers);

}  // namespace discreet::dp
