#pragma once

#include "discreet/core/json.h"

namespace discreet::cli {

/// The effects of a discreet.mitigation/1 document as a table, with its caveats.
void print_before_after(const Json& document);

}  // namespace discreet::cli
