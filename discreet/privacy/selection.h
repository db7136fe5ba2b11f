#pragma once

#include <cstdint>
#include <string>

#include "discreet/core/random.h"
#include "discreet/privacy/event.h"

namespace discreet::privacy {

/// How many runs a private selection makes: a draw from `runs`. The number must stay unknown to those
/// who see what was selected, and no run may be added or left out after looking at one.
///
/// Guarantee: the distribution that Event::repeat_and_select counts, to 2^-40 in total variation.
/// Throws: kUsage for Poisson numbers (infinite shape): none may come out, and then nothing is released.
/// Ref: Papernot and Steinke 2022, section 3.
std::int64_t draw_run_count(const RunCount& runs, core::SecureRng& rng);
std::int64_t draw_run_count(const RunCount& runs, core::ReproducibleRng& rng);

/// "a geometric number of runs, 10 on average".
std::string in_words(const RunCount& runs);

}  // namespace discreet::privacy
