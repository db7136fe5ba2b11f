#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "discreet/core/error.h"
#include "discreet/report/html.h"
#include "discreet/report/internal/axis.h"
#include "discreet/report/picture.h"

namespace discreet::report {
namespace {

constexpr double kPlotLeft = 60, kPlotTop = 48, kPlotWidth = 560, kPlotHeight = 340, kLegendWidth = 170;
constexpr std::array<const char*, 5> kGroupColours = {"#08306b", "#b2182b", "#d08a00", "#1b7837", "#555555"};

/// Circle, square, triangle, diamond, cross: told apart without colour.
std::string mark(std::size_t group, double x, double y) {
  const char* colour = kGroupColours[group % kGroupColours.size()];
  switch (group % kGroupColours.size()) {
    case 0:
      return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>", x, y, colour);
    case 1:
      return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"8\" height=\"8\" fill=\"{}\"/>", x - 4, y - 4, colour);
    case 2:
      return fmt::format("<path d=\"M{:.1f} {:.1f}l5 9h-10Z\" fill=\"{}\"/>", x, y - 5, colour);
    case 3:
      return fmt::format("<path d=\"M{:.1f} {:.1f}l5 5l-5 5l-5 -5Z\" fill=\"{}\"/>", x, y - 5, colour);
    default:
      return fmt::format("<path d=\"M{:.1f} {:.1f}l8 8m0 -8l-8 8\" stroke=\"{}\" stroke-width=\"2\"/>", x - 4, y - 4,
                         colour);
  }
}

}  // namespace

std::string scatter_chart(const ScatterChart& chart) {
  if (chart.points.empty()) throw internal_error("a scatter chart without points");
  double x_least = std::numeric_limits<double>::infinity(), x_most = -x_least, y_most = 0;
  for (const ScatterPoint& point : chart.points) {
    x_least = std::min(x_least, point.x);
    x_most = std::max(x_most, point.x);
    y_most = std::max(y_most, point.high);
  }
  const internal::Axis horizontal = internal::linear_axis(x_least, x_most, kPlotLeft, kPlotLeft + kPlotWidth, 5);
  const internal::Axis vertical = internal::linear_axis(0, y_most, kPlotTop + kPlotHeight, kPlotTop, 5);
  const double width = kPlotLeft + kPlotWidth + kLegendWidth, height = kPlotTop + kPlotHeight + 50;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "role=\"img\" font-family=\"sans-serif\" font-size=\"11\">\n<title>{2}</title>\n<desc>{3}</desc>\n"
      "<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#ffffff\"/>\n<text x=\"{4:.0f}\" y=\"20\" font-size=\"14\">{2}</text>\n",
      width, height, escape(chart.title), escape(chart.description), kPlotLeft);
  svg += internal::draw_axes(horizontal, vertical);
  std::string path;
  for (std::size_t i = 0; i < chart.front.size(); ++i) {
    const auto [x, y] = chart.front[i];
    if (i > 0) path += fmt::format("V{:.1f}", vertical.place(y));
    path += i == 0 ? fmt::format("M{:.1f} {:.1f}", horizontal.place(x), vertical.place(y)) : fmt::format("H{:.1f}", horizontal.place(x));
  }
  if (!path.empty()) {
    svg += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"#888888\" stroke-dasharray=\"4 3\"/>\n", path);
  }
  for (const ScatterPoint& point : chart.points) {
    const double x = horizontal.place(point.x);
    svg += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" stroke=\"{3}\"/>{4}"
                       "<text x=\"{5:.1f}\" y=\"{6:.1f}\" font-size=\"10\">{7}</text>\n",
                       x, vertical.place(point.low), vertical.place(point.high), kGroupColours[point.group % kGroupColours.size()],
                       mark(point.group, x, vertical.place(point.y)), x + 7, vertical.place(point.y) - 4, escape(point.label));
  }
  for (std::size_t g = 0; g < chart.groups.size(); ++g) {
    const double y = kPlotTop + 10 + 20 * static_cast<double>(g);
    svg += fmt::format("{}<text x=\"{:.0f}\" y=\"{:.0f}\">{}</text>\n", mark(g, kPlotLeft + kPlotWidth + 24, y),
                       kPlotLeft + kPlotWidth + 36, y + 4, escape(chart.groups[g]));
  }
  svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>\n<text x=\"8\" y=\"{:.0f}\">{}</text>\n",
                     kPlotLeft + kPlotWidth / 2, height - 10, escape(chart.x_label), kPlotTop - 12, escape(chart.y_label));
  return svg + "</svg>\n";
}

}  // namespace discreet::report
