#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/app/canaries.h"

namespace discreet::app {

/// Lines that the run held back were not learnt: of each planted canary those are taken off, and canaries of which
/// none is left are left out. Says how many, or nothing. Throws: kBadData if none is left at all.
std::string take_held_back(const std::filesystem::path& run, std::vector<Canary>& canaries);

}  // namespace discreet::app
