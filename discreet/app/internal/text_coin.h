#pragma once

#include <cstdint>

#include "discreet/text/example.h"

namespace discreet::app {

/// In [0, 1), by what an example holds, the seed and the purpose alone: a number drawn in the file's order would let
/// one line decide for all behind it.
double coin_of(const char* purpose, std::uint64_t seed, const text::Example& example);

}  // namespace discreet::app
