#pragma once

#include <string>
#include <vector>

namespace discreet::report::internal {

struct Tick {
  double value;
  std::string text;
};

/// Values to places on a picture, with round numbers marked.
struct Axis {
  double low = 0;
  double high = 1;
  double from = 0;  ///< Place of `low`.
  double to = 1;    ///< Place of `high`; may lie below `from`, as upright axes do.
  bool logarithmic = false;
  std::vector<Tick> ticks = {};

  /// Values beyond the ends lie on them.
  double place(double value) const;
};

/// Over low..high and out to the next round number on both sides; at most `most` intervals between ticks, or one or
/// two more where the ends add some. Steps are 1, 2 or 5 times a power of ten. An empty range, or one
/// beneath the digits of its ends, is widened.
Axis linear_axis(double low, double high, double from, double to, int most);

/// The same ticks, but it ends where the values end.
Axis tight_axis(double low, double high, double from, double to, int most);

/// Powers of ten from `floor` to 1.
Axis log_axis(double floor, double from, double to);

/// Both axes of a standalone picture: lines across at the ticks of `y`, short ones below at those of `x`, their numbers.
std::string draw_axes(const Axis& x, const Axis& y);

}  // namespace discreet::report::internal
