#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>

#include "discreet/stats/attack.h"
#include "discreet/stats/logistic.h"

namespace discreet {
namespace stats {
namespace {

constexpr std::size_t kSortedPosteriors = 3;

struct ShadowModelOptions {
  std::int64_t least = 20;
};

const core::Fields<ShadowModelOptions>& shadow_model_fields() {
  static const auto fields =
      core::Fields<ShadowModelOptions>("shadow-models")
          .add("least", &ShadowModelOptions::least,
               {.min = 1,
                .max = 1e9,
                .unit = "examples",
                .doc = "A class with fewer shadow outputs on a side uses the attack model of all classes."});
  return fields;
}

std::string shadow_models_missing(const AttackData& data) {
  return missing_shadows(data, data.shadow_signal, true);
}

/// What an attack model sees of one output: the label's logit and log p, and the largest posteriors.
class OutputFeatures {
 public:
  explicit OutputFeatures(const AttackData& data)
      : data_(data), sorted_(data.log_posterior.empty() ? 0 : std::min(kSortedPosteriors, data.classes)) {}

  std::size_t size() const { return 1 + (data_.log_prob.empty() ? 0 : 1) + sorted_; }

  void of_target(std::size_t i, std::vector<double>& row) const {
    add(data_.signal[i], data_.log_prob.empty() ? 0 : data_.log_prob[i], data_.log_posterior, i, row);
  }
  void of_shadow(std::size_t at, std::vector<double>& row) const {
    add(data_.shadow_signal[at], data_.log_prob.empty() ? 0 : data_.shadow_log_prob[at], data_.shadow_log_posterior, at,
        row);
  }

 private:
  void add(double signal, double log_prob, const std::vector<float>& posteriors, std::size_t at,
           std::vector<double>& row) const {
    row.push_back(signal);
    if (!data_.log_prob.empty()) row.push_back(log_prob);
    if (sorted_ == 0) return;
    const auto first = posteriors.begin() + static_cast<std::ptrdiff_t>(at * data_.classes);
    std::vector<float> all(first, first + static_cast<std::ptrdiff_t>(data_.classes));
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(sorted_), all.end(), std::greater<>());
    for (std::size_t k = 0; k < sorted_; ++k) row.push_back(std::exp(static_cast<double>(all[k])));
  }

  const AttackData& data_;
  std::size_t sorted_;
};

/// The shadow outputs of one class, or of all.
struct ShadowOutputs {
  std::vector<double> rows;
  std::vector<std::uint8_t> in;
  bool enough(std::int64_t least) const {
    const auto members = std::count(in.begin(), in.end(), std::uint8_t{1});
    return members >= least && static_cast<std::int64_t>(in.size()) - members >= least;
  }
};

AttackScores shadow_models(const AttackData& data, const core::Config& config) {
  const ShadowModelOptions options = shadow_model_fields().parse(config);
  const OutputFeatures features(data);
  ShadowOutputs all;
  std::map<std::int64_t, ShadowOutputs> by_class;
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (!data.audited(i)) continue;
    for (std::size_t m = 0; m < data.models; ++m) {
      const std::size_t at = i * data.models + m;
      features.of_shadow(at, all.rows);
      all.in.push_back(data.in[at]);
      if (data.label.empty()) continue;
      ShadowOutputs& own = by_class[data.label[i]];
      features.of_shadow(at, own.rows);
      own.in.push_back(data.in[at]);
    }
  }
  const LogisticRegression common(all.rows, features.size(), all.in);
  std::map<std::int64_t, LogisticRegression> models;
  for (const auto& [label, outputs] : by_class) {
    if (outputs.enough(options.least)) models.emplace(label, LogisticRegression(outputs.rows, features.size(), outputs.in));
  }
  AttackScores scores = no_scores(data);
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (!data.audited(i)) continue;
    std::vector<double> row;
    features.of_target(i, row);
    const auto own = data.label.empty() ? models.end() : models.find(data.label[i]);
    scores.score[i] = (own == models.end() ? common : own->second).log_odds(row);
  }
  scores.settings["attack_models"] = models.size() + (models.size() < std::max<std::size_t>(by_class.size(), 1) ? 1 : 0);
  scores.settings["classes_with_common_model"] = by_class.size() - models.size();
  scores.settings["least"] = options.least;
  return scores;
}

}  // namespace
}  // namespace stats

void register_attack_shadow_models(core::Registry& registry) {
  registry.add({.kind = "attack",
                .name = "shadow-models",
                .summary = "A logistic attack model for each class, trained on what shadow models say of members and others",
                .reference = "Shokri et al. 2017; attack models here are logistic regressions",
                .fields = stats::shadow_model_fields().info(),
                .make = stats::AttackRule{&stats::shadow_models_missing, &stats::shadow_models}});
}

}  // namespace discreet
