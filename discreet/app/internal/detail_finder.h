#pragma once

#include <string>
#include <vector>

#include "discreet/app/filter_files.h"
#include "discreet/core/json.h"
#include "discreet/mitigate/secrets/detector.h"

namespace discreet::app::internal {

/// Forms and lists, and the tagger, over a batch of texts: what `mitigate filter` takes out.
///
/// Of a tagger's findings those count whose kind was asked for (tags that are no kind of `--kinds` always do), and that have what
/// details of their kind always have: e-mail addresses letters and "@" (or the word "at"), numbers `least_digits` signs with a digit
/// among them or as many words for digits, addresses a digit, such a word or a word for a street. A tagger that was trained on few
/// words calls new ones anything.
class DetailFinder {
 public:
  /// `request` outlives it. Throws: kUsage where neither forms nor a tagger are left.
  explicit DetailFinder(const FilterRequest& request);

  /// For each text its findings, in order and without overlap.
  std::vector<std::vector<mitigate::Finding>> find(const std::vector<std::string>& texts) const;

 private:
  bool counts(const mitigate::Finding& finding, std::string_view text) const;

  const FilterRequest& request_;
  mitigate::Detector detector_;
};

/// How a request looks for details, for its document.
Json filter_configuration(const FilterRequest& request);

}  // namespace discreet::app::internal
