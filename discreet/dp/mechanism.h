#pragma once

#include <memory>

#include "discreet/dp/plan.h"

namespace discreet::dp {

/// What a registered mechanism's `make` holds; the registry's kind is "mechanism", one file in
/// dp/mechanism/ each. privacy.mechanism of a configuration is a name of this kind, or "none".
using MakePlan = std::unique_ptr<PrivatePlan> (*)(PrivacyOptions options);

/// The plan of `options.mechanism`. Throws: kUsage on an unknown name or options that the mechanism
/// does not take; as its plan does.
std::unique_ptr<PrivatePlan> make_plan(PrivacyOptions options);

}  // namespace discreet::dp
