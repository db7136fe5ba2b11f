#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::app {

/// Texts in, the document of the operation "rewrite-texts" out.
using RewriteTexts = std::function<Json(const std::vector<std::string>& texts)>;

/// What `mitigate rewrite` does.
struct RewriteRequest {
  std::filesystem::path input, output;
  std::vector<std::string> columns = {"text"};
  std::filesystem::path model;  ///< Of `mitigate train-rewriter`.
  std::string mechanism = "gaussian";
  double epsilon = 0, delta = 0;
  RewriteTexts rewrite;
  const std::atomic<int>* stop = nullptr;  ///< 0, or a signal's number: ends the work between two lines.
};

/// Writes each text again from its noisy context vector, streamed; returns discreet.mitigate.rewrite/1 with the guarantee
/// of one text in words, and what it does not cover. Under a mechanism without a proof no epsilon stands in it.
/// Throws: kUsage, kBadData.
Json rewrite_file(const RewriteRequest& request);

}  // namespace discreet::app
