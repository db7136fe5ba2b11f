#pragma once

#include "discreet/core/json.h"

namespace discreet::core {

/// Cores that this process may use: its affinity, cut by a container's quota (cgroup v2); may be a
/// fraction.
double usable_cores();

/// {"model","architecture","features"}: the processor, and of what it can do that which matters for
/// speed.
Json cpu_facts();

/// What a measured number needs beside it: {"version","revision","date","cpu","cores"}, the date in UTC.
Json measurement_stamp();

}  // namespace discreet::core
