#pragma once

#include <string>
#include <vector>

#include "discreet/app/settings.h"

namespace discreet::app {

/// [tune]: what `train --tune` chooses among. section/tune.cpp.
struct TuneOptions {
  std::string runs = "geometric:10";
  std::vector<std::string> grid;
  std::string metric;
  double score_noise = 0;
};

const core::Fields<TuneOptions>& tune_fields();

/// One point of the grid.
struct Candidate {
  std::vector<std::string> assignments;  ///< "train.learning_rate=0.1", one for each line of the grid.
  Settings settings;
};

/// Every combination of the grid's values over `config`, the last line's values fastest.
/// Throws: kUsage for a line that is not "section.key=value,value…", a key outside of [model], [train] and
/// [privacy] or one that says what the budget is, more than 1,000 combinations, and as `parse_settings`.
std::vector<Candidate> candidates_of(const core::Config& config, const TuneOptions& tune);

}  // namespace discreet::app
