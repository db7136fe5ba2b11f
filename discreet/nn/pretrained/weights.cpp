#include "discreet/nn/pretrained/weights.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/pattern.h"
#include "discreet/formats/safetensors.h"
#include "discreet/nn/layers/linear.h"
#include "discreet/nn/pretrained/name_table.h"

namespace discreet::nn {
namespace fs = std::filesystem;
namespace {

bool is_adapter(const std::string& name) {
  return name.ends_with(".lora_a") || name.ends_with(".lora_b");
}

/// A file's tensors under the names that are used today.
class NamedFile {
 public:
  NamedFile(const fs::path& folder, const std::string& prefix) : model_(folder), folder_(folder) {
    for (const std::string& name : model_.names()) {
      std::string today = name;
      if (today.ends_with(".gamma")) today.replace(today.size() - 5, 5, "weight");
      if (today.ends_with(".beta")) today.replace(today.size() - 4, 4, "bias");
      has_prefix_ = has_prefix_ || today.starts_with(prefix);
      names_.emplace(std::move(today), name);
    }
    prefix_ = has_prefix_ ? prefix : "";
  }

  const std::string& prefix() const { return prefix_; }
  const std::map<std::string, std::string>& names() const { return names_; }
  bool contains(const std::string& name) const { return names_.count(name) > 0; }

  const formats::TensorView& view(const std::string& name) const { return model_.at(names_.at(name)); }

  at::Tensor read(const std::string& name) const {
    const formats::TensorView& view = model_.at(names_.at(name));
    at::Tensor tensor = at::empty(view.shape, at::kFloat);
    formats::copy_to_floats(view, {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())});
    return tensor;
  }

