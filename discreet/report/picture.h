#pragma once

#include <string>
#include <vector>

namespace discreet::report {

/// A square of values. `picture.h` draws standalone SVG files; `chart.h` draws figures of a page.
struct HeatMap {
  std::string title;
  std::string description;  ///< In a sentence, for those who cannot see it.
  std::vector<std::string> names;          ///< [n], of rows and columns.
  std::vector<std::vector<double>> cells;  ///< [n][n]; not finite: drawn as missing.
  double low = 0;                          ///< White.
  double high = 1;                         ///< Darkest.
};
std::string heat_map(const HeatMap& map);

struct Histogram {
  std::string title;
  std::string description;
  std::string x_label;
  std::string y_label;
  std::vector<double> values;  ///< Not negative.
  int bars = 20;               ///< Most; fewer where values are few and whole.
};
std::string histogram(const Histogram& histogram);

}  // namespace discreet::report
