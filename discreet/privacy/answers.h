#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/event.h"

namespace discreet::privacy {

/// "0.01" or "256/60000". Throws: kUsage naming `what` and the text; a rate above 1 is refused.
double parse_rate(const std::string& text, const std::string& what = "sampling rate");
/// "S,Q,T": noise multiplier, sampling rate (a fraction may stand), steps. Throws: kUsage.
Phase parse_phase(const std::string& text);
/// "geometric:10", "logarithmic:10", "poisson:10", "negative-binomial:10:0.5" (mean, then shape).
/// Throws: kUsage.
RunCount parse_runs(const std::string& text);

/// Which accountants a question is put to: "rdp", "rdp,prv" or "all". `all` asks every one that
/// covers the event, upper bounds first; of an event that is not made of sampled Gaussians alone it
/// asks the others as well, so that each says why not. Throws: kUsage naming the nearest;
/// kPrivacyRefused with every reason if none covers the event.
std::vector<std::string> accountants_asked(const std::string& text, const Event& event);

/// What was done, by phases or as an event, how units came into batches, and around it all a
/// selection among runs and a group of units.
struct EventQuestion {
  std::vector<Phase> phases;
  std::optional<Event> event;        ///< Instead of phases.
  Sampling sampling = Sampling::kPoisson;  ///< Of the phases.
  std::optional<Relation> relation;  ///< Default: the first that the sampling allows.
  std::optional<std::int64_t> units, cap;  ///< Fixed-size and truncated batches.
  std::optional<RunCount> runs;
  std::int64_t group = 1;
};

/// The event, and the relation that its cost is stated for. Throws: kUsage for what is missing or
/// contradicts; kPrivacyRefused where the pair of sampling and relation has no proven cost (shuffled
/// batches with a rate, replace-one with Poisson batches).
struct AskedEvent {
  Event event;
  Relation relation;
  std::string sampling;  ///< As in documents; "by event" where the event says it.
};
AskedEvent asked_event(const EventQuestion& question);

struct EpsilonQuestion : EventQuestion {
  double delta = 0;
  std::string accountant = "all";
  AccountantOptions options;
};

/// discreet.privacy.epsilon/1: one result per accountant, and the smallest upper bound with its source.
/// With `all`, one that cannot answer says why under "epsilon_reason". Throws: kPrivacyRefused if the
/// only one asked cannot.
Json answer_epsilon(const EpsilonQuestion& question);

/// discreet.privacy.curve/1: epsilon at each of `deltas`, and delta at each of `epsilons`, by each
/// accountant. Throws as above.
Json answer_curve(const EpsilonQuestion& question, const std::vector<double>& deltas,
                  const std::vector<double>& epsilons);

/// Solves for what is absent: of noise_multiplier, sampling_rate and steps one, or epsilon, or delta.
/// With phases instead of the three: for the factor on all their noise multipliers ("noise_scale").
struct CalibrationQuestion {
  std::optional<double> epsilon;
  std::optional<double> delta;
  std::optional<double> noise_multiplier;
  std::optional<double> sampling_rate;
  std::optional<std::int64_t> steps;
  std::vector<Phase> phases;
  std::string accountant = "all";
  AccountantOptions options;
};

/// discreet.privacy.calibrate/1. The epsilon (or delta) of each result is at most the target, and what
/// is solved for is rounded to the safe side; diagnostics are never asked. Throws as above.
Json answer_calibrate(const CalibrationQuestion& question);

/// discreet.privacy.compare/1: each setting by each accountant, beside what the same noise gives
/// without amplification: every unit once per epoch (shuffled batches), and in every step.
Json answer_compare(const std::vector<EpsilonQuestion>& settings);

}  // namespace discreet::privacy
