#pragma once

#include <string>
#include <utility>
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

/// A point with a vertical interval.
struct ScatterPoint {
  std::string label;  ///< Stands beside it.
  double x = 0, y = 0;
  double low = 0, high = 0;  ///< Of y.
  std::size_t group = 0;     ///< Of `ScatterChart::groups`.
};
struct ScatterChart {
  std::string title;
  std::string description;
  std::string x_label;
  std::string y_label;
  std::vector<std::string> groups;  ///< Told apart by colour and by shape; at most five.
  std::vector<ScatterPoint> points;
  std::vector<std::pair<double, double>> front;  ///< Joined by a line of stairs, in the order given.
};
std::string scatter_chart(const ScatterChart& chart);

}  // namespace discreet::report
