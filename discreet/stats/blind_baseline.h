#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "discreet/stats/membership.h"

namespace discreet::stats {

/// One example as a bag of features: numbers of any size, repeated where they occur more than once.
using FeatureBag = std::vector<std::uint64_t>;

struct BlindOptions {
  int folds = 5;
  int epochs = 12;
  std::uint32_t buckets = 1U << 18;  ///< Features are taken modulo this.
  double learning_rate = 0.5;
  double l2 = 1e-4;
  std::uint64_t seed = 0;
};

/// How far two sets differ without any model: scores of a logistic regression on the features, each
/// example scored by the regression that did not see its fold.
///
/// Folds have the same share of both sides, sides weigh the same, and scores are ranks within a
/// fold in (0, 1), so that no fold's intercept enters: where nothing differs, AUC is .5.
struct BlindScores {
  std::vector<double> first;  ///< In the order of `first`; higher = more likely of `first`.
  std::vector<double> second;
};
/// Throws: kInternal if a side has fewer examples than there are folds.
/// Ref: Das et al. 2024 (blind baselines); AdaGrad: Duchi et al. 2011.
BlindScores blind_scores(std::span<const FeatureBag> first, std::span<const FeatureBag> second,
                         const BlindOptions& options = {});

/// Words, pairs of neighbours and the number of words, as features of the blind baseline.
FeatureBag text_features(std::span<const std::string> words);

/// The baseline's scores as an attack; the interval of its AUC is DeLong's, widened by how much more its AUC strays
/// over 30 draws of the sides by lot than DeLong says (some 1.3 times: folds share their training data).
///
/// Its entry of `results` (sees_model false; its scores are ranks, so
/// that it has no threshold that anybody would use).
MembershipResult blind_membership(std::span<const FeatureBag> members, std::span<const FeatureBag> nonmembers,
                                  const MembershipOptions& options);
Json blind_membership_json(const std::string& attack, const MembershipResult& blind);

/// What may be said of an attack beside its blind baseline, in a sentence. Without intervals, or
/// where the baseline's excludes .5, there is no verdict.
std::string membership_verdict(const AucEstimate& attack, const AucEstimate& blind);

}  // namespace discreet::stats
