#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/core/operation.h"
#include "discreet/text/subword/train.h"

namespace discreet::app {

struct VocabularyRequest {
  text::SubwordTrainingOptions options;
  std::vector<std::string> inputs;  ///< Plain text files, a text a line.
  std::filesystem::path out;        ///< A folder, written whole or not at all.
  bool force = false;               ///< Replace what is there.
};

/// Learns a WordPiece or byte-level BPE vocabulary and writes the tokeniser's folder:
/// discreet.tokenizer.train/1. Throws: kUsage if the folder is there already or the size is too small;
/// kBadData naming file and line; kRuntime.
Json train_vocabulary(const VocabularyRequest& request, core::OperationContext& context);

}  // namespace discreet::app
