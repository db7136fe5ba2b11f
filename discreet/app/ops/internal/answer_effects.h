#pragma once

#include <cstdint>
#include <vector>

#include "discreet/app/before_after.h"

namespace discreet::app {

/// What two models answered about the same texts, [n] each.
struct PairedAnswers {
  std::vector<std::int64_t> before, after;  ///< Classes.
  std::vector<std::int64_t> label;          ///< Right class; -1: not known.
  std::vector<std::uint32_t> group;
  std::size_t groups = 0, classes = 0;
};

/// answers_difference: the largest total variation distance between the answers of two groups (of two classes, the
/// difference of selection rates). error_rates_difference: the largest difference between groups of the chance of an answer
/// given the right class (of two classes, equalised odds), over classes that each group has ten texts of. accuracy_difference and
/// accuracy. Intervals resample texts within groups, before and after together.
std::vector<Effect> answer_effects(const PairedAnswers& answers, std::uint64_t seed);

}  // namespace discreet::app
