#pragma once

#include <vector>

#include "discreet/text/example.h"

namespace discreet::text {

/// Examples of the same text made one, which has all their answers: several references of one source.
/// The first example's place, line and columns stay; answers keep their order, equal ones are kept once.
std::vector<Example> merged_by_text(std::vector<Example> examples);

}  // namespace discreet::text
