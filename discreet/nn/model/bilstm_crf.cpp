#include "discreet/core/registry.h"
#include "discreet/nn/recurrent.h"

namespace discreet {

void register_model_bilstm_crf(core::Registry& registry) {
  registry.add({"model",
                "bilstm-crf",
                "LSTM in both directions, tags by a conditional random field",
                "Huang, Xu and Yu 2015",
                {},
                nn::ModelKind{[](const nn::EncoderInputs& inputs) {
                                return nn::make_recurrent_encoder(inputs, nn::Cell::kLstm, true);
                              },
                              true}});
}

}  // namespace discreet
