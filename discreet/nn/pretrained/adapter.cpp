#include "discreet/nn/pretrained/adapter.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/formats/safetensors.h"
#include "discreet/nn/layers/linear.h"
#include "discreet/nn/pretrained/name_table.h"

namespace discreet::nn {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kBasePrefix = "base_model.model.";

double adapter_scale(const Json& config, std::int64_t rank) {
  const double alpha = config.value("lora_alpha", 8.0);
  const auto ranks = static_cast<double>(rank);
  return config.value("use_rslora", false) ? alpha / std::sqrt(ranks) : alpha / ranks;
}

bool is_set(const Json& config, const char* key) {
  if (!config.contains(key) || config[key].is_null()) return false;
  const Json& value = config[key];
  return !(value.is_boolean() && !value.get<bool>()) && !(value.is_structured() && value.empty());
}

void check_adapter(const Json& config, const std::string& origin) {
  const auto refuse = [&](const std::string& what) {
    throw bad_data(origin + ": " + what + " is not supported", "LoRA on linear layers is.");
  };
  const std::string type = config.value("peft_type", "");
  if (type != "LORA") refuse("peft_type '" + type + "'");
  if (config.value("bias", "none") != "none") refuse("bias = \"" + config.value("bias", "none") + "\"");
  for (const char* key : {"use_dora", "lora_bias", "alpha_pattern", "rank_pattern", "layer_replication",
                          "megatron_config", "trainable_token_indices", "eva_config", "corda_config",
                          "use_qalora", "loftq_config", "target_parameters", "arrow_config",
                          "alora_invocation_tokens", "kasa_config", "lora_ga_config", "monteclora_config", "use_bdlora",
                          "velora_config"}) {
    if (is_set(config, key)) refuse(key);
  }
  // These starts change the weights that the adapter stands beside.
  const Json start = config.value("init_lora_weights", Json(true));
  if (start.is_string() && start != "gaussian" && start != "eva" && start != "orthogonal") {
    refuse("init_lora_weights = \"" + start.get<std::string>() + "\"");
  }
}

/// Whether a parameter of ours belongs to a head that a task trains from nothing.
bool is_of_head(const std::string& name) {
  return name.starts_with("intent_head.") || name.starts_with("slot_head.") || name.starts_with("span_head.");
}

/// One lora_A, lora_B pair of a file.
struct PairOfFile {
  at::Tensor a, b;
};

at::Tensor floats_of(const formats::TensorView& view) {
  at::Tensor tensor = at::empty(view.shape, at::kFloat);
  formats::copy_to_floats(view, {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())});
  return tensor;
}

std::map<std::string, LinearImpl*> linear_layers(const torch::nn::Module& model) {
  std::map<std::string, LinearImpl*> layers;
  for (const auto& item : model.named_modules()) {
    if (auto* layer = item.value()->as<LinearImpl>()) layers[item.key()] = layer;
  }
  return layers;
}

/// Puts the pairs of a layer's parts into one: block by block, zeros elsewhere.
AdapterLayer joined(const std::string& name, const std::vector<PairOfFile>& parts,
                    const std::vector<std::int64_t>& sizes, const Json& config) {
  std::int64_t rank = 0, out = 0;
  double scale = 0;
  std::vector<at::Tensor> as;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    out += sizes[i];
    if (!parts[i].a.defined()) continue;
    rank += parts[i].a.size(0);
    as.push_back(parts[i].a);
    if (scale == 0) scale = adapter_scale(config, parts[i].a.size(0));
  }
  at::Tensor b = at::zeros({out, rank}, at::kFloat);
  std::int64_t row = 0, column = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].a.defined()) {
      const std::int64_t own = parts[i].a.size(0);
      const double ratio = adapter_scale(config, own) / scale;
      b.narrow(0, row, sizes[i]).narrow(1, column, own).copy_(parts[i].b * ratio);
      column += own;
    }
    row += sizes[i];
  }
  return {name, as.size() == 1 ? as.front() : at::cat(as), b, scale};
}

}  // namespace

