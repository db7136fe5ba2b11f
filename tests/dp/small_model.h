#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "discreet/dp/clipper.h"
#include "discreet/nn/model.h"
#include "tensor_registry.h"
#include "tests/nn/tiny_pretrained.h"

// Small whole models and data for the tests of clipping.
namespace discreet::dp::testing {

inline constexpr std::int64_t kWords = 11, kIntents = 4, kTags = 5, kCharacters = 7;

/// Examples of the given lengths; few words, so that tokens repeat within an example. A word has 0 to 4
/// characters.
inline nn::EncodedExamples random_examples(const std::vector<std::int64_t>& lengths, std::uint64_t seed) {
  core::ReproducibleRng rng(seed, "examples");
  nn::EncodedExamples data;
  data.character_offsets.push_back(0);
  for (const std::int64_t length : lengths) {
    for (std::int64_t t = 0; t < length; ++t) {
      data.tokens.push_back(static_cast<std::int64_t>(rng.below(kWords)));
      data.tags.push_back(static_cast<std::int64_t>(rng.below(kTags)));
      for (std::uint64_t left = rng.below(5); left > 0; --left) {
        data.characters.push_back(static_cast<std::int64_t>(rng.below(kCharacters)));
      }
      data.character_offsets.push_back(static_cast<std::int64_t>(data.characters.size()));
    }
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
    data.intents.push_back(static_cast<std::int64_t>(rng.below(kIntents)));
  }
  return data;
}

inline std::shared_ptr<nn::Model> small_model(const std::string& kind, at::ScalarType type,
                                              double dropout = 0, bool characters = false) {
  tensor_registry();
  nn::ModelSpec spec;
  spec.kind = kind;
  spec.embedding = 8;
  spec.hidden = {8};
  spec.layers = kind == "bow" ? 1 : 2;
  spec.heads = 2;
  if (kind == "pretrained") spec.path = nn::test::tiny_pretrained("albert", kWords, {{"max_position_embeddings", 128}}).string();
  spec.dropout = dropout;
  spec.norm = kind == "cnn" ? "group" : "";
  spec.char_embedding = characters || kind == "bilstm-cnn-crf" ? 3 : 0;
  spec.char_filters = 6;
  core::ReproducibleRng rng(11, "model");
  auto model = nn::make_model(spec, {kWords, kIntents, kTags, kCharacters}, {}, rng);
  model->to(type);
  // Away from zero, where start values hide mistakes.
  at::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) {
    for (std::int64_t i = 0; i < parameter.numel(); ++i) {
      parameter.view(-1)[i] += 0.1 * rng.normal();
    }
  }
  return model;
}

inline nn::NamedTensors trainable_of(const nn::Model& model) {
  nn::NamedTensors parameters;
  for (const auto& item : model.named_parameters()) {
    if (item.value().requires_grad()) parameters.emplace_back(item.key(), item.value());
  }
  return parameters;
}

/// Gradient of the loss of the examples at `indices`, by ordinary backward passes over batches of one
/// example; parameters side by side in double.
inline at::Tensor plain_gradient(nn::Model& model, const nn::EncodedExamples& data,
                                 const std::vector<std::int64_t>& indices) {
  at::Tensor total;
  for (const std::int64_t index : indices) {
    for (auto& parameter : model.parameters()) parameter.mutable_grad() = at::Tensor();
    const std::vector<std::int64_t> one{index};
    model.forward(nn::collate(data, one)).loss.sum().backward();
    std::vector<at::Tensor> pieces;
    for (auto& [name, parameter] : trainable_of(model)) {
      pieces.push_back(parameter.grad().defined() ? parameter.grad().flatten().to(at::kDouble)
                                                  : at::zeros({parameter.numel()}, at::kDouble));
    }
    const at::Tensor gradient = at::cat(pieces);
    total = total.defined() ? total + gradient : gradient;
  }
  for (auto& parameter : model.parameters()) parameter.mutable_grad() = at::Tensor();
  return total;
}

}  // namespace discreet::dp::testing
