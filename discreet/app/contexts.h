#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace discreet::app {

/// A word as it stands in a text: bytes [begin, end).
struct WordContext {
  std::string text;
  std::int64_t begin = 0, end = 0;
};

struct ContextOptions {
  std::uint64_t most = 1000;   ///< Contexts kept of a word.
  std::int64_t window = 4;     ///< Words kept on either side; 0: the whole line.
  bool lowercase = false;      ///< Words match whatever their case.
  std::uint64_t seed = 0;
};

struct FoundContexts {
  std::map<std::string, std::vector<WordContext>> of;  ///< By word, as it was asked for; without those never met.
  std::map<std::string, std::uint64_t> seen;           ///< How often each word asked for was met.
  std::uint64_t lines = 0;
};

/// Contexts of words in a text file (plain or gzip), read once and never held whole: of each word a uniform
/// sample of at most `most` of its occurrences, by reservoir sampling. Whole words alone, cut as the word
/// tokenizer cuts them. What is kept of one word does not depend on which others are asked for.
/// Cost: O(bytes); memory O(words x most x window).
/// Throws: kRuntime if the file cannot be read, kBadData for a line that is not UTF-8.
FoundContexts sample_contexts(const std::filesystem::path& corpus, const std::vector<std::string>& words,
                              const ContextOptions& options);

}  // namespace discreet::app
