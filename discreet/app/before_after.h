#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/document.h"
#include "discreet/stats/intervals.h"

namespace discreet::app {

/// One measure of a model before a mitigation and after it.
struct Effect {
  std::string aspect;  ///< fairness | utility | privacy
  std::string metric;
  std::optional<double> before, after;  ///< Absent: not defined, for the reason.
  std::string reason;
  std::optional<stats::Interval> before_ci, after_ci;
  std::optional<stats::Interval> difference_ci;  ///< Of after minus before, from paired resamples.
  std::string better = "lower";                  ///< lower | higher | neutral
  double neutral = 0;                            ///< With better = neutral: the value without bias.
  std::uint64_t n = 0;
  std::string unit;  ///< What n counts and the intervals resample: "profession", "seed".
};

/// What a mitigation is, and which models were measured.
struct Mitigation {
  std::string name;                     ///< "distill"
  Json configuration = Json::object();  ///< What was done.
  std::filesystem::path before, after;  ///< Folders or files of the two models; empty: not named.
  std::vector<core::InputFile> inputs;
  std::vector<std::string> caveats;
};

/// discreet.mitigation/1: each effect as a pair with intervals and a verdict, which `report` shows side by side.
/// The verdict is "better" or "worse" where the interval of the difference lies on one side of zero (with
/// `neutral`: where the two intervals' distances from the neutral value do not meet), "no change shown" where
/// it does not, and "no interval" without one.
/// Throws: kUsage if both models are the same bytes: a mitigation that was not applied must not look like one
/// without effect.
Json before_after(const Mitigation& mitigation, const std::vector<Effect>& effects);

}  // namespace discreet::app
