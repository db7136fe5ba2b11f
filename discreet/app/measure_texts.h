#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "discreet/core/json.h"

namespace discreet::app {

/// What `mitigate measure` compares.
struct MeasureRequest {
  std::filesystem::path original;  ///< Texts as they were written,
  std::filesystem::path changed;   ///< the same rows in the same order as they are to be published,
  std::filesystem::path others;    ///< and other texts from the same source, published in no form.
  std::string text = "text";
  std::string label;               ///< Column of classes; empty: "label" if there is one.
  std::string method = "perturb";  ///< Name of the mitigation in the document.
  std::int64_t limit = 4000;       ///< Rows of each file.
  std::uint64_t seed = 0;
};

/// discreet.mitigation/1 of publishing the changed texts instead of the original ones.
///
/// - utility: accuracy on `others` of a classifier of words trained on what is published.
/// - model_membership_auc: the loss attack on that classifier, of a row's original text against other texts.
/// - text_membership_auc: how close the nearest published text is, of a row's original text against other texts.
/// - linkage: how often the published text nearest to an original one is its own.
/// - word_recovery: where rows keep their number of words, how often an attacker who learnt on half of the rows what
///   the published words were names the original word at a place of the other half.
/// All of them know the original texts that they ask about: what they cannot tell, someone who does not cannot either.
/// Without classes (text files, rows without such a column) the classifier and its attack are left out, and the document says so.
/// Throws: kBadData for files of different lengths, classes in some of them alone, or rows without a text or label.
Json measure_texts(const MeasureRequest& request);

}  // namespace discreet::app
