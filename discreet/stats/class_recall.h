#pragma once

#include <vector>

#include "discreet/stats/groups.h"

namespace discreet::stats {

/// Recall of each class by group, for labels of many classes.
struct ClassRecall {
  std::vector<std::vector<Rate>> recall;  ///< recall[class][group]
  std::vector<GroupGap> gaps;             ///< One for each class: largest minus smallest recall.
  GroupGap rms;  ///< Root of the mean squared gap over the classes that have one.
};

/// Labels and predictions are 0..classes-1. Bootstrap within groups; a class that fewer than two groups have
/// is absent with the reason and does not enter the mean.
/// Ref: De-Arteaga et al. 2019 (gap of true positive rates and its root mean square).
ClassRecall class_recall(const GroupedPredictions& data, std::size_t classes, const GroupOptions& options = {});

}  // namespace discreet::stats
