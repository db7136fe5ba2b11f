#include "discreet/core/registry.h"
#include "discreet/nn/recurrent.h"

namespace discreet {

void register_model_bigru(core::Registry& registry) {
  registry.add({"model",
                "bigru",
                "GRU over word vectors, in both directions",
                "Cho et al. 2014",
                {},
                nn::ModelKind{[](const nn::EncoderInputs& inputs) {
                  return nn::make_recurrent_encoder(inputs, nn::Cell::kGru, true);
                }}});
}

}  // namespace discreet
