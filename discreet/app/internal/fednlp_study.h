#pragma once

#include <string>
#include <vector>

#include "discreet/app/study.h"

namespace discreet::app {

/// A client optimiser with a server rule.
struct FedArm {
  std::string name, client, strategy;
};

/// The 2x2 and what stands beside it.
const std::vector<FedArm>& fed_arms();
const std::vector<FedArm>& central_arms();

/// One task: its data, its model, and how it is divided.
struct FedTask {
  std::string name, metric;
  std::vector<std::string> partitions;  // "method:alpha"
  int seeds, clients, examples, rounds;
  int cohort = 10;
  double sgd_scale = 1;    // of the rates of plain SGD that are tried
  double adamw_scale = 1;  // of those of AdamW
};

struct FednlpDesign {
  std::vector<FedTask> tasks;
  std::vector<std::string> frozen;  // levels of the freezing study
  int frozen_examples, frozen_length;
};

FednlpDesign fednlp_design(StudyPreset preset);
std::string fed_cell(const std::string& task, const std::string& partition, const std::string& arm, int seed);

/// Tables, verdicts and caveats of the cells that are finished (app/study.h).
Json analyse_fednlp(StudyPreset preset, const StudyResults& finished);

}  // namespace discreet::app
