#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::app {

/// What `mitigate swap` does with a file.
struct SwapRequest {
  std::filesystem::path input;   ///< .jsonl, .csv, .tsv, else text; each also with .gz.
  std::filesystem::path output;
  std::vector<std::string> columns = {"text"};  ///< Of .jsonl, .csv and .tsv.
  std::string mode = "swap";     ///< swap | augment (the original, then the copy) | substitute (half of the documents).
  double share = 0.5;            ///< Of documents, with substitute.
  std::uint64_t seed = 0;
  std::vector<std::string> pairs, one_way, names;  ///< Files (mitigate/words/swap_lists.h).
  bool built_in = true;          ///< The project's own lists, before the files.
  bool pronouns = true;
  std::string on_conflict = "error";  ///< error | first
  const std::atomic<int>* stop = nullptr;  ///< 0, or a signal's number: ends the work between two lines.
};

/// Streams `input` to `output` and returns discreet.mitigate.swap/1: what was exchanged, how often, in which
/// direction; what was left and why. A document is a line of text or a row; a row is written as it was but for
/// the changed cells. Memory: a document and a block, whatever the file's size.
/// Throws: kBadData naming file and line for what is no such file, a missing column, a column that is no string;
/// a file in which no document has a word of the lists is bad data too, and nothing is written. kUsage.
Json swap_file(const SwapRequest& request);

}  // namespace discreet::app
