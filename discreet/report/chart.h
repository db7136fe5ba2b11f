#pragma once

#include <optional>
#include <string>
#include <vector>

namespace discreet::report {

struct Point {
  double x = 0;
  double y = 0;
};

/// A vertical interval around y.
struct Whisker {
  double x = 0;
  double y = 0;
  double low = 0;
  double high = 0;
};

struct Series {
  std::string name;
  std::vector<Point> points;     ///< Ascending x. Not finite: left out.
  std::vector<Whisker> band;     ///< Drawn as an area under the line.
  std::vector<Whisker> markers;  ///< Drawn as dots with bars.
  bool stairs = false;           ///< Points are joined by steps.
};

struct ChartOptions {
  std::string title;
  std::string description;  ///< What the chart shows, in a sentence, for those who cannot see it.
  std::string x_label;
  std::string y_label;
  bool log_axes = false;     ///< Both; values below the floor are drawn at it.
  double floor = 1e-3;       ///< Of log axes.
  bool chance_line = false;  ///< y = x.
  bool from_zero = true;     ///< Linear y axis begins at 0.
  std::optional<double> y_max;
};

/// A line chart as a <figure>: an inline SVG with title and description, and a legend in HTML.
/// Series differ by colour and by dash, so that the chart is read without colour too. At most four.
std::string line_chart(const std::vector<Series>& series, const ChartOptions& options);

/// One row of a dot-and-whisker chart.
struct IntervalRow {
  std::string label;
  std::optional<double> value;
  std::optional<double> low;
  std::optional<double> high;
  std::string note;  ///< Stands at the right: "n 120".
  bool small = false;
};

struct IntervalChartOptions {
  std::string title;
  std::string description;
  std::optional<double> reference;  ///< A dashed vertical line.
  std::string reference_name;
};

/// Rates in [0, 1] with intervals, one below another, as a <figure>.
std::string interval_chart(const std::vector<IntervalRow>& rows,
                           const IntervalChartOptions& options);

}  // namespace discreet::report
