#include "discreet/app/internal/request_lines.h"

#include <fmt/format.h>

#include <iostream>

#include "discreet/core/error.h"

namespace discreet::app::internal {

RequestLines::RequestLines(const Json& request) : name_(request.value("input", "")), in_(&std::cin) {
  if (name_.empty()) {
    name_ = "standard input";
    return;
  }
  file_.open(name_);
  if (!file_) throw bad_data(name_ + ": cannot be read", "Check --input.");
  in_ = &file_;
}

bool RequestLines::next(std::string& line, const core::OperationContext& context) {
  while (!context.stopping() && std::getline(*in_, line)) {
    ++count_;
    if (line.find_first_not_of(" \t\r") != std::string::npos) return true;
  }
  return false;
}

std::string RequestLines::origin() const { return fmt::format("{}:{}", name_, count_); }

bool RequestLines::awaited() const { return in_->rdbuf()->in_avail() <= 0; }

}  // namespace discreet::app::internal
