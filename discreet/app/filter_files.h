#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/mitigate/secrets/detector.h"

namespace discreet::app {

/// Finds details in each of some texts, by a model; appended to what is there.
using TagTexts = std::function<void(const std::vector<std::string>& texts, std::vector<std::vector<mitigate::Finding>>& findings)>;

/// What `mitigate filter` does.
struct FilterRequest {
  std::filesystem::path input, output;
  std::vector<std::string> columns = {"text"};
  std::string action = "mask";  ///< mask ("[NAME]"), replace (another of its form), drop (the words), drop-document.
  std::vector<std::string> kinds = {"names", "emails", "numbers", "addresses"};
  std::vector<std::filesystem::path> names;  ///< Files of given names, one a line, beside the built-in ones.
  std::int64_t least_digits = 4;
  bool patterns = true;         ///< Forms and lists; false: the tagger alone.
  std::filesystem::path tagger;  ///< A run of task tagging; its path stands in the document.
  TagTexts tag;                  ///< Empty: none.
  const std::atomic<int>* stop = nullptr;  ///< 0, or a signal's number: ends the work between two lines.
};

/// Finds names, e-mail addresses, numbers and addresses in texts and masks, replaces or drops them, streamed. Returns
/// discreet.mitigate.filter/1: counts by kind and by who found them; never the details themselves.
/// A replacement is drawn from the secure generator: letters and digits of the same form, or another given name, so that
/// nothing of the detail is left but its length and kind.
Json filter_file(const FilterRequest& request);

/// What `mitigate filter --evaluate` does.
struct FilterEvaluation {
  std::int64_t lines = 4000;
  std::uint64_t seed = 1;
  std::string labelled;                   ///< Instead of made-up messages: data whose words have BIO tags.
  std::vector<std::string> private_tags;  ///< Types of tags that count there; empty: all.
};

/// Recall by kind and precision on made-up messages with planted details (text/details.h) and on the secrets planted in
/// the built-in corpus, or on labelled text. A detail is found if each of its bytes is; a finding is right if it overlaps a detail.
Json evaluate_filter(const FilterRequest& request, const FilterEvaluation& evaluation);

}  // namespace discreet::app
