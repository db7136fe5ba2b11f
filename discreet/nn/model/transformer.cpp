#include "discreet/core/registry.h"
#include "discreet/nn/transformer.h"

namespace discreet {

void register_model_transformer(core::Registry& registry) {
  registry.add({"model",
                "transformer",
                "Transformer encoder with learned or rotary positions",
                "Vaswani et al. 2017",
                {},
                nn::ModelKind{[](const nn::EncoderInputs& inputs) -> std::shared_ptr<nn::Encoder> {
                  return std::make_shared<nn::TransformerEncoder>(inputs, false);
                }}});
}

}  // namespace discreet