 private:
  formats::SafetensorsModel model_;
  fs::path folder_;
  std::map<std::string, std::string> names_;  // as used today -> in the file
  bool has_prefix_ = false;
  std::string prefix_;
};

std::string shape_text(at::IntArrayRef sizes) {
  std::string text = "[";
  for (const std::int64_t size : sizes) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

/// The tensor of a row, put together; undefined if the file has no part of it.
at::Tensor gathered(const NamedFile& file, const NamesInFile& found, const fs::path& folder,
                    std::set<std::string>& used) {
  std::vector<at::Tensor> parts;
  std::vector<std::string> missing;
  for (const std::string& theirs : found.theirs) {
    std::string name = (found.row->base ? file.prefix() : "") + theirs;
    const std::string& also = found.row->also;
    if (!file.contains(name) && !also.empty() && file.contains(also)) name = also;
    if (!file.contains(name)) {
      missing.push_back(name);
      continue;
    }
    at::Tensor part = file.read(name);
    // A sum in double precision is finite where all of its float32 terms are.
    if (part.numel() > 0 && !std::isfinite(part.sum(at::kDouble).item<double>())) {
      throw bad_data(fmt::format("{}: tensor '{}' holds values that are not finite", folder.string(), name),
                     "Nothing can be computed with NaN or infinity; the model was saved after its training had failed, or the "
                     "file is damaged.");
    }
    used.insert(name);
    parts.push_back(found.row->transposed && part.dim() == 2 ? part.t().contiguous() : part);
  }
  if (parts.empty()) return {};
  if (!missing.empty()) {
    throw bad_data(fmt::format("{}: tensor '{}' is missing", folder.string(), missing.front()));
  }
  if (parts.size() == 1) return parts.front();
  for (const at::Tensor& part : parts) {
    if (part.dim() == parts[0].dim() && (part.dim() < 2 || part.size(1) == parts[0].size(1))) continue;
    throw bad_data(fmt::format("{}: tensors '{}' and its neighbours have shapes {} and {}",
                               folder.string(), found.theirs[0], shape_text(parts[0].sizes()),
                               shape_text(part.sizes())));
  }
  return at::cat(parts);
}

/// [out, in] of what the file has of a row, its parts one below the other; empty if a part is missing.
std::vector<std::int64_t> shape_in_file(const NamedFile& file, const NamesInFile& found, const std::string& ours,
                                        std::string& missing) {
  if (file.contains(ours)) return file.view(ours).shape;  // a run's own file
  std::vector<std::int64_t> shape;
  for (const std::string& theirs : found.theirs) {
    const std::string name = (found.row->base ? file.prefix() : "") + theirs;
    if (!file.contains(name)) {
      missing = name;
      return {};
    }
    std::vector<std::int64_t> part = file.view(name).shape;
    if (found.row->transposed && part.size() == 2) std::swap(part[0], part[1]);
    if (shape.empty()) {
      shape = std::move(part);
    } else if (part.size() == shape.size() && !part.empty()) {
      shape[0] += part[0];
    }
  }
  return shape;
}

/// Neither a buffer that the library makes itself nor, of a model with an output layer, that layer once more.
bool is_weight_beside(const std::string& name, const formats::TensorView& view, const FileNames& names, bool has_output) {
  const bool floats = view.dtype == formats::DType::kF32 || view.dtype == formats::DType::kF16 ||
                      view.dtype == formats::DType::kBF16 || view.dtype == formats::DType::kF64;
  static const std::vector<std::string> kBuffers = {"*.attn.bias", "*.attn.masked_bias", "*rotary_emb.inv_freq",
                                                    "*embeddings.position_ids", "*embeddings.token_type_ids"};
  if (!floats || core::matches_any(kBuffers, name)) return false;
  const auto place = names.find(name);
  return !has_output || !place || !(place->ours.starts_with("encoder.decoder.") || place->ours.starts_with("encoder.words."));
}

bool shape_fits(const at::Tensor& got, const at::Tensor& wanted) { return got.sizes() == wanted.sizes(); }

/// Names of the file that nobody asked for; throws for one that nobody knows.
std::vector<std::string> names_left(const NamedFile& file, const NameTable& table,
                                    const PretrainedSource& source, const std::set<std::string>& used,
                                    const fs::path& folder) {
  std::vector<std::string> left, unknown;
  for (const auto& [name, in_file] : file.names()) {
    if (used.count(name) > 0) continue;
    const std::string bare = !file.prefix().empty() && name.starts_with(file.prefix())
                                 ? name.substr(file.prefix().size())
                                 : name;
    const bool known = table.is_of_head(name) || table.is_of_head(bare) ||
                       core::matches_any(source.architecture.passed_over, name);
    (known ? left : unknown).push_back(in_file);
  }
  if (!unknown.empty()) {
    throw bad_data(fmt::format("{}: tensor '{}'{} is unknown to model_type '{}'", folder.string(),
                               unknown.front(),
                               unknown.size() > 1 ? fmt::format(" (and {} more)", unknown.size() - 1) : "",
                               formats::model_type_name(source.config.form)),
                   "The weights belong to another configuration, or to a variant that is not supported.");
  }
  return left;
}

/// Names of linear layers with a LoRA, and what it adds to their weights.
std::map<std::string, at::Tensor> adapter_updates(const torch::nn::Module& model) {
  std::map<std::string, at::Tensor> updates;
  for (const auto& item : model.named_modules()) {
    const auto* layer = item.value()->as<LinearImpl>();
    if (layer == nullptr || !layer->lora_a.defined()) continue;
    updates[item.key() + ".weight"] =
        at::mm(layer->lora_b.detach(), layer->lora_a.detach()) * layer->lora_scale();
  }
  return updates;
}

}  // namespace

std::vector<ExpectedShape> stack_shapes(const PretrainedForm& form) {
  std::vector<ExpectedShape> shapes{{"encoder.words.weight", {form.vocabulary, form.embedding_width}}};
  if (form.position_rows > 0) shapes.push_back({"encoder.positions.weight", {form.position_rows, form.embedding_width}});
  if (form.token_types > 0) shapes.push_back({"encoder.token_types.weight", {form.token_types, form.embedding_width}});
  if (form.embedding_projection) {
    shapes.push_back({"encoder.embedding_projection.weight", {form.width, form.embedding_width}});
  }
  const std::int64_t heads = form.heads * form.head_width, keys = form.kv_heads * form.head_width;
  const bool gated = form.gated || form.activation == "swiglu";
  for (const std::int64_t block : std::set<std::int64_t>(form.blocks.begin(), form.blocks.end())) {
    const std::string ours = "encoder.block" + std::to_string(block) + ".";
    shapes.push_back({ours + "qkv.weight", {heads + 2 * keys, form.width}});
    shapes.push_back({ours + "projection.weight", {form.width, heads}});
    shapes.push_back({ours + "inner.weight", {(gated ? 2 : 1) * form.feed_forward, form.width}});
    shapes.push_back({ours + "outer.weight", {form.width, form.feed_forward}});
  }
  return shapes;
}

void check_shapes(const PretrainedSource& source, const std::vector<ExpectedShape>& expected, const fs::path& folder,
                  bool may_lack_file) {
  if (may_lack_file && !fs::exists(folder / "model.safetensors") && !fs::exists(folder / "model.safetensors.index.json")) return;
  const NamedFile file(folder, source.architecture.prefix);
  const NameTable table(source, preferred_head(source));
  for (const auto& [ours, shape] : expected) {
    const NamesInFile found = table.find(ours);
    if (found.row == nullptr) throw internal_error("parameter '" + ours + "' has no name in a file of this model_type");
    std::string missing;
    const std::vector<std::int64_t> there = shape_in_file(file, found, ours, missing);
    if (!missing.empty()) {
      throw bad_data(fmt::format("{}: tensor '{}' is missing", folder.string(), missing),
                     "The weights belong to another configuration, or the file is not whole.");
    }
    if (there == shape) continue;
    throw bad_data(fmt::format("{}: tensor '{}' has shape {}, config.json asks for {}", folder.string(),
                               file.contains(ours) ? ours : found.theirs.front(), shape_text(there), shape_text(shape)),
                   found.theirs.size() > 1 && !file.contains(ours) ? "Together with those that stand below it in one matrix here."
                                                                   : "The weights belong to another configuration.");
  }
}

LoadedWeights load_weights(const torch::nn::Module& model, const PretrainedSource& source,
                           const fs::path& folder, const LoadWeightsOptions& options) {
  const NamedFile file(folder, source.architecture.prefix);
  const NameTable table(source, preferred_head(source));
  LoadedWeights loaded;
  std::set<std::string> used;
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;
  for (const auto& item : model.named_parameters()) {
    const std::string& name = item.key();
    if (is_adapter(name)) continue;
    const NamesInFile found = table.find(name);
    const bool head = found.row == nullptr || found.of_head;
    if (core::matches_any(options.keep, name) || (found.row == nullptr && options.fresh_heads)) {
      loaded.fresh.push_back(name);
      continue;
    }
    if (found.row == nullptr) {
      throw internal_error("parameter '" + name + "' has no name in a file of this model_type");
    }
    const at::Tensor tensor = gathered(file, found, folder, used);
    if (!tensor.defined()) {
      if (!head || !options.fresh_heads) {
        throw bad_data(fmt::format("{}: tensor '{}' is missing", folder.string(),
                                   (found.row->base ? file.prefix() : "") + found.theirs.front()),
                       "The weights belong to another configuration, or the file is not whole.");
      }
      loaded.fresh.push_back(name);
      continue;
    }
    if (!shape_fits(tensor, item.value())) {
      throw bad_data(fmt::format("{}: tensor '{}' has shape {}, config.json asks for {}", folder.string(),
                                 found.theirs.front(), shape_text(tensor.sizes()),
                                 shape_text(item.value().sizes())));
    }
    copies.emplace_back(item.value(), tensor);
  }
  loaded.passed_over = names_left(file, table, source, used, folder);
  if (options.read_beside) {
    const HeadForm& head = preferred_head(source);
    const FileNames names(source, head);
    const bool has_output = head.head == PretrainedHead::kMaskedTokens || head.head == PretrainedHead::kNextToken;
    for (const auto& [name, in_file] : file.names()) {
      if (used.count(name) > 0 || !is_weight_beside(name, file.view(name), names, has_output)) continue;
      const auto place = names.find(name);
      loaded.beside.emplace_back(place ? names.of(place->ours)[place->part] : name, file.read(name));
    }
  }
  const at::NoGradGuard no_gradients;
  for (auto& [ours, theirs] : copies) ours.copy_(theirs);
  return loaded;
}

NamedTensors weights_for_file(const torch::nn::Module& model, const PretrainedSource& source,
                              const HeadForm& head) {
  const at::NoGradGuard no_gradients;
  const NameTable table(source, head);
  const bool bare = head.head == PretrainedHead::kNone;
  const auto updates = adapter_updates(model);
  NamedTensors out;
  for (const auto& item : model.named_parameters()) {
    const std::string& name = item.key();
    if (is_adapter(name)) continue;
    const NamesInFile found = table.find(name);
    if (bare && (found.row == nullptr || !found.row->base)) continue;
    at::Tensor tensor = item.value().detach().to(at::kCPU, at::kFloat);
    if (found.row == nullptr) {
      // A causal form's classifier has no bias: one that was never trained is nothing to lose.
      if (name.ends_with(".bias") && tensor.count_nonzero().item<std::int64_t>() == 0) continue;
      throw usage_error(fmt::format("parameter '{}' has no place in a file of model_type '{}'", name,
                                    formats::model_type_name(source.config.form)));
    }
    if (const auto update = updates.find(name); update != updates.end()) {
      tensor = tensor + update->second.to(at::kCPU, at::kFloat);
    }
    const std::string prefix = found.row->base && !bare ? source.architecture.prefix : "";
    if (found.row->transposed && tensor.dim() == 2) tensor = tensor.t();
    if (found.theirs.size() == 1) {
      out.emplace_back(prefix + found.theirs[0], tensor.contiguous());
      continue;
    }
    std::int64_t first = 0;
    const std::vector<std::int64_t> sizes = part_sizes(source.form, found.theirs.size(), tensor.size(0));
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      out.emplace_back(prefix + found.theirs[i], tensor.narrow(0, first, sizes[i]).contiguous());
      first += sizes[i];
    }
  }
  return out;
}

