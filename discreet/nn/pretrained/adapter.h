#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/nn/optimizer.h"
#include "discreet/nn/pretrained/weights.h"

// Low-rank adapters in the layout of the PEFT library: adapter_config.json, adapter_model.safetensors.
namespace discreet::nn {

/// What stands beside one linear layer of ours: scale b a, added to its weight.
struct AdapterLayer {
  std::string name;  ///< Of the layer: "encoder.block0.qkv".
  at::Tensor a, b;   ///< [rank, in], [out, rank]
  double scale = 1;
};

struct Adapter {
  std::vector<AdapterLayer> layers;
  NamedTensors heads;  ///< Parameters of ours that were saved whole (modules_to_save).
};

/// Reads an adapter for models of a form. Where the form's files have queries, keys and values apart and
/// ours has them in one, ranks are put side by side: the same function, with zeros between the parts.
/// Throws: kBadData naming what the adapter asks for and we lack (another peft_type, DoRA, biases,
/// embeddings, a layer that is not linear), and a tensor that is missing or of another shape.
Adapter read_adapter(const std::filesystem::path& folder, const PretrainedSource& source);

/// Puts an adapter beside the layers of a model of kind "pretrained"; freezes all but the adapter and the
/// heads, as PEFT does. Throws: kUsage for a layer or a head that the model lacks.
void put_adapter(torch::nn::Module& model, const Adapter& adapter);

/// Copies the heads that an adapter brings; one of another shape is another task's and is left out.
void put_adapter_heads(torch::nn::Module& model, const Adapter& adapter);

/// The LoRA layers of a model, to be saved beside its weights: names, ranks and scales.
Json adapter_layout(const torch::nn::Module& model);
/// Makes LoRA layers of that layout, with zeros in them, and freezes the other parameters.
void make_adapter_layers(torch::nn::Module& model, const Json& layout);

/// Writes the LoRA layers of a model, and its heads where they are trainable, as PEFT reads them.
/// `base` stands as base_model_name_or_path. Throws: kUsage if there are none.
void write_adapter(const std::filesystem::path& folder, const torch::nn::Module& model,
                   const PretrainedSource& source, const HeadForm& head, const std::string& base);

}  // namespace discreet::nn
