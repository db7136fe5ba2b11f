#pragma once

#include <filesystem>
#include <string>

#include "discreet/core/json.h"

namespace discreet::app {

struct ModelImportOptions {
  std::string from;       ///< A .gguf file, or a checkpoint of llama2.c.
  std::string tokenizer;  ///< llama2.c: its tokenizer.bin.
  std::string out;        ///< The folder that is made.
  bool half = false;      ///< Weights in float16 instead of float32.
  bool force = false;     ///< Replace an existing folder.
};

/// Writes the model as a folder in the Hugging Face layout, whole or not at all; gives the document
/// of `model import`. Throws: kUsage; kBadData naming the file; kRuntime.
Json import_model(const ModelImportOptions& options);

}  // namespace discreet::app
