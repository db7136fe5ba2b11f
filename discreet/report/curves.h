#pragma once

#include <string>
#include <vector>

#include "discreet/report/chart.h"

namespace discreet::report {

/// Lines over one axis, as a standalone SVG file (chart.h draws figures of a page).
struct Curves {
  std::string title;
  std::string description;  ///< In a sentence, for those who cannot see it.
  std::string x_label, y_label;
  std::vector<Series> series;  ///< Points and, if given, the band. At most eight are told apart.
};
std::string curves(const Curves& curves);

}  // namespace discreet::report
