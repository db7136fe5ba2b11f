#include "discreet/federated/label_model.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::federated {

std::vector<LabelRule> read_label_rules(const std::filesystem::path& path, const std::vector<std::string>& classes) {
  std::ifstream in(path);
  if (!in) throw bad_data(path.string() + ": no such file of labelling rules", "Lines are \"class: word word …\".");
  std::vector<LabelRule> rules;
  std::int64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (const auto comment = line.find('#'); comment != std::string::npos) line.resize(comment);
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto colon = line.find(':');
    std::istringstream words(colon == std::string::npos ? "" : line.substr(colon + 1));
    LabelRule rule;
    for (std::string word; words >> word;) rule.words.push_back(word);
    if (colon == std::string::npos || rule.words.empty()) {
      throw bad_data(fmt::format("{}:{}: not \"class: word word …\"", path.string(), number));
    }
    std::string name = line.substr(0, colon);
    name.erase(0, name.find_first_not_of(" \t"));
    const auto found = std::find(classes.begin(), classes.end(), name);
    if (found == classes.end()) {
      throw bad_data(fmt::format("{}:{}: the data have no class '{}'", path.string(), number, name));
    }
    rule.label = found - classes.begin();
    rules.push_back(std::move(rule));
  }
  if (rules.empty()) throw bad_data(path.string() + ": there are no rules in it");
  return rules;
}

Votes vote_by_rules(const std::vector<LabelRule>& rules, std::span<const std::vector<std::string>> texts) {
  Votes votes{.rules = static_cast<std::int64_t>(rules.size()), .vote = {}};
  for (const std::vector<std::string>& text : texts) {
    const std::set<std::string> words(text.begin(), text.end());
    for (const LabelRule& rule : rules) {
      const bool fires = std::any_of(rule.words.begin(), rule.words.end(),
                                     [&](const std::string& word) { return words.count(word) > 0; });
      votes.vote.push_back(fires ? static_cast<std::int32_t>(rule.label) : -1);
    }
  }
  return votes;
}

std::vector<double> majority_posterior(const Votes& votes, std::int64_t classes) {
  const auto c = static_cast<std::size_t>(classes), r = static_cast<std::size_t>(votes.rules);
  std::vector<double> shares(static_cast<std::size_t>(votes.rows()) * c, 0.0);
  for (std::size_t row = 0; row < static_cast<std::size_t>(votes.rows()); ++row) {
    double all = 0;
    for (std::size_t rule = 0; rule < r; ++rule) {
      const std::int32_t vote = votes.vote[row * r + rule];
      if (vote < 0) continue;
      shares[row * c + static_cast<std::size_t>(vote)] += 1;
      all += 1;
    }
    for (std::size_t label = 0; label < c && all > 0; ++label) shares[row * c + label] /= all;
  }
  return shares;
}

void LabelModelSums::merge(const LabelModelSums& other) {
  if (prior.empty()) {
    *this = other;
    return;
  }
  for (std::size_t i = 0; i < prior.size(); ++i) prior[i] += other.prior[i];
  for (std::size_t i = 0; i < outcome.size(); ++i) outcome[i] += other.outcome[i];
  log_likelihood += other.log_likelihood;
}

std::vector<double> posterior(const LabelModel& model, const Votes& votes, double* log_likelihood) {
  const auto c = static_cast<std::size_t>(model.classes), r = static_cast<std::size_t>(model.rules);
  const auto rows = static_cast<std::size_t>(votes.rows());
  std::vector<double> shares(rows * c);
  double total = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    double most = -HUGE_VAL, sum = 0;
    double* own = shares.data() + row * c;
    for (std::size_t label = 0; label < c; ++label) {
      own[label] = std::log(model.prior[label]);
      for (std::size_t rule = 0; rule < r; ++rule) {
        const std::int32_t vote = votes.vote[row * r + rule];
        const std::size_t column = vote < 0 ? c : static_cast<std::size_t>(vote);
        own[label] += std::log(model.outcome[(rule * c + label) * (c + 1) + column]);
      }
      most = std::max(most, own[label]);
    }
    for (std::size_t label = 0; label < c; ++label) sum += std::exp(own[label] - most);
    for (std::size_t label = 0; label < c; ++label) own[label] = std::exp(own[label] - most) / sum;
    total += most + std::log(sum);
  }
  if (log_likelihood != nullptr) *log_likelihood = total;
  return shares;
}

