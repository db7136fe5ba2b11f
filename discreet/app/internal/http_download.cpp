#include "discreet/app/internal/http_download.h"

#include <fmt/format.h>
#include <httplib.h>

#include <fstream>

#include "discreet/core/error.h"

namespace discreet::app::internal {
namespace {

struct Address {
  std::string server;  ///< scheme://host[:port]
  std::string path;
};

Address split_address(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::string kind = url.substr(0, scheme);
  if (scheme == std::string::npos || (kind != "http" && kind != "https")) {
    throw usage_error(fmt::format("'{}' is no http or https address", url),
                      "For example https://example.org/data.");
  }
  const std::size_t slash = url.find('/', scheme + 3);
  if (slash == std::string::npos) return {url, "/"};
  return {url.substr(0, slash), url.substr(slash)};
}

}  // namespace

HttpResult http_download(const HttpRequest& request) {
  const Address address = split_address(request.url);
  httplib::Client client(address.server);
  client.set_follow_location(true);
  client.set_connection_timeout(request.timeout);
  client.set_read_timeout(request.timeout);

  std::error_code ignored;
  std::uint64_t have =
      std::filesystem::exists(request.part) ? std::filesystem::file_size(request.part, ignored) : 0;
  httplib::Headers headers;
  if (have > 0) headers.emplace("Range", fmt::format("bytes={}-", have));

  std::ofstream file;
  HttpResult result;
  int status = 0;
  bool disk_failed = false;
  const auto on_response = [&](const httplib::Response& response) {
    status = response.status;
    if (status != 200 && status != 206) return false;
    if (status == 200) have = 0;
    file.open(request.part, std::ios::binary | (status == 206 ? std::ios::app : std::ios::trunc));
    disk_failed = !file;
    return !disk_failed;
  };
  const auto on_content = [&](const char* bytes, std::size_t size) {
    if (have + size > request.max_bytes) {
      result.problem = "the server sends more bytes than the file has";
      return false;
    }
    file.write(bytes, static_cast<std::streamsize>(size));
    disk_failed = !file;
    have += size;
    result.stopped = request.on_bytes && !request.on_bytes(have);
    return !disk_failed && !result.stopped;
  };
  const httplib::Result response = client.Get(address.path, headers, on_response, on_content);
  if (file.is_open()) {
    file.close();
    disk_failed = disk_failed || !file;
  }
  if (disk_failed) {
    throw runtime_failure(fmt::format("{}: cannot be written", request.part.string()),
                          "Check the free space and the rights of the folder.");
  }
  if (result.stopped || !result.problem.empty()) return result;
  if (status == 200 || status == 206) {
    result.complete = static_cast<bool>(response);
    result.worth_retrying = true;
    if (!result.complete) result.problem = httplib::to_string(response.error());
    return result;
  }
  if (status == 416) {
    // The part is longer than the file: it belongs to another version.
    std::filesystem::remove(request.part, ignored);
    result.problem = "the server has no such range";
    result.worth_retrying = true;
  } else if (status != 0) {
    result.problem = fmt::format("the server answers {}", status);
    result.worth_retrying = status >= 500 || status == 429;
  } else {
    result.problem = httplib::to_string(response.error());
    result.worth_retrying = true;
  }
  return result;
}

}  // namespace discreet::app::internal
