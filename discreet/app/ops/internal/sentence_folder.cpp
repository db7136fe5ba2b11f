#include "discreet/app/ops/internal/sentence_folder.h"

#include <algorithm>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/model.h"
#include "discreet/nn/torch.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

/// "sentence_transformers.models.Pooling" and newer spellings of it end alike.
bool is_module(const Json& module, const std::string& name) { return module.value("type", "").ends_with("." + name); }

}  // namespace

std::optional<SentenceFolder> read_sentence_folder(const fs::path& folder) {
  const fs::path file = folder / "modules.json";
  if (!fs::exists(file)) return std::nullopt;
  SentenceFolder sentence{.modules = core::parse_json(core::read_file(file), file.string()), .pooling = {}};
  const Json& modules = sentence.modules;
  if (!modules.is_array() || modules.size() < 2 || !is_module(modules[0], "Transformer") || modules[0].value("path", "?") != "" ||
      !is_module(modules[1], "Pooling")) {
    throw usage_error(file.string() + ": its modules are not an encoder in the folder itself, then a pooling",
                      "A projection goes behind the pooling of such a folder.");
  }
  sentence.pooling_module = 1;
  const fs::path config = folder / modules[1].value("path", "") / "config.json";
  const Json pooling = core::parse_json(core::read_file(config), config.string());
  std::vector<std::string> modes;
  for (const auto& [key, value] : pooling.items()) {
    if (key.starts_with("pooling_mode_") && value.is_boolean() && value.get<bool>()) modes.push_back(key.substr(13));
  }
  if (pooling.contains("pooling_mode") && pooling["pooling_mode"].is_string()) modes = {pooling["pooling_mode"].get<std::string>()};
  if (modes.size() == 1 && modes[0].starts_with("mean")) sentence.pooling = "mean";
  if (modes.size() == 1 && modes[0].starts_with("cls")) sentence.pooling = "first";
  if (sentence.pooling.empty()) {
    throw usage_error(config.string() + ": pools neither by the mean nor by the first token alone", "Other poolings are not read here.");
  }
  return sentence;
}

void add_dense_module(const fs::path& folder, const SentenceFolder& sentence, const mitigate::AffineMap& map) {
  const auto d = static_cast<std::int64_t>(map.dimension);
  const at::Tensor weight = at::empty({d, d}, at::kDouble), bias = at::empty({d}, at::kDouble);
  std::copy(map.matrix.begin(), map.matrix.end(), weight.data_ptr<double>());
  std::copy(map.offset.begin(), map.offset.end(), bias.data_ptr<double>());
  std::string name = "2_Dense";
  for (int k = 3; fs::exists(folder / name); ++k) name = fmt::format("{}_Dense", k);
  fs::create_directories(folder / name);
  nn::write_tensors(folder / name / "model.safetensors", {{"linear.weight", weight.to(at::kFloat)}, {"linear.bias", bias.to(at::kFloat)}});
  const Json config = {{"in_features", d}, {"out_features", d}, {"bias", true}, {"activation_function", "torch.nn.modules.linear.Identity"}};
  core::write_file_atomically(folder / name / "config.json", config.dump(2) + "\n");
  Json modules = Json::array();
  for (std::size_t k = 0; k < sentence.modules.size(); ++k) {
    modules.push_back(sentence.modules[k]);
    if (k == sentence.pooling_module) modules.push_back({{"path", name}, {"type", "sentence_transformers.models.Dense"}});
  }
  for (std::size_t k = 0; k < modules.size(); ++k) {
    modules[k]["idx"] = k;
    modules[k]["name"] = std::to_string(k);
  }
  core::write_file_atomically(folder / "modules.json", modules.dump(2) + "\n");
}

}  // namespace discreet::app