LabelModelSums expected_counts(const LabelModel& model, const Votes& votes, std::span<const double> posteriors) {
  const auto c = static_cast<std::size_t>(model.classes), r = static_cast<std::size_t>(model.rules);
  LabelModelSums sums;
  sums.prior.assign(c, 0.0);
  sums.outcome.assign(r * c * (c + 1), 0.0);
  std::vector<double> own;
  if (posteriors.empty()) {
    own = posterior(model, votes, &sums.log_likelihood);
    posteriors = own;
  }
  for (std::size_t row = 0; row < static_cast<std::size_t>(votes.rows()); ++row) {
    for (std::size_t label = 0; label < c; ++label) {
      const double share = posteriors[row * c + label];
      sums.prior[label] += share;
      for (std::size_t rule = 0; rule < r; ++rule) {
        const std::int32_t vote = votes.vote[row * r + rule];
        sums.outcome[(rule * c + label) * (c + 1) + (vote < 0 ? c : static_cast<std::size_t>(vote))] += share;
      }
    }
  }
  return sums;
}

LabelModel maximise(const LabelModelSums& sums, std::int64_t classes, std::int64_t rules, double smoothing) {
  const auto c = static_cast<std::size_t>(classes), r = static_cast<std::size_t>(rules);
  LabelModel model{.classes = classes, .rules = rules, .prior = sums.prior, .outcome = sums.outcome};
  double all = 0;
  for (double& count : model.prior) all += count += smoothing;
  for (double& count : model.prior) count /= all;
  for (std::size_t row = 0; row < r * c; ++row) {
    const auto own = std::span<double>(model.outcome).subspan(row * (c + 1), c + 1);
    double sum = 0;
    for (double& count : own) sum += count += smoothing;
    for (double& count : own) count /= sum;
  }
  return model;
}

LabelModel fit_label_model(std::span<const Votes> devices, std::int64_t classes, std::int64_t steps) {
  std::int64_t rules = 0;
  for (const Votes& votes : devices) rules = std::max(rules, votes.rules);
  if (rules == 0 || classes < 1) throw usage_error("a label model without rules or classes");
  LabelModel model{.classes = classes, .rules = rules, .prior = {}, .outcome = {}};
  LabelModelSums first;
  for (const Votes& votes : devices) {
    if (votes.rows() > 0) first.merge(expected_counts(model, votes, majority_posterior(votes, classes)));
  }
  if (first.prior.empty()) throw bad_data("a label model without texts");
  model = maximise(first, classes, rules);
  double before = -HUGE_VAL;
  for (std::int64_t step = 0; step < steps; ++step) {
    LabelModelSums sums;
    for (const Votes& votes : devices) {
      if (votes.rows() > 0) sums.merge(expected_counts(model, votes));
    }
    model = maximise(sums, classes, rules);
    if (sums.log_likelihood - before < 1e-6 * std::abs(sums.log_likelihood)) break;
    before = sums.log_likelihood;
  }
  return model;
}

std::vector<double> rule_accuracies(const LabelModel& model) {
  const auto c = static_cast<std::size_t>(model.classes);
  std::vector<double> accuracies;
  for (std::size_t rule = 0; rule < static_cast<std::size_t>(model.rules); ++rule) {
    double right = 0, votes = 0;
    for (std::size_t label = 0; label < c; ++label) {
      const double* own = model.outcome.data() + (rule * c + label) * (c + 1);
      right += model.prior[label] * own[label];
      votes += model.prior[label] * (1 - own[c]);
    }
    accuracies.push_back(votes > 0 ? right / votes : 0);
  }
  return accuracies;
}

}  // namespace discreet::federated
