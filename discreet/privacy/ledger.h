#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/files.h"
#include "discreet/core/json.h"
#include "discreet/privacy/event.h"
#include "discreet/privacy/types.h"

namespace discreet::privacy {

/// One line of a run's ledger.jsonl: {"step":7,"event":{…}}. It is written and synced before the
/// noisy update takes effect, so a step that was abandoned or repeated stands there twice and
/// counts twice.
Json ledger_line(std::uint64_t step, const Event& event);

/// What a ledger adds up to.
struct LedgerSum {
  Event event = Event::composed({});  ///< Equal neighbours merged.
  std::uint64_t lines = 0;
  std::uint64_t last_step = 0;  ///< Largest step seen.
  std::uint64_t repeated = 0;   ///< Lines whose step had been seen before.
};

/// Reads ledger.jsonl. A torn last line (no newline: power cut while writing) counts if it parses
/// and is skipped otherwise, since its update never took effect. A missing file is an empty ledger.
/// Throws: kBadData naming file and line.
LedgerSum read_ledger(const std::filesystem::path& path);

/// How many of the ledger's noisy steps lie beyond `from_step`, where training goes on: they were spent
/// and lost. Throws: kPrivacyRefused if the ledger holds fewer steps than training had taken: it lost
/// lines, and what they said was spent all the same.
std::int64_t lost_steps(const LedgerSum& ledger, std::int64_t from_step);

/// What all runs on one data set may spend together, in a file beside the data.
///
/// The first line states budget, unit and relation, and the number and the hash of the charges, so
/// that a ledger that lost its end, or a line, is refused rather than believed; each further line is
/// one charge (run, event). Charges are made before the spending and are never given back.
class BudgetLedger {
 public:
  struct Terms {
    double epsilon = 0;
    double delta = 0;
    Unit unit = Unit::kExample;
    Relation relation = Relation::kAddOrRemoveOne;
    std::string accountant = "rdp";
    std::string data_sha256;  ///< Of the data; empty: not bound to one file.
  };
  struct Charge {
    std::string run;
    Event event;
  };

  /// Opens the ledger, creating it with `terms` if it is absent. Throws: kPrivacyRefused if it
  /// exists with other unit, relation or data; kBadData if it does not parse or is not whole.
  BudgetLedger(std::filesystem::path path, const Terms& terms);
  /// Opens an existing ledger. Throws: kUsage if it is absent.
  explicit BudgetLedger(std::filesystem::path path);

  /// Adds a charge if the sum stays within the budget; holds a file lock while it decides. Charging
  /// a run again counts again. Throws: kPrivacyRefused naming spent, asked and budget, or if the
  /// event has no guarantee for the ledger's relation.
  void charge(const std::string& run, const Event& event);
  /// Throws as `charge` would, and charges nothing.
  void check(const std::string& run, const Event& event) const;

  const Terms& terms() const { return terms_; }
  const std::vector<Charge>& charges() const { return charges_; }
  double spent() const;  ///< Epsilon of all charges at the budget's delta.
  double spent_with(const Event& event) const;
  double alone(const Event& event) const;  ///< Epsilon of one event at the budget's delta.

 private:
  void load();
  std::filesystem::path path_;
  Terms terms_;
  std::vector<Charge> charges_;
};

}  // namespace discreet::privacy
