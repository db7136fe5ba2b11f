#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace discreet {

/// Why work ended; the value is the program's exit code.
enum class ErrorCode : int {
  kRuntime = 1,         ///< A run-time failure: disk full, lock held, network.
  kUsage = 2,           ///< Usage or configuration.
  kBadData = 3,         ///< An input file is not what it should be.
  kGate = 4,            ///< A release gate failed.
  kPrivacyRefused = 5,  ///< A budget would be exceeded, or a guarantee cannot be stated.
  kInternal = 70,       ///< A bug in this program.
  kInterrupted = 130,   ///< SIGINT, after saving; SIGTERM is 143.
  kTerminated = 143,
};

/// The one exception of the library. `message` says what, where, got and expected; `hint` says what
/// to do about it and may be empty.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}

  ErrorCode code() const { return code_; }
  int exit_code() const { return static_cast<int>(code_); }
  const std::string& hint() const { return hint_; }

 private:
  ErrorCode code_;
  std::string hint_;
};

inline Error runtime_failure(const std::string& message, std::string hint = {}) {
  return {ErrorCode::kRuntime, message, std::move(hint)};
}
inline Error usage_error(const std::string& message, std::string hint = {}) {
  return {ErrorCode::kUsage, message, std::move(hint)};
}
inline Error bad_data(const std::string& message, std::string hint = {}) {
  return {ErrorCode::kBadData, message, std::move(hint)};
}
inline Error privacy_refused(const std::string& message, std::string hint = {}) {
  return {ErrorCode::kPrivacyRefused, message, std::move(hint)};
}
inline Error internal_error(const std::string& message) {
  return {ErrorCode::kInternal, message, "This is a bug in discreet; please report it."};
}

}  // namespace discreet
