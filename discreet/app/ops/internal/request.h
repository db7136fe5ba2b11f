#pragma once

#include "discreet/core/config.h"
#include "discreet/core/json.h"

namespace discreet::app {

/// What a request to train asks for: recipe, configuration file, assignments, and what has an option of
/// its own. Throws: as core::Config does; kUsage for an unknown recipe.
core::Config requested_config(const Json& request);

}  // namespace discreet::app
