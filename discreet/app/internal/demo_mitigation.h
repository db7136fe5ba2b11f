#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/core/operation.h"

namespace discreet::app {

/// The demonstration's part on mitigation: a language model with a planted skew from professions to pronouns, and its
/// student, trained on role-reversed text and predictions. Adds the student to `runs`; returns the pairs before
/// and after (the results of discreet.mitigation/1). `lines`: of training text at most; 0: as many as are usual.
Json demo_mitigation(const std::filesystem::path& folder, std::int64_t lines, std::vector<std::filesystem::path>& runs,
                     core::OperationContext& context);

}  // namespace discreet::app
