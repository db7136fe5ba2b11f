#pragma once

#include <atomic>
#include <cstdio>
#include <string>

namespace discreet::app {

struct TokenizeRequest {
  std::string model;            ///< A model folder or a tokeniser's file.
  bool special_tokens = true;   ///< As the post-processor adds them; decoding: those too.
  bool pair = false;            ///< Lines are [text, text].
  bool words = false;           ///< Lines are [word, …], each encoded for itself.
  bool decode = false;          ///< Lines are ids; a text comes out.
  bool tokens = false;          ///< Objects with the tokens' spelling.
  bool offsets = false;         ///< Objects with offsets.
  bool byte_offsets = false;    ///< Offsets count bytes, not code points.
};

/// One JSON value a line from the file descriptor `input`, one a line to `output`: a text gives an
/// array of ids, or with `tokens` or `offsets` an object. What has been read is answered before more is
/// waited for. `stop` set: ends after the line at hand.
/// Throws: kBadData naming the line; what came before it has been written. Errors of
/// SubwordTokenizer::load.
void tokenize_lines(const TokenizeRequest& request, int input, std::FILE* output, const std::atomic<int>* stop);

}  // namespace discreet::app
