#include "discreet/core/registry.h"
#include "discreet/nn/recurrent.h"

namespace discreet {

void register_model_bilstm(core::Registry& registry) {
  registry.add({"model",
                "bilstm",
                "LSTM over word vectors, in both directions",
                "Graves and Schmidhuber 2005",
                {},
                nn::ModelKind{[](const nn::EncoderInputs& inputs) {
                  return nn::make_recurrent_encoder(inputs, nn::Cell::kLstm, true);
                }}});
}

}  // namespace discreet
