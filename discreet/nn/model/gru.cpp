#include "discreet/core/registry.h"
#include "discreet/nn/recurrent.h"

namespace discreet {

void register_model_gru(core::Registry& registry) {
  registry.add({"model",
                "gru",
                "GRU over word vectors, reading forwards",
                "Cho et al. 2014",
                {},
                nn::ModelKind{[](const nn::EncoderInputs& inputs) {
                  return nn::make_recurrent_encoder(inputs, nn::Cell::kGru, false);
                }}});
}

}  // namespace discreet
