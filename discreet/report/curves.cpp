#include "discreet/report/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "discreet/report/html.h"

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
  double x_low = 0, x_high = 1, y_low = 0, y_high = 1;
  double x(double value) const { return kCurvesLeft + (value - x_low) / (x_high - x_low) * kCurvesWide; }
  double y(double value) const { return kCurvesTop + kCurvesTall - (value - y_low) / (y_high - y_low) * kCurvesTall; }
};

void widen(double value, bool& any, double& low, double& high) {
  if (!std::isfinite(value)) return;
  low = any ? std::min(low, value) : value;
  high = any ? std::max(high, value) : value;
  any = true;
}

Frame frame_of(const Curves& curves) {
  Frame frame;
  bool any_x = false, any_y = false;
  for (const Series& series : curves.series) {
    for (const Point& point : series.points) {
      if (!std::isfinite(point.y)) continue;
      widen(point.x, any_x, frame.x_low, frame.x_high);
      widen(point.y, any_y, frame.y_low, frame.y_high);
    }
    for (const Whisker& part : series.band) {
      widen(part.low, any_y, frame.y_low, frame.y_high);
      widen(part.high, any_y, frame.y_low, frame.y_high);
    }
  }
  if (!(frame.x_high > frame.x_low)) frame.x_high = frame.x_low + 1;
  if (!(frame.y_high > frame.y_low)) frame.y_high = frame.y_low + 1;
  return frame;
}

std::string axis_of(const Frame& frame, const Curves& curves) {
  std::string svg;
  for (int i = 0; i <= 4; ++i) {
    const double part = i / 4.0;
    const double y = kCurvesTop + kCurvesTall * (1 - part), x = kCurvesLeft + kCurvesWide * part;
    svg += fmt::format("<line x1=\"{:.0f}\" x2=\"{:.0f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#dddddd\"/>"
                       "<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">{:.3g}</text>"
                       "<text x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\">{:.4g}</text>\n",
                       kCurvesLeft, kCurvesLeft + kCurvesWide, y, y, kCurvesLeft - 5, y + 4, frame.y_low + part * (frame.y_high - frame.y_low), x,
                       kCurvesTop + kCurvesTall + 16, frame.x_low + part * (frame.x_high - frame.x_low));
  }
  svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>\n", kCurvesLeft + kCurvesWide / 2, kCurvesTop + kCurvesTall + 34,
                     escape(curves.x_label));
  return svg + fmt::format("<text x=\"14\" y=\"{0:.0f}\" transform=\"rotate(-90 14 {0:.0f})\" text-anchor=\"middle\">{1}</text>\n",
                           kCurvesTop + kCurvesTall / 2, escape(curves.y_label));
}

std::string band_of(const Series& series, const Frame& frame, const CurveLook& look) {
  if (series.band.empty()) return "";
  std::string there, back;
  for (const Whisker& part : series.band) {
    there += fmt::format("{:.1f},{:.1f} ", frame.x(part.x), frame.y(part.high));
    back = fmt::format("{:.1f},{:.1f} ", frame.x(part.x), frame.y(part.low)) + back;
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
      if (std::isfinite(point.y)) points += fmt::format("{:.1f},{:.1f} ", frame.x(point.x), frame.y(point.y));
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