Adapter read_adapter(const fs::path& folder, const PretrainedSource& source) {
  const fs::path config_file = folder / "adapter_config.json", file = folder / "adapter_model.safetensors";
  const Json config = core::parse_json(core::read_file(config_file), config_file.string());
  if (!config.is_object()) throw bad_data(config_file.string() + ": is not an object");
  check_adapter(config, config_file.string());
  const formats::SafetensorsFile tensors(file);
  const FileNames names(source, preferred_head(source));
  // By our layer: the pairs of its parts.
  std::map<std::string, std::vector<PairOfFile>> layers;
  Adapter adapter;
  for (const std::string& full : tensors.names()) {
    std::string name = full;
    if (name.starts_with(kBasePrefix)) name = name.substr(kBasePrefix.size());
    const bool a = name.ends_with(".lora_A.weight"), b = name.ends_with(".lora_B.weight");
    if (a || b) name = name.substr(0, name.size() - std::string_view(".lora_A.weight").size()) + ".weight";
    const auto place = names.find(name);
    if (!place) {
      throw bad_data(fmt::format("{}: '{}' stands beside nothing that model_type '{}' has", file.string(), full,
                                 formats::model_type_name(source.config.form)),
                     "Linear layers of the model can have an adapter; embeddings cannot.");
    }
    const std::string ours = place->ours.substr(0, place->ours.rfind('.'));
    if (!a && !b) {
      if (place->parts != 1) throw bad_data(fmt::format("{}: '{}' is no head", file.string(), full));
      adapter.heads.emplace_back(place->ours, floats_of(tensors.at(full)));
      continue;
    }
    auto& parts = layers[ours];
    parts.resize(place->parts);
    (a ? parts[place->part].a : parts[place->part].b) = floats_of(tensors.at(full));
  }
  for (const auto& [ours, parts] : layers) {
    std::vector<std::int64_t> sizes;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto& [a, b] = parts[i];
      if (a.defined() != b.defined() || (a.defined() && (a.dim() != 2 || b.dim() != 2 || a.size(0) != b.size(1)))) {
        throw bad_data(fmt::format("{}: lora_A and lora_B of '{}' do not fit each other", file.string(), ours));
      }
      sizes.push_back(b.defined() ? b.size(0) : 0);
    }
    if (parts.size() > 1) {
      // Two parts are equal ones: whichever the adapter has tells the size of both.
      const std::int64_t known = *std::max_element(sizes.begin(), sizes.end());
      const auto stated = part_sizes(source.form, parts.size(), known * static_cast<std::int64_t>(parts.size()));
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        if (sizes[i] != 0 && sizes[i] != stated[i]) {
          throw bad_data(fmt::format("{}: lora_B of '{}' has {} rows, expected {}", file.string(), ours, sizes[i],
                                     stated[i]));
        }
      }
      sizes = stated;
    }
    adapter.layers.push_back(joined(ours, parts, sizes, config));
  }
  if (adapter.layers.empty()) throw bad_data(file.string() + ": holds no adapter");
  return adapter;
}

void put_adapter(torch::nn::Module& model, const Adapter& adapter) {
  const auto layers = linear_layers(model);
  for (const auto& item : model.named_parameters()) {
    at::Tensor parameter = item.value();
    parameter.set_requires_grad(is_of_head(item.key()));
  }
  for (const AdapterLayer& layer : adapter.layers) {
    const auto found = layers.find(layer.name);
    if (found == layers.end()) {
      throw usage_error("the adapter has a layer '" + layer.name + "', which the model lacks");
    }
    const at::Tensor& weight = found->second->weight;
    if (layer.a.size(1) != weight.size(1) || layer.b.size(0) != weight.size(0)) {
      throw bad_data(fmt::format("the adapter of '{}' is made for {} x {} weights, the model's are {} x {}",
                                 layer.name, layer.b.size(0), layer.a.size(1), weight.size(0), weight.size(1)));
    }
    found->second->set_lora(layer.a, layer.b, layer.scale);
  }
  put_adapter_heads(model, adapter);
}

void put_adapter_heads(torch::nn::Module& model, const Adapter& adapter) {
  const at::NoGradGuard no_gradients;
  auto parameters = model.named_parameters();
  for (const auto& [name, value] : adapter.heads) {
    at::Tensor* parameter = parameters.find(name);
    if (parameter != nullptr && parameter->sizes() == value.sizes()) parameter->copy_(value);
  }
}

Json adapter_layout(const torch::nn::Module& model) {
  Json layout = Json::object();
  for (const auto& [name, layer] : linear_layers(model)) {
    if (!layer->lora_a.defined()) continue;
    layout[name] = {{"rank", layer->lora_a.size(0)}, {"scale", layer->lora_scale()}};
  }
  return layout;
}

