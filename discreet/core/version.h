#pragma once

#include <string>

namespace discreet::core {

/// "0.1.0"
std::string version();
/// Of the source that was built, "+changes" behind it if files differed from it; empty if unknown.
std::string git_revision();

}  // namespace discreet::core
