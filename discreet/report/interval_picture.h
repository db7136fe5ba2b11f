#pragma once

#include <string>
#include <vector>

namespace discreet::report {

/// One value with its interval.
struct IntervalMark {
  std::string label;
  double value = 0, low = 0, high = 0;
};

/// Dots with bars, one below another, on one axis of any range.
struct IntervalPicture {
  std::string title;
  std::string description;  ///< In a sentence, for those who cannot see it.
  std::string x_label;
  std::vector<IntervalMark> marks;
  double reference = 0;  ///< A dashed line: no difference, no disparity.
};

/// A standalone SVG file. Throws: kInternal without a mark, or for a value that is not finite.
std::string interval_picture(const IntervalPicture& picture);

}  // namespace discreet::report
