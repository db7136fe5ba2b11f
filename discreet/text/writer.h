#pragma once

#include <string>

#include "discreet/text/example.h"

namespace discreet::text {

/// Appends `example` as one line of JSON, which the jsonl reader reads back equal if it is told the
/// groups: words and tags as arrays (a raw text as `text`), then intent, user, groups and extra
/// keys. Whole numbers among the extra values are written as numbers.
void append_jsonl(const Example& example, std::string& out);

/// Examples with questions as SQuAD's JSON, streamed: questions about one text that stand together share
/// its paragraph. Places become code points, as there.
class SquadWriter {
 public:
  void append(const Example& example, std::string& out);
  /// Ends the document. Nothing may be appended afterwards.
  void finish(std::string& out);

 private:
  bool begun_ = false;
  std::string text_;
};

}  // namespace discreet::text
