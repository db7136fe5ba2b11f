#include "discreet/nn/adapt.h"

#include "discreet/core/error.h"
#include "discreet/core/pattern.h"
#include "discreet/nn/layers/linear.h"

namespace discreet::nn {
namespace {

bool is_lora(const std::string& name) {
  return name.ends_with(".lora_a") || name.ends_with(".lora_b");
}

}  // namespace

void add_lora(torch::nn::Module& model, const LoraOptions& options, core::ReproducibleRng& rng) {
  std::vector<std::pair<std::string, LinearImpl*>> layers;
  std::vector<std::string> names;
  for (const auto& item : model.named_modules()) {
    auto* layer = item.value()->as<LinearImpl>();
    if (layer == nullptr) continue;
    layers.emplace_back(item.key(), layer);
    names.push_back(item.key());
  }
  const std::vector<std::string> all{"*"};
  const auto& targets = options.targets.empty() ? all : options.targets;
  core::check_patterns("model.lora_targets", targets, names);
  for (const auto& item : model.named_parameters()) {
    at::Tensor parameter = item.value();
    parameter.set_requires_grad(false);
  }
  for (auto& [name, layer] : layers) {
    if (core::matches_any(targets, name)) layer->add_lora(options.rank, options.alpha, rng);
  }
}

void keep_trainable(torch::nn::Module& model, const std::vector<std::string>& patterns, bool thaw) {
  std::vector<std::string> names;
  for (const auto& item : model.named_parameters()) names.push_back(item.key());
  core::check_patterns("train.trainable", patterns, names);
  for (const auto& item : model.named_parameters()) {
    if (is_lora(item.key())) continue;
    at::Tensor parameter = item.value();
    const bool wanted = core::matches_any(patterns, item.key());
    parameter.set_requires_grad(wanted && (thaw || parameter.requires_grad()));
  }
}

}  // namespace discreet::nn
