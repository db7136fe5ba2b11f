#pragma once

#include <filesystem>
#include <optional>

#include "discreet/core/operation.h"
#include "discreet/text/biographies.h"
#include "discreet/text/corpus.h"
#include "discreet/text/details.h"
#include "discreet/text/questions.h"

namespace discreet::app {

struct GenerateOptions {
  std::optional<text::QuestionOptions> questions{};  ///< The questions in SQuAD's form, not the corpus.
  std::optional<text::DetailOptions> details{};      ///< The messages with private details instead.
  std::optional<text::BiographyOptions> biographies{};  ///< These, not the corpus.
  text::CorpusOptions corpus;
  std::filesystem::path out;  ///< Empty or "-": lines to stdout.
  bool force = false;         ///< An existing file is replaced.
};

/// Writes the built-in corpus or biographies as JSON lines, or the built-in questions as SQuAD's JSON, whole or not at all, in memory that does not grow with
/// the lines. Returns the document of `data generate`. Throws: kUsage if the file exists, kRuntime
/// if it cannot be written, kInterrupted after a signal.
Json generate_data(const GenerateOptions& options, core::OperationContext& context);

}  // namespace discreet::app
