#pragma once

#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::report::internal {

/// Parts of the page, as HTML; each is empty where the entry has nothing for it.
std::string charts(const Json& entry);
std::string privacy(const Json& entry);
std::string membership(const Json& entry);
std::string canaries(const Json& entry);
std::string groups(const Json& entry);
std::string mitigations(const Json& entry);
/// Likelihood, association and generation of language models.
std::string language_fairness(const Json& entry);
std::string sensitivity(const Json& entry);
/// A simulated federation's rounds, and what was measured on devices.
std::string federation(const Json& entry);
std::string comparison(const Json& results);
std::string repeats(const Json& repeats);

/// A table whose rows turn into cards on narrow screens. Cells are plain text; they are escaped.
std::string table(const std::string& caption, const std::vector<std::string>& header,
                  const std::vector<std::vector<std::string>>& rows);

}  // namespace discreet::report::internal
