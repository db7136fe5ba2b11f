#include "discreet/nn/checkpoint.h"

#include <cstring>
#include <map>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/formats/safetensors.h"
#include "discreet/nn/distributed/share.h"
#include "discreet/nn/model.h"
#include "discreet/nn/step.h"

namespace discreet::nn {
namespace fs = std::filesystem;

namespace {

formats::DType dtype_of(const std::string& name, const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return formats::DType::kF32;
    case at::kDouble:
      return formats::DType::kF64;
    case at::kLong:
      return formats::DType::kI64;
    default:
      throw internal_error("tensor '" + name + "' has a type that no checkpoint holds");
  }
}

at::ScalarType scalar_type_of(const fs::path& path, const std::string& name, formats::DType dtype) {
  switch (dtype) {
    case formats::DType::kF32:
      return at::kFloat;
    case formats::DType::kF64:
      return at::kDouble;
    case formats::DType::kI64:
      return at::kLong;
    default:
      throw bad_data(fmt::format("{}: tensor '{}' has type {}, expected F32, F64 or I64", path.string(),
                                 name, formats::dtype_name(dtype)));
  }
}

}  // namespace

void write_tensors(const fs::path& path, const NamedTensors& tensors) {
  std::vector<at::Tensor> hosts;  // keeps what the views point into
  std::vector<formats::NamedTensorView> views;
  for (const auto& [name, tensor] : tensors) {
    hosts.push_back(tensor.detach().to(at::kCPU).contiguous());
    const at::Tensor& host = hosts.back();
    const auto* bytes = static_cast<const std::byte*>(host.const_data_ptr());
    views.push_back({name, {dtype_of(name, host), host.sizes().vec(), {bytes, host.nbytes()}}});
  }
  formats::write_safetensors(path, views);
}

NamedTensors read_tensors(const fs::path& path) {
  const formats::SafetensorsFile file(path);
  NamedTensors tensors;
  for (const std::string& name : file.names()) {
    const formats::TensorView& view = file.at(name);
    at::Tensor tensor = at::empty(view.shape, scalar_type_of(path, name, view.dtype));
    if (!view.bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), view.bytes.data(), view.bytes.size());
    tensors.emplace_back(name, std::move(tensor));
  }
  return tensors;
}

NamedTensors model_tensors(const Model& model) {
  NamedTensors tensors;
  for (const auto& item : model.named_parameters()) tensors.emplace_back(item.key(), item.value());
  for (const auto& item : model.named_buffers()) tensors.emplace_back(item.key(), item.value());
  return tensors;
}

void load_model_tensors(Model& model, const NamedTensors& tensors, const std::string& origin) {
  std::map<std::string, at::Tensor> given(tensors.begin(), tensors.end());
  const NamedTensors wanted = model_tensors(model);
  for (const auto& [name, tensor] : wanted) {
    const auto found = given.find(name);
    if (found == given.end()) {
      throw bad_data(fmt::format("{}: tensor '{}' is missing", origin, name),
                     "The file belongs to a model of another kind.");
    }
    if (found->second.sizes() != tensor.sizes()) {
      throw bad_data(fmt::format("{}: tensor '{}' has {} values in {} dimensions, the model expects {} in {}",
                                 origin, name, found->second.numel(), found->second.dim(),
                                 tensor.numel(), tensor.dim()),
                     "The file belongs to a model of other sizes.");
    }
  }
  if (given.size() != wanted.size()) {
    for (const auto& [name, tensor] : wanted) given.erase(name);
    throw bad_data(fmt::format("{}: tensor '{}' is unknown to the model", origin, given.begin()->first),
                   "The file belongs to a model of another kind.");
  }
  const at::NoGradGuard no_gradients;
  for (const auto& [name, tensor] : wanted) tensor.copy_(given.at(name));
}

void fill_checkpoint(const fs::path& folder, const Model& model, const Step& step) {
  write_tensors(folder / "model.safetensors", model_tensors(model));
  core::write_file_atomically(folder / "step.json", step.save(folder).dump() + "\n");
}

void load_checkpoint(const fs::path& folder, Model& model, Step& step) {
  load_checkpoint(folder, model, step, *make_lonely_group());
}

void load_checkpoint(const fs::path& folder, Model& model, Step& step, ProcessGroup& group) {
  const Json state = share_made(group, [&] {
    const fs::path tensors = folder / "model.safetensors", file = folder / "step.json";
    load_model_tensors(model, read_tensors(tensors), tensors.string());
    return core::parse_json(core::read_file(file), file.string());
  });
  share_values(group, model_tensors(model));
  step.load(folder, state);
}

}  // namespace discreet::nn
