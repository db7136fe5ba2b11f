#pragma once

namespace discreet::report::internal {

/// The page's style sheet.
extern const char* const kStyle;

}  // namespace discreet::report::internal
