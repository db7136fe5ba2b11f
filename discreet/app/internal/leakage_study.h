#pragma once

#include <optional>
#include <string>
#include <vector>

#include "discreet/app/study.h"

namespace discreet::app {

/// What the study of leakage compares (study/leakage.cpp); infinity among the epsilons: clipping without noise.
struct LeakageDesign {
  std::vector<std::string> models;
  std::vector<double> dp, published, corrected;  ///< Epsilons of the arms.
  int targets;                                   ///< Models attacked in each arm, each with a seed of its own.
};

/// One way to train.
struct LeakageArm {
  std::string kind;  ///< none, control, dropout, early-stopping, dp-sgd, edp-sgd-published, edp-sgd-corrected
  std::optional<double> epsilon;

  std::string name() const;
  std::string label() const;
  bool is_private() const { return epsilon.has_value(); }
};

LeakageDesign leakage_design(StudyPreset preset);
std::vector<LeakageArm> leakage_arms(const LeakageDesign& design);
/// Arms whose accuracy is told by group of speakers, which SNIPS does not name: the built-in corpus, no attack.
std::vector<LeakageArm> leakage_group_arms();
std::string leakage_cell(const std::string& model, const LeakageArm& arm);
std::string leakage_group_cell(const LeakageArm& arm);

/// Tables, verdicts, pictures and caveats of the cells that are finished (app/study.h).
Json analyse_leakage(StudyPreset preset, const StudyResults& finished);

}  // namespace discreet::app
