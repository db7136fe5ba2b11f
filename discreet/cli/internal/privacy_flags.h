#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "discreet/privacy/accountant.h"
#include "discreet/privacy/answers.h"
#include "discreet/privacy/event.h"

namespace discreet::cli {

/// One setting by three flags, or several by `--phase S,Q,T`.
struct PhaseFlags {
  std::optional<double> noise_multiplier;
  std::string sampling_rate;
  std::optional<std::int64_t> steps;
  std::vector<std::string> phases;
};
void add_phase_flags(CLI::App* verb, PhaseFlags& flags);
bool any_given(const PhaseFlags& flags);
/// Throws: kUsage if neither form is complete.
std::vector<privacy::Phase> phases_of(const PhaseFlags& flags);

/// What stands around the phases, or in their place.
struct EventFlags {
  std::string event, sampling = "poisson", relation, runs;
  std::optional<std::int64_t> units, cap;
  std::int64_t group = 1;
};
void add_event_flags(CLI::App* verb, EventFlags& flags);
/// Phases and event flags as one question. Throws: kUsage; kBadData for a file that holds no event.
privacy::EventQuestion event_question(const PhaseFlags& phases, const EventFlags& flags);
/// "For add-or-remove-one neighbours and Poisson batches": what a document's numbers rest on.
std::string basis_of(const Json& document);

void add_accountant_flags(CLI::App* verb, std::string& accountant,
                          privacy::AccountantOptions& options);

/// Seven digits for people; "-" for null; strings ("inf") as they are.
std::string shown(const Json& value);
/// 0 if a row of `results` has its `key`, else 5: nothing was answered.
int exit_code_of(const Json& results, const std::string& key);
/// Why a row of `results` has no `key`.
void print_reasons(const Json& results, const std::string& key);

}  // namespace discreet::cli
