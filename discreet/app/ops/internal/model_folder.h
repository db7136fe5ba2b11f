#pragma once

#include <filesystem>
#include <string>

#include "discreet/app/ops/run_model.h"

namespace discreet::app {

/// What the model card says beside what it can read off model and settings.
struct ModelCard {
  Json metrics = Json::object();
  std::string split;       ///< Of the metrics: "test", "dev" or empty.
  std::string statement;   ///< Of privacy, in words.
  std::int64_t trainable_values = 0;
};

/// Fills a folder in the layout of Hugging Face, weights apart: config.json, encoder.json, README.md.
void fill_model_folder(const std::filesystem::path& folder, const Settings& settings,
                       const Encoder& encoder, const ModelCard& card);

}  // namespace discreet::app
