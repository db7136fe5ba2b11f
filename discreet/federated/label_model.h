#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace discreet::federated {

/// Votes of R labelling functions on M texts: [M, R] row by row; -1 abstains.
struct Votes {
  std::int64_t rules = 0;
  std::vector<std::int32_t> vote;
  std::int64_t rows() const { return rules == 0 ? 0 : static_cast<std::int64_t>(vote.size()) / rules; }
};

/// A labelling function: a text that has one of the words gets the class.
struct LabelRule {
  std::int64_t label = 0;
  std::vector<std::string> words;
};

/// Rules of a file: lines "class: word word …"; '#' begins a comment. Throws: kBadData naming file and line
/// for a class that is not among `classes`, or a line that is none of these.
std::vector<LabelRule> read_label_rules(const std::filesystem::path& path, const std::vector<std::string>& classes);
Votes vote_by_rules(const std::vector<LabelRule>& rules, std::span<const std::vector<std::string>> texts);

/// Posterior [M, C] by majority: votes of a class over all votes; no votes: zeros.
std::vector<double> majority_posterior(const Votes& votes, std::int64_t classes);

/// What each rule's votes say of the class (Dawid and Skene 1979). Abstaining is an outcome like others: a
/// rule that only ever votes for one class tells by its silence too.
struct LabelModel {
  std::int64_t classes = 0, rules = 0;
  std::vector<double> prior;    ///< [C]
  std::vector<double> outcome;  ///< [R, C, C + 1]: P(vote | class), the last column abstains.
};

/// Expected counts of one device, all that an EM step needs of it: they add up over devices.
struct LabelModelSums {
  std::vector<double> prior;    ///< [C]
  std::vector<double> outcome;  ///< [R, C, C + 1]
  double log_likelihood = 0;
  void merge(const LabelModelSums& other);
};

/// Posterior [M, C] of each text's class; a text on which all rules abstain has what silence tells.
std::vector<double> posterior(const LabelModel& model, const Votes& votes, double* log_likelihood = nullptr);
/// E step of one device. `posteriors` [M, C] replaces the model's own (the first step: by majority).
LabelModelSums expected_counts(const LabelModel& model, const Votes& votes, std::span<const double> posteriors = {});
/// M step, with `smoothing` added to every count.
LabelModel maximise(const LabelModelSums& sums, std::int64_t classes, std::int64_t rules, double smoothing = 0.1);

/// EM from majority votes until the log likelihood rises by less than 1e-6 of itself or `steps` are made.
/// Only sums leave the devices, and the result is that of pooled votes to rounding.
LabelModel fit_label_model(std::span<const Votes> devices, std::int64_t classes, std::int64_t steps = 100);

/// Share of a rule's votes that are right, by the model.
std::vector<double> rule_accuracies(const LabelModel& model);

}  // namespace discreet::federated
