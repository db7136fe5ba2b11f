#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace discreet::app::internal {

/// Softmax regression on the words of a text (each once), by AdaGrad: a classifier that a corpus is good for.
class BagClassifier {
 public:
  struct Options {
    int epochs = 12;
    double learning_rate = 0.3;
    double l2 = 1e-5;
    std::uint64_t seed = 0;
  };
  /// Texts are words in lower case; labels are classes. Throws: kInternal for no texts or other counts.
  BagClassifier(const std::vector<std::vector<std::string>>& texts, const std::vector<std::uint32_t>& labels, std::size_t classes,
                const Options& options);

  /// The likeliest class, and the loss -log P(label).
  std::uint32_t predict(const std::vector<std::string>& text) const;
  double loss(const std::vector<std::string>& text, std::uint32_t label) const;

 private:
  std::vector<std::size_t> features_of(const std::vector<std::string>& text) const;
  std::vector<double> log_probabilities(const std::vector<std::size_t>& features) const;

  std::size_t classes_;
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<double> weights_;  ///< [features, classes]; feature 0 is the intercept.
};

}  // namespace discreet::app::internal
