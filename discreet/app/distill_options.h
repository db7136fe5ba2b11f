#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "discreet/app/settings.h"

namespace discreet::app {

struct RunData;

/// [distill]: a teacher to learn from, and counterfactual text. section/distill.cpp.
struct DistillOptions {
  std::string teacher;
  double temperature = 2, soft = 0.5, hard = 0.5;
  double hidden_cosine = 0, hidden_squared = 0;
  std::string combination = "none", combine_on = "log-probs";
  std::string augment = "none";
  std::vector<std::int64_t> layers;
  std::int64_t kept = 256;
  std::string cache;
  std::vector<std::string> pairs, names, held_out;
  bool built_in = true, pronouns = true;

  bool has_teacher() const { return !teacher.empty(); }
  bool reverses() const { return combination != "none"; }
  bool active() const { return has_teacher() || augment != "none"; }
};

const core::Fields<DistillOptions>& distill_fields();

/// The section, checked against the other ones, which are parsed already.
/// Throws: kUsage; kPrivacyRefused for what one example's guarantee would not cover.
DistillOptions parse_distill(const Settings& settings, const core::Config& config);

/// settings.h's, with the section where it asks for something.
Json dump_settings(const Settings& settings, const DistillOptions& distill);

/// The section of an existing run (RUN/config.toml).
DistillOptions load_run_distill(const std::filesystem::path& run);

/// run_data.h's, with a teacher's vocabulary and counterfactual training text where they are asked for.
RunData load_run_data(const Settings& settings, const DistillOptions& distill);

}  // namespace discreet::app
