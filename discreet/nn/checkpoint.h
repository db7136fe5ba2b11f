#pragma once

#include <filesystem>
#include <string>

#include "discreet/nn/optimizer.h"

namespace discreet::nn {

class Model;
class ProcessGroup;
class Step;

/// Writes tensors as one safetensors file, float32 or int64, on the CPU and contiguous. Whole or not at
/// all.
void write_tensors(const std::filesystem::path& path, const NamedTensors& tensors);
/// The tensors of a safetensors file, by name. Throws: kBadData naming the file.
NamedTensors read_tensors(const std::filesystem::path& path);

/// Parameters and buffers of a model, by name; shares memory.
NamedTensors model_tensors(const Model& model);
/// Copies values into a model. Throws: kBadData naming `origin` and a tensor that is missing, unknown
/// or of another shape; the model is then untouched.
void load_model_tensors(Model& model, const NamedTensors& tensors, const std::string& origin);

/// Fills the folder of a checkpoint: model.safetensors, step.json and what the step writes beside it
/// (optimizer.safetensors).
void fill_checkpoint(const std::filesystem::path& folder, const Model& model, const Step& step);
/// The reverse. Throws: kBadData if the checkpoint is damaged or of another model or optimiser.
void load_checkpoint(const std::filesystem::path& folder, Model& model, Step& step);
/// The same for several processes, of which rank 0 reads. Collective.
void load_checkpoint(const std::filesystem::path& folder, Model& model, Step& step, ProcessGroup& group);

}  // namespace discreet::nn
