#pragma once

#include "discreet/core/json.h"

namespace discreet::app {

/// discreet.bench.accountants/1: what one epsilon costs by each accountant, on the settings of the
/// reference table, on this thread: CPU and wall time, minimum and median of `repeats` after one run
/// that is not counted.
Json bench_accountants(int repeats);

}  // namespace discreet::app
