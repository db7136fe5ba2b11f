#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "discreet/core/document.h"

namespace discreet::app {

/// A classifier of whole texts: a run of task text-classification or intent-slot, or a folder with a head
/// over sequences.
class TextClassifier {
 public:
  virtual ~TextClassifier() = default;
  virtual const std::vector<std::string>& classes() const = 0;
  /// The most likely class of each text. Texts that are longer than the model reads are cut.
  virtual std::vector<std::size_t> classify(const std::vector<std::string>& texts) = 0;
  virtual const core::InputFile& input() const = 0;
  /// What is known of how good it is, as a sentence.
  virtual std::string known() const = 0;
};

/// With `counted`, there are two classes: the first of these names where any of them holds, else "not " and that name. A model
/// with several labels at a time (problem_type multi_label_classification, as those of Jigsaw's six kinds of toxicity) is
/// always read so, its label from a probability of .5 on; all its labels count unless `counted` names some. Of other
/// models the most likely class counts.
/// Throws: kUsage for a model that classifies no texts or lacks a counted label, kBadData for files that do not fit.
std::unique_ptr<TextClassifier> open_text_classifier(const std::filesystem::path& path, const std::vector<std::string>& counted = {});

}  // namespace discreet::app
