#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/document.h"
#include "discreet/privacy/lower_bound.h"

namespace discreet::app {

/// What a lower bound is computed for.
struct EpsilonAudit {
  double delta = 0;
  double confidence = 0.95;
  /// Rules that were tried on the same data, this one included: alpha is divided by it.
  std::uint64_t tried = 1;
  /// What the mechanism claims; the document then says whether it is contradicted.
  std::optional<double> claimed;
};

/// How a rule is chosen where scores are given instead of counts.
struct RuleChoice {
  std::string score = "score";         ///< Column of the file.
  std::optional<double> threshold;     ///< Fixed beforehand.
  std::vector<std::uint64_t> guesses;  ///< One run: numbers of guesses, fixed beforehand.
  /// "fixed": the two above (guesses by default 1, 2, 5, 10, 20 and 50 % of the canaries, corrected
  /// for six); "split": the threshold from one half of the scores, the bound from the other; "hull":
  /// every vertex of the ROC's hull, corrected for their number.
  std::string select = "fixed";
  std::uint64_t seed = 0;  ///< Of the split.
};

/// discreet.audit.epsilon/1 from counts of one rule; `methods`: clopper-pearson, gdp, katz-log,
/// adjusted-log, bailey, inverse-sinh. Throws: kUsage for an unknown one.
Json epsilon_of_counts(const privacy::AttackCounts& counts, const std::vector<std::string>& methods,
                       const EpsilonAudit& audit);
/// From guesses on one run; `methods`: one-run, one-run-gaussian.
Json epsilon_of_run(const privacy::OneRun& run, const std::vector<std::string>& methods,
                    const EpsilonAudit& audit);
/// From a file of scores (`read_member_scores`); methods clopper-pearson, gdp, one-run and
/// one-run-gaussian. The last two need every canary's fair coin.
Json epsilon_of_scores(const std::filesystem::path& scores, const std::vector<std::string>& methods,
                       const RuleChoice& choice, const EpsilonAudit& audit);

}  // namespace discreet::app
