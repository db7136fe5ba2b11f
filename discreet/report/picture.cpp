#include "discreet/report/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "discreet/report/html.h"

namespace discreet::report {
namespace {

constexpr double kMargin = 56;
constexpr double kSide = 480;

std::string open_picture(double width, double height, const std::string& title,
                         const std::string& description) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" role=\"img\" font-family=\"sans-serif\" font-size=\"11\">\n"
      "<title>{2}</title>\n<desc>{3}</desc>\n"
      "<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#ffffff\"/>\n"
      "<text x=\"{4:.0f}\" y=\"22\" font-size=\"14\">{2}</text>\n",
      width, height, escape(title), escape(description), kMargin);
}

/// White to dark blue, also readable without colour.
std::string shade(double part) {
  const double p = std::clamp(part, 0.0, 1.0);
  const auto mix = [&](double from, double to) { return static_cast<int>(from + p * (to - from)); };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(255, 8), mix(255, 48), mix(255, 107));
}

}  // namespace

std::string heat_map(const HeatMap& map) {
  const double legend = 70;
  std::string svg = open_picture(kMargin + kSide + legend, kMargin + kSide + 20, map.title,
                                 map.description);
  const std::size_t n = map.cells.size();
  const double cell = n == 0 ? 0 : kSide / double(n);
  const double span = map.high > map.low ? map.high - map.low : 1;
  svg += "<g shape-rendering=\"crispEdges\">\n";
  for (std::size_t row = 0; row < n; ++row) {
    for (std::size_t column = 0; column < n; ++column) {
      const double value = map.cells[row][column];
      svg += fmt::format("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" "
                         "fill=\"{}\"/>",
                         kMargin + double(column) * cell, kMargin - 20 + double(row) * cell, cell,
                         cell,
                         std::isfinite(value) ? shade((value - map.low) / span) : "#d9d9d9");
    }
    svg += "\n";
  }
  svg += "</g>\n";
  const std::size_t step = n == 0 ? 1 : (n + 24) / 25;  // at most 25 names on a side
  for (std::size_t i = 0; i < n; i += step) {
    const std::string name = map.names[i].size() > 9 ? map.names[i].substr(0, 8) + "…"
                                                     : map.names[i];
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
                       kMargin - 4, kMargin - 16 + (double(i) + 0.5) * cell, escape(name));
  }
  for (int i = 0; i <= 4; ++i) {
    const double part = i / 4.0;
    const double y = kMargin - 20 + (1 - part) * 160;
    svg += fmt::format("<rect x=\"{:.0f}\" y=\"{:.1f}\" width=\"16\" height=\"16\" fill=\"{}\" "
                       "stroke=\"#888888\"/><text x=\"{:.0f}\" y=\"{:.1f}\">{:.2f}</text>\n",
                       kMargin + kSide + 10, y, shade(part), kMargin + kSide + 30, y + 12,
                       map.low + part * span);
  }
  return svg + "</svg>\n";
}

std::string histogram(const Histogram& histogram) {
  const double height = 260;
  std::string svg = open_picture(kMargin + kSide + 20, kMargin + height + 40, histogram.title,
                                 histogram.description);
  double most = 0;
  for (const double value : histogram.values) most = std::max(most, value);
  // Bars of whole width, so that counts fall into bars of equal size.
  const double width = std::max(1.0, std::ceil((most + 1) / histogram.bars));
  const auto bars = static_cast<std::size_t>(std::floor(most / width)) + 1;
  std::vector<std::size_t> counts(bars, 0);
  for (const double value : histogram.values) ++counts[static_cast<std::size_t>(value / width)];
  const std::size_t top = std::max<std::size_t>(1, *std::max_element(counts.begin(), counts.end()));
  const double bar = kSide / double(bars);
  const double base = kMargin - 20 + height;
  for (std::size_t b = 0; b < bars; ++b) {
    const double tall = height * double(counts[b]) / double(top);
    svg += fmt::format("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" "
                       "fill=\"#2171b5\"><title>{:g} to {:g}: {}</title></rect>\n",
                       kMargin + double(b) * bar + 1, base - tall, std::max(1.0, bar - 2), tall,
                       double(b) * width, double(b + 1) * width - 1, counts[b]);
    if (b % ((bars + 9) / 10) == 0) {
      svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{:g}</text>\n",
                         kMargin + double(b) * bar + 1, base + 14, double(b) * width);
    }
  }
  for (const double part : {0.0, 0.5, 1.0}) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:g}</text>\n",
                       kMargin - 4, base - part * height + 4, part * double(top));
  }
  svg += fmt::format("<line x1=\"{0:.0f}\" x2=\"{1:.0f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" "
                     "stroke=\"#444444\"/>\n<text x=\"{3:.0f}\" y=\"{4:.0f}\" "
                     "text-anchor=\"middle\">{5}</text>\n<text x=\"8\" y=\"{6:.0f}\">{7}</text>\n",
                     kMargin, kMargin + kSide, base, kMargin + kSide / 2, base + 34,
                     escape(histogram.x_label), kMargin - 24, escape(histogram.y_label));
  return svg + "</svg>\n";
}

}  // namespace discreet::report
