#pragma once

#include <filesystem>

#include "discreet/app/ops/run_model.h"
#include "discreet/core/document.h"

namespace discreet::app {

/// A classifier of texts that a measurement was given.
struct Classifier {
  RunModel run;
  core::InputFile input;  ///< Role "model".
  bool of_run = true;     ///< Else a folder of the Hugging Face layout, which names no data and has no audits/.
};

/// Opens a run, or a folder with a head over sequences: its labels are the classes, its tokenizer cuts texts, which are cut
/// to what the model reads. Names are looked up by `named_model`.
/// Throws: kUsage for a folder that classifies no texts, as for what is neither; kBadData for files that do not fit.
Classifier open_classifier(const std::filesystem::path& path);

/// A folder of a model as it is named, or beside the data (models/bert_tiny_sst2); a run stays as it is.
/// Throws: kUsage for what is neither.
std::filesystem::path named_model(const std::filesystem::path& path);

/// What was found of it: to request["out"] if that is given, else into the run's audits/; the document names the run, or
/// the folder under "model".
void write_classifier_finding(const Json& request, const std::filesystem::path& path, bool of_run, Json& document);

}  // namespace discreet::app
