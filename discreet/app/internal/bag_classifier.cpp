#include "discreet/app/internal/bag_classifier.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::app::internal {

BagClassifier::BagClassifier(const std::vector<std::vector<std::string>>& texts, const std::vector<std::uint32_t>& labels,
                             std::size_t classes, const Options& options)
    : classes_(classes) {
  if (texts.empty() || texts.size() != labels.size() || classes == 0) throw internal_error("a classifier needs texts with labels");
  for (const auto& text : texts) {
    for (const std::string& word : text) index_.emplace(word, index_.size() + 1);
  }
  const std::size_t features = index_.size() + 1;
  weights_.assign(features * classes, 0);
  std::vector<double> squares(features * classes, 1e-8);
  std::vector<std::vector<std::size_t>> rows;
  for (const auto& text : texts) rows.push_back(features_of(text));
  std::vector<std::size_t> order(texts.size());
  std::iota(order.begin(), order.end(), 0u);
  core::ReproducibleRng rng(options.seed, "bag classifier");
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    core::shuffle(std::span(order), rng);
    for (const std::size_t i : order) {
      const std::vector<double> log_p = log_probabilities(rows[i]);
      for (std::size_t c = 0; c < classes; ++c) {
        const double error = std::exp(log_p[c]) - (labels[i] == c ? 1 : 0);
        for (const std::size_t f : rows[i]) {
          double& weight = weights_[f * classes + c];
          const double gradient = error + options.l2 * weight;
          squares[f * classes + c] += gradient * gradient;
          weight -= options.learning_rate * gradient / std::sqrt(squares[f * classes + c]);
        }
      }
    }
  }
}

std::vector<std::size_t> BagClassifier::features_of(const std::vector<std::string>& text) const {
  std::vector<std::size_t> features = {0};
  for (const std::string& word : text) {
    if (const auto found = index_.find(word); found != index_.end()) features.push_back(found->second);
  }
  std::sort(features.begin(), features.end());
  features.erase(std::unique(features.begin(), features.end()), features.end());
  return features;
}

std::vector<double> BagClassifier::log_probabilities(const std::vector<std::size_t>& features) const {
  std::vector<double> logits(classes_, 0);
  for (const std::size_t f : features) {
    for (std::size_t c = 0; c < classes_; ++c) logits[c] += weights_[f * classes_ + c];
  }
  const double most = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit - most);
  for (double& logit : logits) logit -= most + std::log(sum);
  return logits;
}

std::uint32_t BagClassifier::predict(const std::vector<std::string>& text) const {
  const std::vector<double> log_p = log_probabilities(features_of(text));
  return static_cast<std::uint32_t>(std::max_element(log_p.begin(), log_p.end()) - log_p.begin());
}

double BagClassifier::loss(const std::vector<std::string>& text, std::uint32_t label) const {
  return -log_probabilities(features_of(text)).at(label);
}

}  // namespace discreet::app::internal
