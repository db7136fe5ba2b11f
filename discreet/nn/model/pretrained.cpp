#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/nn/pretrained/encoder.h"
#include "discreet/nn/pretrained/weights.h"

namespace discreet {
namespace nn {
namespace {

std::shared_ptr<Encoder> make_pretrained(const EncoderInputs& inputs) {
  const ModelSpec& spec = inputs.spec;
  if (spec.path.empty()) {
    throw usage_error("model.kind 'pretrained' needs model.path",
                      "Name a folder with config.json and model.safetensors.");
  }
  const PretrainedSource source = open_source(spec.path);
  check_shapes(source, stack_shapes(source.form), spec.path, true);
  if (inputs.sizes.vocabulary > source.form.vocabulary) {
    throw usage_error("model.path '" + spec.path + "' has " + std::to_string(source.form.vocabulary) +
                          " tokens, the data's vocabulary " + std::to_string(inputs.sizes.vocabulary),
                      "A pretrained model takes the vocabulary of its own tokeniser.");
  }
  const auto layers = static_cast<std::int64_t>(source.form.blocks.size());
  if (spec.tag_layer > layers) {
    throw usage_error("model.tag_layer is " + std::to_string(spec.tag_layer) + ", the model has " +
                          std::to_string(layers) + " layers",
                      "Choose a layer of the model; 0 is the last one.");
  }
  const PretrainedParts parts{.output = inputs.sizes.next_token,
                              .pooler = inputs.wants_pooled(),
                              .pooling = spec.pooling,
                              .words = spec.skip,
                              .tag_layer = spec.tag_layer == layers ? 0 : spec.tag_layer,  // the last one's rows are there
                              .recompute = spec.recompute};
  return std::make_shared<PretrainedEncoder>(source.form, parts, inputs.rng);
}

}  // namespace
}  // namespace nn

void register_model_pretrained(core::Registry& registry) {
  registry.add({"model",
                "pretrained",
                "A folder of the Hugging Face layout: BERT, RoBERTa, DistilBERT, ELECTRA, ALBERT, GPT-2, Llama",
                "Devlin et al. 2019; Wolf et al. 2020",
                {},
                nn::ModelKind{.make_encoder = nn::make_pretrained, .causal = true}});
}

}  // namespace discreet
