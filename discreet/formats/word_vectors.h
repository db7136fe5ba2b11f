#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace discreet::formats {

/// Words and their vectors, row after row.
struct WordVectors {
  std::size_t dimension = 0;
  std::vector<std::string> words;
  std::vector<float> values;   ///< [words.size(), dimension]
  std::size_t duplicates = 0;  ///< Later lines of a word already read: skipped.

  std::span<const float> row(std::size_t i) const {
    return {values.data() + i * dimension, dimension};
  }
  /// Word to row.
  std::unordered_map<std::string, std::size_t> index() const;
};

struct WordVectorOptions {
  /// Stop after so many words are kept.
  std::size_t limit = std::numeric_limits<std::size_t>::max();
  /// Keep only the words for which it is true; empty keeps all. Values of other lines are not
  /// parsed.
  std::function<bool(const std::string&)> wanted;
};

/// Text vectors: "word v1 … vd" on each line, plain or gzip; GloVe (no header) and word2vec ("N d"
/// on the first line) are told apart. The first of two lines of one word counts, as in gensim. A
/// word may hold spaces (GloVe 840B has such): the last d fields are the vector, with d from the
/// header or from the first line. Throws: kBadData naming file and line for a wrong number of
/// fields, a value that is no finite number, and a file without vectors; kRuntime.
WordVectors read_word_vectors(const std::filesystem::path& path,
                              const WordVectorOptions& options = {});

/// The words alone, in the file's order: a vocabulary that owes nothing to private text.
std::vector<std::string> read_word_vector_words(
    const std::filesystem::path& path, std::size_t limit = std::numeric_limits<std::size_t>::max());

}  // namespace discreet::formats
