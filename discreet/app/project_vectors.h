#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::app {

/// What `mitigate project --vectors` does.
struct ProjectVectorsRequest {
  std::filesystem::path vectors, output;
  std::string method = "hard-debias";     ///< Kind "projection".
  std::vector<std::string> set;           ///< "inlp.rounds=20"
  std::vector<std::string> pairs;         ///< Sources of pairs (mitigate/words/swap_lists.h); empty: the built-in gender words.
  std::filesystem::path word_lists;       ///< JSON of word lists; with `classes` instead of pairs.
  std::vector<std::string> classes;       ///< Names of lists: the classes of the attribute.
  std::vector<std::filesystem::path> keep;  ///< hard-debias: files of words, one a line, that name the attribute and stay.
  std::vector<std::string> equalize;      ///< hard-debias: sources of pairs to equalise; empty: the pairs themselves.
  std::int64_t limit = 1000000;           ///< Words of the file.
  std::int64_t hidden = 32;               ///< Units of the non-linear probe.
  std::int64_t folds = 5;
  std::uint64_t seed = 0;
  bool force = false;                     ///< Replace what is at `output`.
};

/// Removes an attribute from static vectors and writes them, word2vec's text form. Returns discreet.mitigation/1:
/// what a linear probe and a network tell of the attribute before and after, on words that the projection did
/// not see, and of words by the side on which they lay before (Gonen and Goldberg 2019).
/// Throws: kBadData where pairs or lists lose too many words, and as the method does; kUsage.
Json project_vectors(const ProjectVectorsRequest& request);

}  // namespace discreet::app
