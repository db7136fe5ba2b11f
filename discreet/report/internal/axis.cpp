#include "discreet/report/internal/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace discreet::report::internal {
namespace {

double round_step(double span, int most) {
  const double raw = span / most;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

/// With as many digits as the step needs, so that the numbers of an axis look alike.
std::string tick_text(double value, double step) {
  const double size = std::abs(value);
  if (size >= 1e6) return fmt::format("{:g}M", value / 1e6);
  if (size >= 10000) return fmt::format("{:g}k", value / 1e3);
  const int digits = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 8);
  return fmt::format("{:.{}f}", value, digits);
}

}  // namespace

double Axis::place(double value) const {
  const double held = std::clamp(value, low, high);
  const double part = logarithmic ? std::log(held / low) / std::log(high / low) : (held - low) / (high - low);
  return from + part * (to - from);
}

Axis linear_axis(double low, double high, double from, double to, int most) {
  const double size = std::max(std::abs(low), std::abs(high));
  if (!(high - low > std::max(size * 1e-9, 1e-300))) high = low + (size > 1e-300 ? size * 0.1 : 1);
  const double step = round_step(high - low, most);
  Axis axis{.low = std::floor(low / step + 1e-9) * step, .high = std::ceil(high / step - 1e-9) * step, .from = from, .to = to};
  for (int i = 0; axis.low + i * step <= axis.high + step * 1e-6; ++i) {
    const double value = axis.low + i * step;
    axis.ticks.push_back({value, tick_text(std::abs(value) < step * 1e-9 ? 0 : value, step)});
  }
  return axis;
}

Axis tight_axis(double low, double high, double from, double to, int most) {
  Axis axis = linear_axis(low, high, from, to, most);
  axis.low = low;
  axis.high = std::max(high, low + 1e-9);
  const double hair = (axis.high - axis.low) * 1e-9;
  std::erase_if(axis.ticks, [&](const Tick& tick) { return tick.value > axis.high + hair || tick.value < axis.low - hair; });
  return axis;
}

Axis log_axis(double floor, double from, double to) {
  Axis axis{.low = floor, .high = 1, .from = from, .to = to, .logarithmic = true};
  for (double value = floor; value < 1.5; value *= 10) axis.ticks.push_back({value, fmt::format("{:g}", value)});
  return axis;
}

std::string draw_axes(const Axis& x, const Axis& y) {
  std::string svg;
  for (const Tick& tick : y.ticks) {
    const double at = y.place(tick.value);
    svg += fmt::format("<line x1=\"{0:.0f}\" x2=\"{1:.0f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#dddddd\"/>"
                       "<text x=\"{3:.0f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>\n",
                       x.from, x.to, at, x.from - 6, at + 4, tick.text);
  }
  for (const Tick& tick : x.ticks) {
    svg += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" stroke=\"#444444\"/>"
                       "<text x=\"{0:.1f}\" y=\"{3:.1f}\" text-anchor=\"middle\">{4}</text>\n",
                       x.place(tick.value), y.from, y.from + 4, y.from + 17, tick.text);
  }
  return svg;
}

}  // namespace discreet::report::internal
