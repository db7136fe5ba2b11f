#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::app {

/// What `mitigate perturb` does.
struct PerturbRequest {
  std::filesystem::path input;   ///< .jsonl, .csv, .tsv or text; empty: only the table of `calibrate`.
  std::filesystem::path output;
  std::vector<std::string> columns = {"text"};
  std::filesystem::path vectors;  ///< formats/word_vectors.h; lower-case words are taken, punctuation is not.
  std::int64_t limit = 50000;     ///< Words of the file.
  std::string mechanism = "truncated-exponential";
  double epsilon = 0;             ///< Per word and unit of distance.
  std::vector<std::string> set;   ///< "vickrey.second=0.3"
  std::string unknown = "random"; ///< Words without a vector: random (drawn uniformly), drop, or keep.
  std::vector<double> calibrate;  ///< Epsilons of a table: how much is kept, how many words come out.
  std::uint64_t seed = 0;         ///< Of the table's sample of words; noise is never seeded.
  const std::atomic<int>* stop = nullptr;  ///< 0, or a signal's number: ends the work between two lines.
};

/// Replaces the words of texts by a mechanism of metric differential privacy, streamed; returns
/// discreet.mitigate.perturb/1: the guarantee in words with what it does not cover, shares kept, the table.
/// A word is a token of the tokeniser `word` that is not punctuation alone, be it "555-123-4567" or "$"; each is replaced, or
/// treated as `unknown` says. Words come out in lower case; blanks and punctuation stay as they were.
/// Throws: kPrivacyRefused where the mechanism has no noise for this epsilon, or where words without a vector
/// are to be kept under a guarantee; kUsage; kBadData.
Json perturb_file(const PerturbRequest& request);

}  // namespace discreet::app
