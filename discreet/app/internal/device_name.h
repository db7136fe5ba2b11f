#pragma once

#include <regex>
#include <string>

namespace discreet::app::internal {

/// Whether `name` is a word for a device: auto, cpu, cuda or cuda:N. That there is such a device is another question.
inline bool is_device_name(const std::string& name) {
  static const std::regex kNames("auto|cpu|cuda(:[0-9]{1,3})?");
  return std::regex_match(name, kNames);
}

}  // namespace discreet::app::internal