void make_adapter_layers(torch::nn::Module& model, const Json& layout) {
  Adapter adapter;
  const auto layers = linear_layers(model);
  for (const auto& [name, entry] : layout.items()) {
    const auto found = layers.find(name);
    if (found == layers.end()) throw bad_data("the model has no layer '" + name + "' for its adapter");
    const auto rank = entry.at("rank").get<std::int64_t>();
    const at::Tensor& weight = found->second->weight;
    adapter.layers.push_back({name, at::zeros({rank, weight.size(1)}), at::zeros({weight.size(0), rank}),
                              entry.at("scale").get<double>()});
  }
  put_adapter(model, adapter);
}

void write_adapter(const fs::path& folder, const torch::nn::Module& model, const PretrainedSource& source,
                   const HeadForm& head, const std::string& base) {
  const at::NoGradGuard no_gradients;
  const FileNames names(source, head);
  NamedTensors tensors;
  std::set<std::string> targets, saved;
  std::int64_t rank = 0;
  double scale = 0;
  for (const auto& [name, layer] : linear_layers(model)) {
    if (!layer->lora_a.defined()) continue;
    const auto theirs = names.of(name + ".weight");
    if (theirs.empty()) throw usage_error("the layer '" + name + "' has no name in a file of this model_type");
    if (scale == 0) {
      rank = layer->lora_a.size(0);
      scale = layer->lora_scale();
    }
    if (layer->lora_a.size(0) != rank) {
      throw usage_error("layers have adapters of different rank: '" + name + "'",
                        "Export the whole model instead; the adapters are merged into it.");
    }
    std::int64_t first = 0;
    const at::Tensor b = layer->lora_b.detach() * (layer->lora_scale() / scale);
    const auto sizes = theirs.size() == 1 ? std::vector<std::int64_t>{b.size(0)}
                                          : part_sizes(source.form, theirs.size(), b.size(0));
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      const std::string layer_name = theirs[i].substr(0, theirs[i].size() - std::string_view(".weight").size());
      const std::string full = std::string(kBasePrefix) + layer_name;
      tensors.emplace_back(full + ".lora_A.weight", layer->lora_a.detach().to(at::kFloat).contiguous().clone());
      tensors.emplace_back(full + ".lora_B.weight", b.narrow(0, first, sizes[i]).to(at::kFloat).contiguous());
      // The whole name: the last word of it would fit layers that have no adapter.
      targets.insert(layer_name);
      first += sizes[i];
    }
  }
  if (tensors.empty()) {
    throw usage_error("the model has no adapter to write", "Train with model.lora_rank or model.adapter.");
  }
  for (const auto& item : model.named_parameters()) {
    const std::string& name = item.key();
    const bool whole = is_of_head(name) || name.starts_with("encoder.pooler.");
    const auto theirs = names.of(name);
    if (!whole || theirs.size() != 1) continue;
    tensors.emplace_back(std::string(kBasePrefix) + theirs[0], item.value().detach().to(at::kFloat).contiguous());
    const std::string module = theirs[0].substr(0, theirs[0].rfind('.'));
    saved.insert(module.substr(0, module.find('.')) == "classifier" ? "classifier" : module);
  }
  std::string task;
  if (head.head == PretrainedHead::kSequence) task = "SEQ_CLS";
  if (head.head == PretrainedHead::kTokens) task = "TOKEN_CLS";
  if (head.head == PretrainedHead::kSpan) task = "QUESTION_ANS";
  if (head.head == PretrainedHead::kNextToken) task = "CAUSAL_LM";
  if (head.class_name.ends_with("ForConditionalGeneration")) task = "SEQ_2_SEQ_LM";
  const bool transposed = source.config.form == formats::ModelForm::kGpt2;
  const Json config = {{"peft_type", "LORA"},
                       {"task_type", task.empty() ? Json() : Json(task)},
                       {"base_model_name_or_path", base},
                       {"r", rank},
                       {"lora_alpha", scale * static_cast<double>(rank)},
                       {"lora_dropout", 0.0},
                       {"bias", "none"},
                       {"fan_in_fan_out", transposed},
                       {"target_modules", targets},
                       {"modules_to_save", saved.empty() ? Json() : Json(saved)},
                       {"inference_mode", true},
                       {"init_lora_weights", true}};
  fs::create_directories(folder);
  core::write_file_atomically(folder / "adapter_config.json", config.dump(2) + "\n");
  write_weights(folder / "adapter_model.safetensors", tensors);
}

}  // namespace discreet::nn
