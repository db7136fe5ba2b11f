#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace discreet::privacy {

struct VerifyCheck {
  std::string name;  ///< "epsilon"
  bool ok = false;
  std::string detail;  ///< What was found, what was expected.
};

/// Recomputes a run's guarantee from its events: privacy.json states a unit, relation and sampling;
/// its epsilon follows from its event tree; the ledger spends no more than it states. A run that
/// claims no privacy passes with one check that says so. Never trusts a number it can recompute.
/// Throws: kBadData if a file does not parse.
std::vector<VerifyCheck> verify_privacy(const std::filesystem::path& run_directory);

}  // namespace discreet::privacy
