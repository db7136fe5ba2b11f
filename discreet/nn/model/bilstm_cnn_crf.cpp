#include "discreet/core/registry.h"
#include "discreet/nn/recurrent.h"

namespace discreet {

void register_model_bilstm_cnn_crf(core::Registry& registry) {
  registry.add({"model",
                "bilstm-cnn-crf",
                "LSTM in both directions over word vectors and a convolution over each word's "
                "characters, tags by a conditional random field",
                "Ma and Hovy 2016",
                {},
                nn::ModelKind{[](const nn::EncoderInputs& inputs) {
                                return nn::make_recurrent_encoder(inputs, nn::Cell::kLstm, true,
                                                                  true);
                              },
                              true}});
}

}  // namespace discreet
