#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "discreet/core/error.h"
#include "discreet/report/html.h"
#include "discreet/report/picture.h"

namespace discreet::report {
namespace {

constexpr double kPlotLeft = 60, kPlotTop = 48, kPlotWidth = 560, kPlotHeight = 340, kLegendWidth = 170;
constexpr std::array<const char*, 5> kGroupColours = {"#08306b", "#b2182b", "#d08a00", "#1b7837", "#555555"};

/// An axis over the data and a little more, with about five round numbers on it.
struct ScatterAxis {
  double low = 0, high = 1, step = 0.2;

  ScatterAxis(double least, double most) {
    if (most - least < 1e-9) {
      least -= 0.5;
      most += 0.5;
    }
    const double raw = (most - least) / 5, power = std::pow(10, std::floor(std::log10(raw)));
    step = power;
    for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
      if (factor * power >= raw * (1 - 1e-9)) {
        step = factor * power;
        break;
      }
    }
    low = std::floor(least / step + 1e-9) * step;
    high = std::ceil(most / step - 1e-9) * step;
  }
  double part(double value) const { return (value - low) / (high - low); }
};

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
  const ScatterAxis horizontal(x_least, x_most), vertical(0, y_most);
  const auto at_x = [&](double x) { return kPlotLeft + horizontal.part(x) * kPlotWidth; };
  const auto at_y = [&](double y) { return kPlotTop + (1 - vertical.part(y)) * kPlotHeight; };
  const double width = kPlotLeft + kPlotWidth + kLegendWidth, height = kPlotTop + kPlotHeight + 50;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "role=\"img\" font-family=\"sans-serif\" font-size=\"11\">\n<title>{2}</title>\n<desc>{3}</desc>\n"
      "<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#ffffff\"/>\n<text x=\"{4:.0f}\" y=\"20\" font-size=\"14\">{2}</text>\n",
      width, height, escape(chart.title), escape(chart.description), kPlotLeft);
  for (double y = vertical.low; y <= vertical.high + vertical.step / 2; y += vertical.step) {
    svg += fmt::format("<line x1=\"{0:.0f}\" x2=\"{1:.0f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#dddddd\"/>"
                       "<text x=\"{3:.0f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.4g}</text>\n",
                       kPlotLeft, kPlotLeft + kPlotWidth, at_y(y), kPlotLeft - 6, at_y(y) + 4, std::abs(y) < 1e-12 ? 0.0 : y);
  }
  for (double x = horizontal.low; x <= horizontal.high + horizontal.step / 2; x += horizontal.step) {
    svg += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" stroke=\"#444444\"/>"
                       "<text x=\"{0:.1f}\" y=\"{3:.1f}\" text-anchor=\"middle\">{4:.4g}</text>\n",
                       at_x(x), at_y(vertical.low), at_y(vertical.low) + 4, at_y(vertical.low) + 17, x);
  }
  std::string path;
  for (std::size_t i = 0; i < chart.front.size(); ++i) {
    const auto [x, y] = chart.front[i];
    if (i > 0) path += fmt::format("V{:.1f}", at_y(y));
    path += i == 0 ? fmt::format("M{:.1f} {:.1f}", at_x(x), at_y(y)) : fmt::format("H{:.1f}", at_x(x));
  }
  if (!path.empty()) {
    svg += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"#888888\" stroke-dasharray=\"4 3\"/>\n", path);
  }
  for (const ScatterPoint& point : chart.points) {
    const double x = at_x(point.x);
    svg += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" stroke=\"{3}\"/>{4}"
                       "<text x=\"{5:.1f}\" y=\"{6:.1f}\" font-size=\"10\">{7}</text>\n",
                       x, at_y(point.low), at_y(point.high), kGroupColours[point.group % kGroupColours.size()],
                       mark(point.group, x, at_y(point.y)), x + 7, at_y(point.y) - 4, escape(point.label));
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
