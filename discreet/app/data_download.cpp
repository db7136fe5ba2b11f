#include "discreet/app/data_download.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "discreet/app/internal/http_download.h"
#include "discreet/core/error.h"
#include "discreet/core/progress.h"
#include "discreet/core/sha256.h"

namespace discreet::app {
namespace {

namespace fs = std::filesystem;

bool is_address(const std::string& mirror) {
  return mirror.starts_with("http://") || mirror.starts_with("https://");
}

bool is_right(const fs::path& path, const DataFile& file) {
  std::error_code ignored;
  return fs::exists(path) && fs::file_size(path, ignored) == file.bytes &&
         core::sha256_file(path) == file.sha256;
}

std::string address_of(const DataSet& set, const DataFile& file, const std::string& mirror) {
  if (mirror.empty()) return file.url;
  return fmt::format("{}/{}/{}",
                     mirror.ends_with('/') ? mirror.substr(0, mirror.size() - 1) : mirror, set.name,
                     file.path);
}

void pause_for(std::chrono::milliseconds length, const core::OperationContext& context) {
  const auto end = std::chrono::steady_clock::now() + length;
  while (std::chrono::steady_clock::now() < end && !context.stopping()) {
    std::this_thread::sleep_for(std::min(length, std::chrono::milliseconds(20)));
  }
}

class Download {
 public:
  Download(const DataSet& set, const DownloadOptions& options, core::OperationContext& context)
      : set_(set),
        options_(options),
        context_(context),
        folder_((options.out.empty() ? data_cache() : options.out) / set.name),
        progress_({.label = "get " + set.name,
                   .unit = "bytes",
                   .total = static_cast<std::int64_t>(set.bytes()),
                   .quiet = context.quiet}) {}

  Json run() {
    refuse_missing_addresses();
    Json files = Json::array();
    for (const DataFile& file : set_.files) {
      files.push_back({{"path", file.path}, {"bytes", file.bytes}, {"state", fetch(file)}});
      done_ += file.bytes;
      progress_.update(static_cast<std::int64_t>(done_));
    }
    progress_.finish();
    return {{"schema", "discreet.data.get/1"}, {"name", set_.name},
            {"folder", folder_.string()},      {"licence", set_.licence},
            {"bytes", set_.bytes()},           {"results", files}};
  }

 private:
  // Before the first byte: half a data set helps nobody.
  void refuse_missing_addresses() const {
    if (!options_.mirror.empty()) return;
    for (const DataFile& file : set_.files) {
      if (!file.url.empty() || is_right(folder_ / file.path, file)) continue;
      throw usage_error(
          fmt::format("data set '{}': no stable address is known for {}. {}", set_.name, file.path,
                      set_.note),
          fmt::format(
              "Get it from {} yourself, or name a folder or address that has it: --mirror DIR "
              "(with DIR/{}/{}).",
              set_.origin, set_.name, file.path));
    }
  }

  std::string fetch(const DataFile& file) {
    const fs::path path = folder_ / file.path;
    if (is_right(path, file)) return "there";
    fs::create_directories(path.parent_path());
    const fs::path part = path.string() + ".part";
    std::error_code ignored;
    if (fs::exists(part) && fs::file_size(part, ignored) > file.bytes) fs::remove(part);
    const bool resumed = fs::exists(part) && fs::file_size(part, ignored) > 0;
    const bool local = !options_.mirror.empty() && !is_address(options_.mirror);
    const std::string origin = local ? (fs::path(options_.mirror) / set_.name / file.path).string()
                                     : address_of(set_, file, options_.mirror);
    if (local) {
      copy(origin, part);
    } else if (!resumed || fs::file_size(part) < file.bytes) {
      transfer(origin, part, file);
    }
    accept(origin, part, path, file);
    return local ? "copied" : resumed ? "resumed" : "fetched";
  }

  void copy(const std::string& origin, const fs::path& part) {
    if (!fs::is_regular_file(origin)) {
      throw runtime_failure(fmt::format("{}: no such file", origin),
                            "--mirror names the folder in which each data set has its own.");
    }
    stop_if_asked();
    std::error_code error;
    fs::remove(part, error);
    fs::copy_file(origin, part, fs::copy_options::overwrite_existing, error);
    if (error) {
      throw runtime_failure(fmt::format("{}: {}", part.string(), error.message()),
                            "Check the free space and the rights of the folder.");
    }
    // A read-only mirror must not make a read-only cache.
    fs::permissions(part, fs::perms::owner_write, fs::perm_options::add, error);
  }

  void transfer(const std::string& url, const fs::path& part, const DataFile& file) {
    auto pause = options_.pause;
    std::uint64_t before = 0;
    for (int attempt = 1;; ++attempt) {
      stop_if_asked();
      std::uint64_t reached = before;
      const auto result =
          internal::http_download({.url = url,
                                   .part = part,
                                   .max_bytes = file.bytes,
                                   .timeout = options_.timeout,
                                   .on_bytes = [&](std::uint64_t bytes) {
                                     reached = bytes;
                                     progress_.update(static_cast<std::int64_t>(done_ + bytes));
                                     return !context_.stopping();
                                   }});
      if (result.complete) return;
      stop_if_asked();
      if (reached > before) attempt = 1, pause = options_.pause;
      before = reached;
      if (!result.worth_retrying || attempt >= options_.attempts) {
        throw runtime_failure(fmt::format("{}: {}", url, result.problem),
                              "What has arrived is kept: the same command goes on from there. Or "
                              "name another source with --mirror.");
      }
      pause_for(pause, context_);
      pause *= 2;
    }
  }

  void accept(const std::string& origin, const fs::path& part, const fs::path& path,
              const DataFile& file) {
    const std::uint64_t bytes = fs::file_size(part);
    const std::string sha256 = core::sha256_file(part);
    if (bytes != file.bytes || sha256 != file.sha256) {
      fs::remove(part);
      throw bad_data(
          fmt::format("{}: got {} bytes with SHA-256 {}, expected {} bytes with {}", origin, bytes,
                      sha256, file.bytes, file.sha256),
          "The source changed or the transfer is damaged; nothing was kept. Try again, or "
          "name another source with --mirror.");
    }
    fs::rename(part, path);
  }

  void stop_if_asked() const {
    if (!context_.stopping()) return;
    throw core::interrupted(context_,
                            "What has arrived is kept: the same command goes on from there.");
  }

  const DataSet& set_;
  const DownloadOptions& options_;
  core::OperationContext& context_;
  fs::path folder_;
  core::Progress progress_;
  std::uint64_t done_ = 0;
};

}  // namespace

Json download_data_set(const DataSet& set, const DownloadOptions& options,
                       core::OperationContext& context) {
  return Download(set, options, context).run();
}

}  // namespace discreet::app
