#pragma once

#include <cstdint>

#include "discreet/core/json.h"

namespace discreet::app {

/// Times association tests on drawn vectors: exact WEAT of 8 and 8 targets (all 12,870 relabellings), and
/// CEAT of 32 words with 1,000 contexts each, 768 wide, 10,000 draws, without and with its bootstrap.
Json bench_association(int repeats);

}  // namespace discreet::app
