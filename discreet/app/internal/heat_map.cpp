#include "discreet/app/internal/heat_map.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/report/html.h"

namespace discreet::app::internal {
namespace {

constexpr int kCell = 46, kLetter = 7, kMargin = 12, kTitle = 34;

std::string colour(double value) {
  const double strength = std::clamp(std::abs(value), 0.0, 1.0);
  const auto blend = [&](int end) { return static_cast<int>(std::lround(255 + strength * (end - 255))); };
  return value < 0 ? fmt::format("rgb({},{},{})", blend(44), blend(110), blend(170)) : fmt::format("rgb({},{},{})", blend(230), blend(130), blend(30));
}

}  // namespace

std::string heat_map(const std::vector<std::string>& names, const std::vector<std::optional<double>>& values, const std::string& title) {
  std::size_t longest = 0;
  for (const std::string& name : names) longest = std::max(longest, name.size());
  const int label = kMargin + kLetter * static_cast<int>(longest), n = static_cast<int>(names.size());
  const int width = std::max(label + n * kCell + kMargin, kMargin * 2 + kLetter * static_cast<int>(title.size()));
  const int top = kTitle + label, height = top + n * kCell + kMargin;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"12\" "
      "role=\"img\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"{}\" y=\"22\" font-size=\"14\">{}</text>\n",
      width, height, width, height, report::escape(title), kMargin, report::escape(title));
  for (int i = 0; i < n; ++i) {
    const int middle = i * kCell + kCell / 2;
    const std::string name = report::escape(names[static_cast<std::size_t>(i)]);
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", label - 6, top + middle + 4, name);
    svg += fmt::format("<text transform=\"translate({},{}) rotate(-90)\">{}</text>\n", label + middle + 4, top - 6, name);
  }
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) {
      const auto& value = values[static_cast<std::size_t>(i * n + j)];
      const int x = label + j * kCell, y = top + i * kCell;
      svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\" stroke=\"#fff\"/>\n", x, y, kCell, kCell,
                         value ? colour(*value) : std::string("#eee"));
      if (value) {
        svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{:.2f}</text>\n", x + kCell / 2, y + kCell / 2 + 4, *value);
      } else {
        svg += fmt::format("<path d=\"M{} {}l{} {}m0 -{}l-{} {}\" stroke=\"#999\"/>\n", x + 8, y + 8, kCell - 16, kCell - 16, kCell - 16, kCell - 16, kCell - 16);
      }
    }
  }
  return svg + "</svg>\n";
}

}  // namespace discreet::app::internal
