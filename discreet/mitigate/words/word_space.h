#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace discreet::mitigate {

/// Words and their vectors, with the Euclidean distance: the metric in which a replaced word is private.
class WordSpace {
 public:
  /// Rows of `values` [words.size(), dimension]. Throws: kBadData for fewer than two words, a word twice, two
  /// words with one vector (their distance 0 would ask for equal distributions) or a zero vector.
  WordSpace(std::vector<std::string> words, std::vector<float> values, std::size_t dimension);

  WordSpace(const WordSpace&) = delete;  // words are looked up by views into it
  WordSpace& operator=(const WordSpace&) = delete;

  std::size_t size() const { return words_.size(); }
  std::size_t dimension() const { return dimension_; }
  const std::string& word(std::size_t i) const { return words_[i]; }
  std::span<const float> row(std::size_t i) const { return {values_.data() + i * dimension_, dimension_}; }
  /// Its number, or size() if it is none of the words.
  std::size_t find(std::string_view word) const;

  /// Euclidean distances of each of `queries` [Q, dimension] to all words, into `out` [Q, size()].
  /// Products in float32 of vectors about their mean; where these are near each other, and float32 would lose digits, from
  /// differences in double precision. Relative error of a distance about 1e-6, wherever the vectors lie; that of a word's
  /// own vector is exactly 0 if `own` gives its number.
  /// Cost: Q size() dimension multiply-adds, blocked so that a block of words serves all queries.
  void distances(std::span<const float> queries, std::span<const std::size_t> own, std::span<float> out) const;

  /// Smallest and largest distance of two words, as exact as `distances`. Cost: size()^2 dimension / 2 multiply-adds, once.
  struct Range {
    double least = 0, most = 0;
  };
  Range range() const;

 private:
  std::size_t dimension_;
  std::vector<std::string> words_;
  std::vector<float> values_;
  std::vector<double> mean_;    ///< [dimension]
  std::vector<float> blocks_;   ///< [size() / 16, dimension, 16] vectors less their mean, 16 words side by side; zeros behind the last.
  std::vector<float> squares_;  ///< Their squared norms.
  std::unordered_map<std::string_view, std::size_t> index_;
};

}  // namespace discreet::mitigate
