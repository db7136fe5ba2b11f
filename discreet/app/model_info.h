#pragma once

#include <filesystem>

#include "discreet/core/json.h"

namespace discreet::app {

/// The document of `model info PATH`: what a folder in the Hugging Face layout, a weights file, a
/// config.json or a GGUF file holds: form, sizes, weights by group and dtype, tokenizer, labels,
/// keys that are not known; and whether a model of it can be built here (as its loader asks: form, class, features), or which
/// field stands against it (that is no error). Throws: kUsage if there is nothing at the path; kBadData for
/// weights that are damaged.
Json model_info(const std::filesystem::path& path);

}  // namespace discreet::app
