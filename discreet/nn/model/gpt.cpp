#include "discreet/core/registry.h"
#include "discreet/nn/transformer.h"

namespace discreet {

// As a language model, or with heads like any other kind: then each word sees what stands before it.
void register_model_gpt(core::Registry& registry) {
  registry.add({"model",
                "gpt",
                "Causal transformer: language models, GPT-2's and Llama's forms among them",
                "Radford et al. 2019; Touvron et al. 2023",
                {},
                nn::ModelKind{.make_encoder = [](const nn::EncoderInputs& inputs)
                                  -> std::shared_ptr<nn::Encoder> {
                                return std::make_shared<nn::TransformerEncoder>(inputs, true);
                              },
                              .causal = true}});
}

}  // namespace discreet
