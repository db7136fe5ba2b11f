#include "discreet/nn/adapt.h"

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/pattern.h"
#include "discreet/nn/layers/linear.h"

namespace discreet::nn {
namespace {

bool is_lora(const std::string& name) {
  return name.ends_with(".lora_a") || name.ends_with(".lora_b");
}

/// The number behind "encoder.block"; -1 for another name.
std::int64_t block_number(const std::string& name) {
  constexpr std::string_view kBlock = "encoder.block";
  if (!name.starts_with(kBlock)) return -1;
  std::int64_t number = -1;
  for (std::size_t i = kBlock.size(); i < name.size() && name[i] >= '0' && name[i] <= '9'; ++i) {
    number = 10 * std::max<std::int64_t>(number, 0) + (name[i] - '0');
  }
  return number;
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

std::function<double(const std::string&)> layer_rates(const torch::nn::Module& model, double decay) {
  std::int64_t blocks = 0;
  for (const auto& item : model.named_parameters()) {
    blocks = std::max(blocks, block_number(item.key()) + 1);
  }
  return [blocks, decay](const std::string& name) {
    const std::int64_t block = block_number(name);
    if (block >= 0) return std::pow(decay, static_cast<double>(blocks - block));
    for (const char* below : {"encoder.words.", "encoder.embedding", "encoder.positions.",
                              "encoder.token_types.", "encoder.widen."}) {
      if (name.starts_with(below)) return std::pow(decay, static_cast<double>(blocks + 1));
    }
    return 1.0;
  };
}

}  // namespace discreet::nn
