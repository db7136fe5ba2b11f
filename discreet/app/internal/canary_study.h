#pragma once

#include <optional>
#include <string>
#include <vector>

#include "discreet/app/study.h"

namespace discreet::app {

/// What the study of canaries holds fixed (study/canary.cpp).
struct CanarySizes {
  static constexpr int lines = 2000, repetitions = 100, batch = 64, epochs = 20, patience = 2;
  static constexpr int private_batch = 256, private_steps = 300;
  static constexpr double codes = 1e4, delta = 1e-5;
};

/// One way to train.
struct CanaryArm {
  std::string name;
  bool dropout = false, early_stopping = false, characters = false;
  std::optional<double> epsilon;
  int repetitions = CanarySizes::repetitions;
  std::string pattern = "call {digit:4}";
  bool control = false;  ///< The code is not in the data.

  /// Whether it is compared with the arm `none`, which has as many lines of the code.
  bool defended() const { return (dropout || early_stopping || characters || epsilon) && repetitions == CanarySizes::repetitions; }
};

struct CanaryDesign {
  std::vector<CanaryArm> arms;
  std::vector<std::string> data;
  int runs;
};

CanaryDesign canary_design(StudyPreset preset);
std::string canary_cell_name(const std::string& data, const CanaryArm& arm, int run);

/// Tables, verdicts and caveats of the cells that are finished (app/study.h).
Json analyse_canaries(StudyPreset preset, const StudyResults& finished);

}  // namespace discreet::app
