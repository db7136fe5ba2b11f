#include "discreet/report/interval_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/report/html.h"
#include "discreet/report/internal/axis.h"

namespace discreet::report {
namespace {

constexpr double kMarksLeft = 230, kMarksWidth = 420, kMarksTop = 44, kMarkHeight = 24, kMarksRight = 150;

}  // namespace

std::string interval_picture(const IntervalPicture& picture) {
  if (picture.marks.empty()) throw internal_error("a picture of no intervals");
  double least = picture.reference, most = picture.reference;
  for (const IntervalMark& mark : picture.marks) {
    if (!std::isfinite(mark.value) || !std::isfinite(mark.low) || !std::isfinite(mark.high)) {
      throw internal_error(fmt::format("'{}' has an interval that is not finite", mark.label));
    }
    least = std::min({least, mark.low, mark.value});
    most = std::max({most, mark.high, mark.value});
  }
  const internal::Axis axis = internal::linear_axis(least, most, kMarksLeft, kMarksLeft + kMarksWidth, 6);
  const double bottom = kMarksTop + kMarkHeight * static_cast<double>(picture.marks.size());
  const double width = kMarksLeft + kMarksWidth + kMarksRight, height = bottom + 46;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "role=\"img\" font-family=\"sans-serif\" font-size=\"11\">\n<title>{2}</title>\n<desc>{3}</desc>\n"
      "<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#ffffff\"/>\n<text x=\"12\" y=\"22\" font-size=\"14\">{2}</text>\n",
      width, height, escape(picture.title), escape(picture.description));
  for (const internal::Tick& tick : axis.ticks) {
    svg += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.0f}\" y2=\"{2:.0f}\" stroke=\"#dddddd\"/>"
                       "<text x=\"{0:.1f}\" y=\"{3:.0f}\" text-anchor=\"middle\">{4}</text>\n",
                       axis.place(tick.value), kMarksTop, bottom, bottom + 15, tick.text);
  }
  svg += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.0f}\" y2=\"{2:.0f}\" stroke=\"#444444\" stroke-dasharray=\"4 3\"/>\n",
                     axis.place(picture.reference), kMarksTop, bottom);
  for (std::size_t i = 0; i < picture.marks.size(); ++i) {
    const IntervalMark& mark = picture.marks[i];
    const double y = kMarksTop + kMarkHeight * (static_cast<double>(i) + 0.5);
    svg += fmt::format("<text x=\"{0:.0f}\" y=\"{1:.1f}\" text-anchor=\"end\">{2}</text>"
                       "<line x1=\"{3:.1f}\" x2=\"{4:.1f}\" y1=\"{5:.1f}\" y2=\"{5:.1f}\" stroke=\"#08306b\" stroke-width=\"2\"/>"
                       "<circle cx=\"{6:.1f}\" cy=\"{5:.1f}\" r=\"4\" fill=\"#08306b\"/>"
                       "<text x=\"{7:.0f}\" y=\"{1:.1f}\" fill=\"#444444\">{8:.2f} [{9:.2f}, {10:.2f}]</text>\n",
                       kMarksLeft - 10, y + 4, escape(mark.label), axis.place(mark.low), axis.place(mark.high), y, axis.place(mark.value),
                       kMarksLeft + kMarksWidth + 12, mark.value, mark.low, mark.high);
  }
  svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>\n", kMarksLeft + kMarksWidth / 2, height - 8,
                     escape(picture.x_label));
  return svg + "</svg>\n";
}

}  // namespace discreet::report
