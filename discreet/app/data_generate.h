#pragma once

#include <filesystem>

#include "discreet/core/operation.h"
#include "discreet/text/corpus.h"

namespace discreet::app {

struct GenerateOptions {
  text::CorpusOptions corpus;
  std::filesystem::path out;  ///< Empty or "-": lines to stdout.
  bool force = false;         ///< An existing file is replaced.
};

/// Writes the built-in corpus as JSON lines, whole or not at all, in memory that does not grow with
/// the lines. Returns the document of `data generate`. Throws: kUsage if the file exists, kRuntime
/// if it cannot be written, kInterrupted after a signal.
Json generate_data(const GenerateOptions& options, core::OperationContext& context);

}  // namespace discreet::app
