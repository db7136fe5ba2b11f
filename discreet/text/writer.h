#pragma once

#include <string>

#include "discreet/text/example.h"

namespace discreet::text {

/// Appends `example` as one line of JSON, which the jsonl reader reads back equal if it is told the
/// groups: words and tags as arrays (a raw text as `text`), then intent, user, groups and extra
/// keys. Whole numbers among the extra values are written as numbers.
void append_jsonl(const Example& example, std::string& out);

}  // namespace discreet::text
