#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/text/example.h"

namespace discreet::app {

/// What is asked of sensitivities once they are measured, and how the features came out.
struct SensitivityQuestion {
  std::vector<std::string> group;
  std::string ratings;  ///< Column of numbers to correlate with; empty: none.
  bool share = false, show_text = false, examples = false;
  std::size_t tokens = 20;
  std::uint64_t resamples = 1000, seed = 0;
  double confidence = 0.95;
  bool coordinates = true, words = false;
  std::vector<std::string> texts;        ///< [units] of what attributions belong to: tokens or words.
  std::vector<std::int64_t> offsets{0};  ///< [examples + 1] over these.
};

/// Sensitivities under one choice of weights v.
struct SensitivityScores {
  std::string weights;                        ///< protected, list, uniform or control.
  std::vector<std::optional<double>> value{};  ///< [examples]
  std::vector<double> token{};                 ///< [units] summands; 0 where the example has no value.
};

SensitivityQuestion sensitivity_question(const Json& request);
Json sensitivity_configuration(const Json& request, const SensitivityQuestion& question, const std::string& role);

/// Fills n, results, by_group, tokens, ratings and caveats; the first scores are the main ones, and tokens are theirs.
/// Throws: kBadData for a rating that is no number.
void answer_sensitivity(const std::vector<SensitivityScores>& scores, const std::vector<text::Example>& examples,
                        const SensitivityQuestion& question, Json& document);

}  // namespace discreet::app