NamedTensors weights_of_heads(const torch::nn::Module& model, const PretrainedSource& source) {
  const NameTable table(source, preferred_head(source));
  NamedTensors out;
  for (const auto& item : model.named_parameters()) {
    const NamesInFile found = table.find(item.key());
    if (is_adapter(item.key()) || (found.row != nullptr && found.row->base)) continue;
    out.emplace_back(item.key(), item.value());
  }
  return out;
}

std::string dtype_word(formats::DType dtype) {
  if (dtype == formats::DType::kF16) return "float16";
  return dtype == formats::DType::kBF16 ? "bfloat16" : "float32";
}

void write_weights(const fs::path& file, const NamedTensors& tensors) {
  std::vector<formats::NamedTensorView> views;
  for (const auto& [name, tensor] : tensors) {
    const std::span<const float> values(tensor.const_data_ptr<float>(),
                                        static_cast<std::size_t>(tensor.numel()));
    views.push_back({name, formats::view_of(values, tensor.sizes().vec())});
  }
  formats::write_safetensors(file, views, {{"format", "pt"}});
}

void write_weight_files(const fs::path& folder, const NamedTensors& tensors,
                        const formats::WeightWriterOptions& options) {
  std::vector<formats::WeightToWrite> weights;
  for (const auto& [name, tensor] : tensors) {
    weights.push_back({name, tensor.sizes().vec(), [&tensor = tensor](std::span<float> out) {
                         std::copy_n(tensor.const_data_ptr<float>(), out.size(), out.data());
                       }});
  }
  formats::write_weights(folder, weights, options);
}

}  // namespace discreet::nn
