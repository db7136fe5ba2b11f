#pragma once

#include <cstdint>
#include <fstream>
#include <iosfwd>
#include <string>

#include "discreet/core/json.h"
#include "discreet/core/operation.h"

namespace discreet::app::internal {

/// The lines that an operation answers one by one: of the file request["input"], or of standard input
/// where it names none.
class RequestLines {
 public:
  /// Throws: kBadData if the file cannot be read.
  explicit RequestLines(const Json& request);

  /// The next line that is not blank; false at the end, or once the operation is to stop.
  bool next(std::string& line, const core::OperationContext& context);
  /// "FILE:NUMBER" of the last line.
  std::string origin() const;
  /// Lines read so far, blank ones among them.
  std::int64_t count() const { return count_; }
  /// Nothing more is there yet: who wrote the last line, at a terminal or a pipe, waits for its answer.
  bool awaited() const;

 private:
  std::string name_;
  std::ifstream file_;
  std::istream* in_;
  std::int64_t count_ = 0;
};

}  // namespace discreet::app::internal
