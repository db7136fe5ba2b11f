#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "discreet/core/json.h"
#include "discreet/mitigate/vectors/projection.h"

namespace discreet::app {

/// A folder in the layout of sentence-transformers: an encoder, and modules.json, which says how its rows become one row
/// of a text.
struct SentenceFolder {
  Json modules;
  std::size_t pooling_module = 0;  ///< Place of the pooling in `modules`.
  std::string pooling;             ///< "mean" or "first".
};

/// Nothing if there is no modules.json. Throws: kUsage for a pooling that is neither the mean nor the first token, or
/// modules in another order than encoder, pooling, others; kBadData.
std::optional<SentenceFolder> read_sentence_folder(const std::filesystem::path& folder);

/// Puts a dense module that computes `map` behind the pooling: its folder with config.json and model.safetensors, and
/// modules.json with it in its place. `folder` has the files of `sentence` already. What loads the folder as a sentence
/// encoder projects from now on; what loads the encoder alone does not.
void add_dense_module(const std::filesystem::path& folder, const SentenceFolder& sentence, const mitigate::AffineMap& map);

}  // namespace discreet::app
