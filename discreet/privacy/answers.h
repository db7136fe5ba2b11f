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

/// Which accountants a question is put to: "rdp", "rdp,prv" or "all". `all` asks every one that
/// covers the event, upper bounds first. Throws: kUsage naming the nearest.
std::vector<std::string> accountants_asked(const std::string& text, const Event& event);

struct EpsilonQuestion {
  std::vector<Phase> phases;
  double delta = 0;
  std::string accountant = "all";
  AccountantOptions options;
};

/// discreet.privacy.epsilon/1: one result per accountant. With `all`, one that cannot answer says
/// why under "epsilon_reason". Throws: kPrivacyRefused if the only one asked cannot.
Json answer_epsilon(const EpsilonQuestion& question);

/// Exactly one of noise_multiplier, sampling_rate and steps is absent: what is solved for.
struct CalibrationQuestion {
  double epsilon = 0;
  double delta = 0;
  std::optional<double> noise_multiplier;
  std::optional<double> sampling_rate;
  std::optional<std::int64_t> steps;
  std::string accountant = "all";
  AccountantOptions options;
};

/// discreet.privacy.calibrate/1. The epsilon of each result is at most the target; diagnostics are
/// never asked. Throws as above.
Json answer_calibrate(const CalibrationQuestion& question);

/// discreet.privacy.compare/1: each setting by each accountant, beside what the same noise gives
/// without amplification: every unit once per epoch (shuffled batches), and in every step.
Json answer_compare(const std::vector<EpsilonQuestion>& settings);

}  // namespace discreet::privacy
