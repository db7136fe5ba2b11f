#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/core/operation.h"

namespace discreet::app {

/// Codes planted into lines of the built-in corpus, and read back from two small language models of them,
/// without and with privacy (recipes assistant-canary and assistant-canary-dp): what an attacker with the model in
/// hand finds, and how exposed the codes are. Appends both runs to `runs`, whose audits hold the document.
///
/// `lines` of text, at most the recipes' 3,000; 0: as many. Returns one entry for each model, of discreet.demo/1.
Json demo_canaries(const std::filesystem::path& folder, std::int64_t lines, std::vector<std::filesystem::path>& runs,
                   core::OperationContext& context);

}  // namespace discreet::app
