#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/privacy/event.h"
#include "discreet/privacy/statement.h"
#include "discreet/text/example.h"

namespace discreet::app {

/// Labels that a noisy vote gave to public texts, and what they cost. A folder
///
///   labels.jsonl ledger.jsonl privacy.json release.json
///
/// which appears whole or not at all: no label is on the disk without its statement, and whatever reads the labels later
/// costs nothing more.
struct LabelRelease {
  std::filesystem::path labels;
  std::size_t classes = 0;  ///< That a text was given.
  privacy::Event event;
  Json privacy;       ///< discreet.privacy/1, with status "spent".
  Json announcement;  ///< The same as a training's document has it: epsilon, delta, statement, caveats, warnings.
};

/// The words of an example as one text.
std::string plain_text(const text::Example& example);

/// Examples as JSON lines of text and label.
void write_labelled(const std::filesystem::path& file, const std::vector<text::Example>& examples);

/// A release that is there and was asked for as `asked` says; none if there is none.
/// Throws: kUsage for one that was asked for in another way, unless `force`; kBadData.
std::optional<LabelRelease> find_release(const std::filesystem::path& folder, const Json& asked, bool force);

/// Writes one. Throws: kPrivacyRefused, before anything is written, if `spent` gives no guarantee.
LabelRelease write_release(const std::filesystem::path& folder, const Json& asked, const std::vector<text::Example>& labelled,
                           const privacy::PrivacyRun& spent, const privacy::Event& event);

}  // namespace discreet::app
