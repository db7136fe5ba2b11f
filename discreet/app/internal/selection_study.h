#pragma once

#include <string>
#include <vector>

#include "discreet/app/study.h"

namespace discreet::app {

/// One source of data: the corpus with a Zipf exponent, or the plays.
struct SelectionData {
  std::string name;
  double exponent;  // negative: the plays
  bool primary;
};

/// The sizes of a preset; everything that decides what is measured stands here.
struct SelectionDesign {
  std::vector<SelectionData> data;
  std::vector<std::string> selections;
  std::vector<std::string> play_selections;
  int seeds, play_seeds, divfl_seeds;  // with fresh gradients DivFL asks every device in every round
  int rounds, play_rounds;
  int lines, devices;
  int plays, play_hidden;
  int evaluate_plays_every;

  const std::vector<std::string>& selections_of(const SelectionData& data) const {
    return data.exponent < 0 ? play_selections : selections;
  }
  int seeds_of(const SelectionData& data) const { return data.exponent < 0 ? play_seeds : seeds; }
  bool is_planned(const SelectionData& data, const std::string& selection, int seed) const {
    return seed <= seeds_of(data) && (selection != "divfl" || (seed <= divfl_seeds && data.primary));
  }
};

inline const std::vector<std::string> kSelectionSettings = {"static", "continual"};

SelectionDesign selection_design(StudyPreset preset);
std::string selection_cell(const std::string& data, const std::string& setting, const std::string& selection, int seed);

/// Tables, verdicts and caveats of the cells that are finished (app/study.h).
Json analyse_selection(StudyPreset preset, const StudyResults& finished);

}  // namespace discreet::app
