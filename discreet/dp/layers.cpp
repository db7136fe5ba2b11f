#include "discreet/dp/layers.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "discreet/nn/model.h"
#include "discreet/nn/tape.h"

namespace discreet::dp {
namespace {

/// Hears which parameters are used together; nothing is recorded, as there is no backward pass.
class LayerFinder final : public nn::Recorder {
 public:
  explicit LayerFinder(const nn::NamedTensors& parameters) : parent_(parameters.size()) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      place_[parameters[i].second.unsafeGetTensorImpl()] = i;
    }
  }

  void expect(std::string_view, const std::vector<at::Tensor>& params) override {
    std::size_t first = parent_.size();
    for (const at::Tensor& param : params) {
      if (!param.defined()) continue;
      const auto place = place_.find(param.unsafeGetTensorImpl());
      if (place == place_.end()) continue;
      const std::size_t root = root_of(place->second);
      if (first == parent_.size()) first = root;
      // The smaller place stays the root, so that layers keep the parameters' order.
      const auto [low, high] = std::minmax({root_of(first), root});
      parent_[high] = low;
    }
  }
  void record(nn::Use) override {}

  std::size_t root_of(std::size_t place) const {
    while (parent_[place] != place) place = parent_[place];
    return place;
  }

 private:
  std::map<const void*, std::size_t> place_;
  std::vector<std::size_t> parent_;
};

std::string module_of(const std::string& parameter) {
  const auto dot = parameter.rfind('.');
  return dot == std::string::npos ? parameter : parameter.substr(0, dot);
}

/// The words that all names begin with; of one name that of its module.
std::string common_path(const std::vector<std::string>& names) {
  std::string path = module_of(names.front());
  for (const std::string& name : names) {
    while (!path.empty() && name != path && name.rfind(path + ".", 0) != 0) {
      const auto dot = path.rfind('.');
      path = dot == std::string::npos ? "" : path.substr(0, dot);
    }
  }
  return path;
}

/// Names that occur twice are told apart by their first parameter (two directions of one LSTM layer).
void tell_apart(std::vector<ClipLayer>& layers) {
  std::map<std::string, int> seen;
  for (const ClipLayer& layer : layers) ++seen[layer.name];
  for (ClipLayer& layer : layers) {
    if (layer.name.empty() || seen[layer.name] > 1) layer.name = layer.parameters.front();
  }
}

}  // namespace

std::vector<ClipLayer> find_layers(nn::Model& model, const nn::NamedTensors& parameters,
                                   const nn::PackedBatch& batch) {
  LayerFinder finder(parameters);
  {
    nn::RecordingScope scope(finder);
    model.forward(batch);
  }
  std::map<std::size_t, std::size_t> number;  // root → layer
  std::vector<ClipLayer> layers;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto [place, fresh] = number.try_emplace(finder.root_of(i), layers.size());
    if (fresh) layers.emplace_back();
    ClipLayer& layer = layers[place->second];
    layer.parameters.push_back(parameters[i].first);
    layer.values += parameters[i].second.numel();
  }
  for (ClipLayer& layer : layers) layer.name = common_path(layer.parameters);
  tell_apart(layers);
  return layers;
}

std::vector<ClipLayer> by_module(const std::vector<ClipLayer>& layers) {
  std::vector<ClipLayer> modules;
  for (const ClipLayer& layer : layers) {
    const std::string name = layer.name.substr(0, layer.name.find('.'));
    auto found = std::find_if(modules.begin(), modules.end(),
                              [&](const ClipLayer& module) { return module.name == name; });
    if (found == modules.end()) {
      modules.push_back({name, {}, 0});
      found = modules.end() - 1;
    }
    found->parameters.insert(found->parameters.end(), layer.parameters.begin(), layer.parameters.end());
    found->values += layer.values;
  }
  return modules;
}

}  // namespace discreet::dp
