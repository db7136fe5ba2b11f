#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "discreet/app/data_sets.h"
#include "discreet/core/operation.h"

namespace discreet::app {

struct DownloadOptions {
  /// A folder or an http(s) address under which files lie as NAME/PATH; empty: the origin's
  /// addresses.
  std::string mirror;
  std::filesystem::path out;             ///< Files come to OUT/NAME/PATH; empty: `data_cache()`.
  int attempts = 4;                      ///< For each file, without a byte of progress in between.
  std::chrono::milliseconds pause{500};  ///< Before the second attempt; doubles with each.
  std::chrono::seconds timeout{30};      ///< For a connection or a read.
};

/// Fetches every file of `set` that is not yet there with the right hash. A file grows under the
/// name `PATH.part`, from which an interrupted download goes on (HTTP range), and takes its name
/// only when size and SHA-256 are right. Returns the document of `data get`. Throws: kBadData if a
/// file is not what the catalogue says (it is removed), kUsage if a file has no address and no
/// mirror is given, kRuntime if the network or the disk fails, kInterrupted after a signal.
Json download_data_set(const DataSet& set, const DownloadOptions& options,
                       core::OperationContext& context);

}  // namespace discreet::app
