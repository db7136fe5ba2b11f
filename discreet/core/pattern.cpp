#include "discreet/core/pattern.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/core/error.h"

namespace discreet::core {

bool matches_pattern(std::string_view pattern, std::string_view name) {
  // Greedy with one step back: on a mismatch the last star takes one character more.
  std::size_t p = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool matches_any(std::span<const std::string> patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [&](const std::string& p) { return matches_pattern(p, name); });
}

void check_patterns(const std::string& key, std::span<const std::string> patterns,
                    std::span<const std::string> names) {
  for (const std::string& pattern : patterns) {
    const bool fits =
        std::ranges::any_of(names, [&](const std::string& n) { return matches_pattern(pattern, n); });
    if (fits) continue;
    const std::ptrdiff_t shown = std::min<std::ptrdiff_t>(std::ssize(names), 40);  // a study has hundreds
    throw usage_error(fmt::format("{}: \"{}\" fits none of the names", key, pattern),
                      fmt::format("Names: {}{}.", fmt::join(names.begin(), names.begin() + shown, ", "),
                                  std::ssize(names) > shown ? fmt::format(" and {} more", std::ssize(names) - shown) : ""));
  }
}

}  // namespace discreet::core
