#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace discreet::mitigate::internal {

/// Digits with separators between them.
struct NumberRun {
  std::size_t begin = 0, end = 0;
  std::vector<std::size_t> groups;  ///< Digits of each.
  std::size_t digits = 0;
  bool plus = false, brackets = false, dots = false, commas = false, wide = false;
  bool single() const { return std::all_of(groups.begin(), groups.end(), [](std::size_t n) { return n == 1; }); }
};

/// Reads numbers of a folded text (internal/folded_text.h), which must outlive it.
class NumberReader {
 public:
  explicit NumberReader(std::string_view text) : text_(text) {}

  /// The number that begins at `i`, by a digit, a bracket or a plus.
  NumberRun read(std::size_t i) const;
  /// One past an extension behind a number that may be a telephone's ("x22", "ext. 89"), else its end.
  std::size_t with_extension(const NumberRun& run) const;
  /// One past the letters for digits behind a free-phone code ("1-800-FLOWERS"), else the run's end.
  std::size_t with_letters(const NumberRun& run, std::string_view found) const;

 private:
  struct Separators;
  Separators separators_at(std::size_t i, const NumberRun& run) const;
  bool closes_soon(std::size_t i) const;
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  bool digit_at(std::size_t i) const;
  bool alnum_at(std::size_t i) const;

  std::string_view text_;
};

// Of a number, and of its characters `found`:
bool is_date(const NumberRun& run, std::string_view found);
bool is_social_security(const NumberRun& run, std::string_view found);
/// "1998", "1914-1918", "2019/20".
bool says_years(const NumberRun& run, std::string_view found);
/// "3.1416" and "10.2.15": what is longer may be a place on the map.
bool is_fraction(const NumberRun& run);
/// An IP address of version 4, of digits and dots.
bool is_ip(std::string_view text);
bool is_mac(std::string_view text);
/// Of version 6.
bool is_ip6(std::string_view text);

}  // namespace discreet::mitigate::internal
