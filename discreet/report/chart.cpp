#include "discreet/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "discreet/report/html.h"
#include "discreet/report/internal/axis.h"

namespace discreet::report {

using internal::Axis;
using internal::linear_axis;
using internal::log_axis;
using internal::Tick;
using internal::tight_axis;

namespace {

// The picture is drawn for a phone's width and grows with its column; text stays readable on both.
constexpr double kWidth = 360;
constexpr double kHeight = 244;
constexpr double kLeft = 48;
constexpr double kRight = 22;
constexpr double kTop = 26;
constexpr double kBottom = 40;
constexpr std::size_t kMostSeries = 4;

std::string text_at(double x, double y, const char* anchor, const std::string& text,
                    const char* css = "tick") {
  return fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>",
                     css, x, y, anchor, escape(text));
}

std::string line_at(double x1, double y1, double x2, double y2, const char* css) {
  return fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>",
                     css, x1, y1, x2, y2);
}

std::string frame(const Axis& x, const Axis& y, const ChartOptions& options) {
  std::string svg;
  for (const Tick& tick : y.ticks) {
    const double at = y.place(tick.value);
    svg += line_at(x.from, at, x.to, at, "grid");
    svg += text_at(x.from - 6, at + 4, "end", tick.text);
  }
  for (const Tick& tick : x.ticks) {
    const double at = x.place(tick.value);
    svg += line_at(at, y.from, at, y.from + 4, "axis");
    svg += text_at(at, y.from + 17, "middle", tick.text);
  }
  svg += line_at(x.from, y.from, x.to, y.from, "axis");
  svg += text_at(x.to, kHeight - 5, "end", options.x_label, "label");
  svg += text_at(2, 12, "start", options.y_label, "label");
  return svg;
}

std::string polyline(const Series& series, const Axis& x, const Axis& y, std::size_t style) {
  std::string path;
  const Point* before = nullptr;
  for (const Point& point : series.points) {
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
    if (before != nullptr && series.stairs) {
      path += fmt::format("L{:.1f} {:.1f}", x.place(point.x), y.place(before->y));
    }
    path += fmt::format("{}{:.1f} {:.1f}", before == nullptr ? 'M' : 'L', x.place(point.x),
                        y.place(point.y));
    before = &point;
  }
  if (path.empty()) return "";
  if (series.points.size() == 1) {
    return fmt::format("<circle class=\"dot s{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>", style,
                       x.place(before->x), y.place(before->y));
  }
  return fmt::format("<path class=\"line s{}\" d=\"{}\"/>", style, path);
}

std::string band_area(const Series& series, const Axis& x, const Axis& y, std::size_t style) {
  if (series.band.size() < 2) return "";
  std::string path;
  for (const Whisker& at : series.band) {
    path +=
        fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', x.place(at.x), y.place(at.high));
  }
  for (auto at = series.band.rbegin(); at != series.band.rend(); ++at) {
    path += fmt::format("L{:.1f} {:.1f}", x.place(at->x), y.place(at->low));
  }
  return fmt::format("<path class=\"band s{}\" d=\"{}Z\"/>", style, path);
}

std::string markers(const Series& series, const Axis& x, const Axis& y, std::size_t style) {
  std::string svg;
  for (const Whisker& at : series.markers) {
    const double cx = x.place(at.x);
    svg += fmt::format(
        "<path class=\"bar s{}\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}M{:.1f} {:.1f}h8M{:.1f} "
        "{:.1f}h8\"/>",
        style, cx, y.place(at.low), cx, y.place(at.high), cx - 4, y.place(at.low), cx - 4,
        y.place(at.high));
    svg += fmt::format("<circle class=\"dot s{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"/>", style,
                       cx, y.place(at.y));
  }
  return svg;
}

std::string legend(const std::vector<Series>& series, bool chance) {
  std::string html = "<ul class=\"legend\">";
  const auto entry = [&](const std::string& css, const std::string& name) {
    html += fmt::format(
        "<li><svg class=\"key\" viewBox=\"0 0 26 10\" aria-hidden=\"true\"><path class=\"line {}\" "
        "d=\"M1 5H25\"/></svg>{}</li>",
        css, escape(name));
  };
  for (std::size_t s = 0; s < series.size(); ++s) entry(fmt::format("s{}", s), series[s].name);
  if (chance) entry("chance", "chance");
  return html + "</ul>";
}

std::string figure(const std::string& title, const std::string& description, double height,
                   const std::string& body, const std::string& below) {
  // Titles inside the picture name it for screen readers; the caption names it for everyone.
  return fmt::format(
      "<figure><figcaption>{0}</figcaption><svg class=\"chart\" role=\"img\" viewBox=\"0 0 {1:.0f} "
      "{2:.0f}\" aria-label=\"{0}. {3}\"><title>{0}</title><desc>{3}</desc>{4}</svg>{5}</figure>\n",
      escape(title), kWidth, height, escape(description), body, below);
}

