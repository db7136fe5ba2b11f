#pragma once

#include <filesystem>

#include "discreet/app/settings.h"

namespace discreet::nn {
class Model;
}  // namespace discreet::nn

// What a run takes over from a folder in the Hugging Face layout; nothing where model.kind is another.
namespace discreet::app {

/// model.path, where a name of the test data is looked for beside the data too; empty if there is none.
std::filesystem::path pretrained_folder(const Settings& settings);

/// The weights of model.path; heads start as they were drawn. Throws: as nn::load_weights.
void start_weights(const Settings& settings, nn::Model& model);

/// The adapter of model.adapter, or, where `form` is a run's own model, layers of its layout that its
/// weights then fill.
void start_adapter(const Settings& settings, const std::filesystem::path& form, nn::Model& model);

/// What a run's model folder needs beside its weights: adapter.json, where there is an adapter.
void save_start(const std::filesystem::path& folder, const Settings& settings, const nn::Model& model);

}  // namespace discreet::app
