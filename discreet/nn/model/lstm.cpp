#include "discreet/core/registry.h"
#include "discreet/nn/recurrent.h"

namespace discreet {

void register_model_lstm(core::Registry& registry) {
  registry.add({"model",
                "lstm",
                "LSTM over word vectors, reading forwards",
                "Hochreiter and Schmidhuber 1997",
                {},
                nn::ModelKind{[](const nn::EncoderInputs& inputs) {
                  return nn::make_recurrent_encoder(inputs, nn::Cell::kLstm, false);
                }}});
}

}  // namespace discreet
