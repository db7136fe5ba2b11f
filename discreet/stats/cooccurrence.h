#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace discreet::stats {

/// Counts of words near those of two groups, added up text by text.
class Cooccurrence {
 public:
  /// `decay` per token of distance. Words of `left_out` and of the groups are no targets.
  Cooccurrence(std::set<std::string> first, std::set<std::string> second, std::set<std::string> left_out, double decay = 0.95);

  void add(const std::vector<std::string>& tokens);

  struct Score {
    std::string word;
    double first = 0, second = 0;  ///< Weighted counts.
    double score = 0;              ///< |log10 of the two shares' ratio|
  };
  struct Result {
    std::vector<Score> words;       ///< That stand near both groups, by word.
    std::uint64_t first = 0, second = 0;  ///< Occurrences of the groups' words.
    std::uint64_t one_sided = 0;    ///< Words near one group alone: they have no score.
    std::optional<double> mean;     ///< Of the scores; 0 is unbiased.
  };
  /// c_g(w) = sum over g's words in the same text of decay^distance; the score of w is
  /// |log10((c_1(w) / sum c_1 / n_1) / (c_2(w) / sum c_2 / n_2))|, its mean over words with both.
  /// With `targets`, only those words. Absent mean: no word stands near both groups.
  /// Ref: Bordia and Bowman 2019; the form with n_g as langfair computes it.
  Result result(const std::set<std::string>* targets = nullptr) const;

 private:
  std::set<std::string> groups_[2], left_out_;
  double decay_;
  std::map<std::string, double> counts_[2];
  std::uint64_t occurrences_[2] = {0, 0};
};

}  // namespace discreet::stats
