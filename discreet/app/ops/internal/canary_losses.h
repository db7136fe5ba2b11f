#pragma once

#include <span>
#include <string>
#include <vector>

#include "discreet/app/canaries.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/audit/extraction.h"

namespace discreet::app {

/// What a run's model says of the sentences of one pattern, labelled as its canaries are.
///
/// Canaries that differ in nothing but their secret words share one (`same_sentences`).
class PatternLosses {
 public:
  /// Throws: kUsage for a task that canaries are not for; kBadData if the model does not know the canary's
  /// label or tags: it was trained on other data.
  PatternLosses(const RunModel& run, const Canary& canary);

  const text::CanaryPattern& pattern() const { return pattern_; }
  audit::Code code_of(const Canary& canary) const { return pattern_.code_in(canary.example.words); }

  /// The loss of the whole sentence under each code. Shapes: M codes; returns [M].
  std::vector<double> losses(std::span<const audit::Code> codes) const;

  /// The same as a white-box attacker sees it; null where a secret word is not one token of the model's.
  const audit::ExtractionProblem* problem() const { return available_ ? &problem_ : nullptr; }
  /// Secret words that the model cannot tell from some other candidate of their place: all are unknown words.
  std::int64_t unknown_candidates() const { return unknown_; }

 private:
  text::Example sentence(const audit::Code& code) const;
  void make_problem();

  const RunModel& run_;
  Encoder encoder_;
  Canary canary_;
  text::CanaryPattern pattern_;
  audit::ExtractionProblem problem_;
  bool available_ = false;
  std::int64_t unknown_ = 0;
};

bool same_sentences(const Canary& a, const Canary& b);

/// Losses of examples as they are (mislabelled canaries). Throws as PatternLosses does.
std::vector<double> canary_example_losses(const RunModel& run, const std::vector<const Canary*>& canaries);

}  // namespace discreet::app
