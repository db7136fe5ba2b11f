#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace discreet::app::internal {

struct HttpRequest {
  std::string url;              ///< http:// or https://
  std::filesystem::path part;   ///< Appended to; what is there already is asked for no more.
  std::uint64_t max_bytes = 0;  ///< More than that is refused, whatever the server says.
  std::chrono::seconds timeout{30};
  std::function<bool(std::uint64_t)> on_bytes;  ///< Bytes there so far; false stops.
};

struct HttpResult {
  bool complete = false;
  bool stopped = false;  ///< on_bytes said so.
  bool worth_retrying = false;
  std::string problem;  ///< Empty if complete.
};

/// One GET, with a Range if the part is not empty. A server that ignores the range starts the part
/// anew. Throws: kUsage for an address that is none, kRuntime if the part cannot be written.
HttpResult http_download(const HttpRequest& request);

}  // namespace discreet::app::internal