struct Range {
  double low = INFINITY;
  double high = -INFINITY;
  void take(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return !(low <= high); }
};

}  // namespace

std::string line_chart(const std::vector<Series>& all, const ChartOptions& options) {
  std::vector<Series> series(all.begin(), all.begin() + std::min(all.size(), kMostSeries));
  Range xs;
  Range ys;
  for (const Series& one : series) {
    for (const Point& point : one.points) {
      xs.take(point.x);
      ys.take(point.y);
    }
  }
  if (xs.empty() || ys.empty()) return "";
  const double right = kWidth - kRight;
  const double bottom = kHeight - kBottom;
  Axis x;
  Axis y;
  if (options.log_axes) {
    x = log_axis(options.floor, kLeft, right);
    y = log_axis(options.floor, bottom, kTop);
  } else {
    x = tight_axis(xs.low, xs.high, kLeft, right, 6);
    y = linear_axis(options.from_zero ? std::min(0.0, ys.low) : ys.low,
                    options.y_max ? *options.y_max : ys.high, bottom, kTop, 5);
  }
  std::string body = frame(x, y, options);
  if (options.chance_line) {
    body += line_at(x.place(x.low), y.place(x.low), x.place(1), y.place(1), "line chance");
  }
  for (std::size_t s = 0; s < series.size(); ++s) body += band_area(series[s], x, y, s);
  for (std::size_t s = 0; s < series.size(); ++s) {
    body += polyline(series[s], x, y, s) + markers(series[s], x, y, s);
  }
  return figure(options.title, options.description, kHeight, body,
                legend(series, options.chance_line));
}

namespace {

constexpr double kLabelWidth = 104;

/// A letter's width in the chart's type, on the wide side: there is nobody to ask before it is
/// drawn.
double letter_width(unsigned char first) {
  if (first >= 0xe0) return 13;  // East Asian letters, pictures
  if (first == 'm' || first == 'w' || first == 'M' || first == 'W' || first == '@') return 11.5;
  if (first < 0x80 && !std::islower(first)) return 9;
  return 7.5;
}

/// The first letters of a label, as many as fit; whole code points only.
std::string shortened(const std::string& label) {
  double width = 0;
  for (std::size_t at = 0; at < label.size(); ++at) {
    const auto byte = static_cast<unsigned char>(label[at]);
    if ((byte & 0xc0) == 0x80) continue;
    width += letter_width(byte);
    if (width > kLabelWidth) return label.substr(0, at) + "…";
  }
  return label;
}

}  // namespace

std::string interval_chart(const std::vector<IntervalRow>& rows,
                           const IntervalChartOptions& options) {
  if (rows.empty()) return "";
  constexpr double kRow = 22;
  constexpr double kNames = 122;
  constexpr double kNotes = 62;
  const double bottom = 12 + kRow * static_cast<double>(rows.size());
  const double height = bottom + 26;
  double least = 1;
  for (const IntervalRow& row : rows) {
    if (row.low) least = std::min(least, *row.low);
    if (row.value) least = std::min(least, *row.value);
  }
  const double from = least > 0.6 ? 0.5 : 0;
  const Axis x = linear_axis(from, 1, kNames, kWidth - kNotes, 3);
  std::string body;
  for (const Tick& tick : x.ticks) {
    const double at = x.place(tick.value);
    body += line_at(at, 8, at, bottom, "grid");
    body += text_at(at, bottom + 17, "middle", tick.text);
  }
  if (options.reference) {
    body +=
        line_at(x.place(*options.reference), 8, x.place(*options.reference), bottom, "line chance");
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const IntervalRow& row = rows[r];
    const double y = 12 + kRow * (static_cast<double>(r) + 0.5);
    body += "<g>" + fmt::format("<title>{}</title>", escape(row.label)) +
            text_at(kNames - 8, y + 4, "end", shortened(row.label)) +
            text_at(kWidth - 2, y + 4, "end", row.note);
    if (row.low && row.high) {
      body += fmt::format("<path class=\"bar s{}\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>",
                          row.small ? 1 : 0, x.place(*row.low), y, x.place(*row.high));
    }
    if (row.value) {
      body += fmt::format("<circle class=\"dot s{} {}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"/>",
                          row.small ? 1 : 0, row.small ? "hollow" : "", x.place(*row.value), y);
    } else if (!row.low) {
      body += text_at(x.from + 4, y + 4, "start", "no value");
    }
    body += "</g>";
  }
  std::string below;
  if (options.reference) {
    below = fmt::format(
        "<ul class=\"legend\"><li><svg class=\"key\" viewBox=\"0 0 26 10\" "
        "aria-hidden=\"true\"><path "
        "class=\"line chance\" d=\"M1 5H25\"/></svg>{} {}</li></ul>",
        escape(options.reference_name), show(*options.reference));
  }
  return figure(options.title, options.description, height, body, below);
}

}  // namespace discreet::report
