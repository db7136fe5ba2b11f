#include "discreet/report/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "discreet/report/html.h"
#include "discreet/report/internal/axis.h"

namespace discreet::report {
namespace {

constexpr double kCurvesLeft = 64, kCurvesTop = 36, kCurvesWide = 460, kCurvesTall = 260, kCurvesLegend = 170;

/// Colours that differ in lightness too, with a dash each.
struct CurveLook {
  const char* colour;
  const char* dash;
};
constexpr CurveLook kLooks[] = {{"#08306b", ""},        {"#d95f02", "7 3"},  {"#1b9e77", "2 3"}, {"#7570b3", "9 3 2 3"},
                                {"#666666", "4 2"},     {"#e7298a", "1 2"},  {"#a6761d", "12 4"}, {"#66a61e", "5 2 1 2"}};

struct Frame {
  internal::Axis x, y;
};

void widen(double value, double& low, double& high) {
  if (!std::isfinite(value)) return;
  low = std::min(low, value);
  high = std::max(high, value);
}

Frame frame_of(const Curves& curves) {
  double x_low = HUGE_VAL, x_high = -HUGE_VAL, y_low = HUGE_VAL, y_high = -HUGE_VAL;
  for (const Series& series : curves.series) {
    for (const Point& point : series.points) {
      if (!std::isfinite(point.y)) continue;
      widen(point.x, x_low, x_high);
      widen(point.y, y_low, y_high);
    }
    for (const Whisker& part : series.band) {
      widen(part.low, y_low, y_high);
      widen(part.high, y_low, y_high);
    }
  }
  if (!std::isfinite(x_low)) x_low = 0, x_high = 1;
  if (!std::isfinite(y_low)) y_low = 0, y_high = 1;
  return {internal::tight_axis(x_low, x_high, kCurvesLeft, kCurvesLeft + kCurvesWide, 6),
          internal::linear_axis(y_low, y_high, kCurvesTop + kCurvesTall, kCurvesTop, 5)};
}

std::string axis_of(const Frame& frame, const Curves& curves) {
  std::string svg = internal::draw_axes(frame.x, frame.y);
  svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>\n", kCurvesLeft + kCurvesWide / 2, kCurvesTop + kCurvesTall + 34,
                     escape(curves.x_label));
  return svg + fmt::format("<text x=\"14\" y=\"{0:.0f}\" transform=\"rotate(-90 14 {0:.0f})\" text-anchor=\"middle\">{1}</text>\n",
                           kCurvesTop + kCurvesTall / 2, escape(curves.y_label));
}

std::string band_of(const Series& series, const Frame& frame, const CurveLook& look) {
  if (series.band.empty()) return "";
  std::string there, back;
  for (const Whisker& part : series.band) {
    there += fmt::format("{:.1f},{:.1f} ", frame.x.place(part.x), frame.y.place(part.high));
    back = fmt::format("{:.1f},{:.1f} ", frame.x.place(part.x), frame.y.place(part.low)) + back;
  }
  return fmt::format("<polygon points=\"{}{}\" fill=\"{}\" fill-opacity=\"0.12\"/>\n", there, back, look.colour);
}

}  // namespace

std::string curves(const Curves& curves) {
  const Frame frame = frame_of(curves);
  const double width = kCurvesLeft + kCurvesWide + kCurvesLegend, height = kCurvesTop + kCurvesTall + 46;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\" "
      "font-family=\"sans-serif\" font-size=\"11\">\n<title>{2}</title>\n<desc>{3}</desc>\n"
      "<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#ffffff\"/>\n<text x=\"{4:.0f}\" y=\"22\" font-size=\"14\">{2}</text>\n",
      width, height, escape(curves.title), escape(curves.description), kCurvesLeft);
  svg += axis_of(frame, curves);
  for (std::size_t i = 0; i < curves.series.size(); ++i) svg += band_of(curves.series[i], frame, kLooks[i % std::size(kLooks)]);
  for (std::size_t i = 0; i < curves.series.size(); ++i) {
    const CurveLook& look = kLooks[i % std::size(kLooks)];
    std::string points;
    for (const Point& point : curves.series[i].points) {
      if (std::isfinite(point.y)) points += fmt::format("{:.1f},{:.1f} ", frame.x.place(point.x), frame.y.place(point.y));
    }
    svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\" stroke-dasharray=\"{}\"/>\n", points,
                       look.colour, look.dash);
    const double y = kCurvesTop + 10 + 18 * double(i), x = kCurvesLeft + kCurvesWide + 10;
    svg += fmt::format("<line x1=\"{:.0f}\" x2=\"{:.0f}\" y1=\"{:.0f}\" y2=\"{:.0f}\" stroke=\"{}\" stroke-width=\"1.8\" "
                       "stroke-dasharray=\"{}\"/><text x=\"{:.0f}\" y=\"{:.0f}\">{}</text>\n",
                       x, x + 26, y, y, look.colour, look.dash, x + 31, y + 4, escape(curves.series[i].name));
  }
  return svg + "</svg>\n";
}

}  // namespace discreet::report
