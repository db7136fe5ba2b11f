#include "discreet/mitigate/secrets/internal/number_forms.h"

#include <string>

#include "discreet/mitigate/secrets/internal/folded_text.h"

namespace discreet::mitigate::internal {
namespace {

bool is_year(std::string_view text) {
  return text.size() == 4 && (text.substr(0, 2) == "19" || text.substr(0, 2) == "20") && std::all_of(text.begin(), text.end(), is_digit);
}

int number_of(std::string_view digits) {
  int value = 0;
  for (const char c : digits.substr(0, 9)) value = value * 10 + (c - '0');
  return value;
}

std::vector<std::string_view> groups_of(std::string_view found) {
  std::vector<std::string_view> groups;
  for (std::size_t i = 0; i < found.size();) {
    std::size_t end = i;
    while (end < found.size() && is_digit(found[end])) ++end;
    if (end > i) groups.push_back(found.substr(i, end - i));
    i = std::max(end, i + 1);
  }
  return groups;
}

}  // namespace

bool NumberReader::digit_at(std::size_t i) const { return is_digit(at(i)); }
bool NumberReader::alnum_at(std::size_t i) const { return is_alnum(at(i)); }

struct NumberReader::Separators {
  std::size_t next = 0;  ///< Where the following group begins, or where the separators did: none.
  bool wide = false, dot = false, comma = false, opens = false;
};
/// Between groups of a number stand one of " -./", a bracket that closes or opens, a comma before three digits, or
/// (`wide`) a dash between blanks or two blanks.
NumberReader::Separators NumberReader::separators_at(std::size_t i, const NumberRun& run) const {
  Separators found;
  std::size_t k = i;
  const bool closes = at(k) == ')' && run.brackets;
  if (closes) ++k;
  if (at(k) == ',' && digit_at(k + 1) && digit_at(k + 2) && digit_at(k + 3) && !digit_at(k + 4) && !closes &&
      (run.commas || run.groups.size() == 1) && run.groups.back() <= 3) {
    found.comma = true;
    found.next = k + 1;
    return found;
  }
  if (at(k) == ' ' && ((is_hyphen(at(k + 1)) && at(k + 2) == ' ') || (at(k + 1) == ' ' && (digit_at(k + 2) || at(k + 2) == '(')))) {
    found.wide = true;
    k += at(k + 1) == ' ' ? 2 : 3;
  } else if (at(k) == ' ' || is_hyphen(at(k)) || at(k) == '.' || at(k) == '/') {
    found.dot = at(k) == '.';
    ++k;
  }
  if (at(k) == '(' && closes_soon(k + 1)) {
    found.opens = true;
    ++k;
  }
  found.next = k > i && digit_at(k) ? k : i;
  return found;
}
/// "(0)20" and "(555) 123": up to four digits, the bracket's end, and digits again. "3 (2019)" is two numbers.
bool NumberReader::closes_soon(std::size_t i) const {
  const std::size_t begin = i;
  while (digit_at(i) && i < begin + 5) ++i;
  if (i == begin || at(i) != ')') return false;
  ++i;
  return digit_at(i) || ((at(i) == ' ' || at(i) == '-' || at(i) == '.' || at(i) == '/') && digit_at(i + 1));
}

NumberRun NumberReader::read(std::size_t i) const {
  NumberRun run;
  run.begin = i;
  run.brackets = at(i) == '(';
  if (run.brackets) ++i;
  run.plus = at(i) == '+';
  if (run.plus) ++i;
  if (at(i) == '(') {
    run.brackets = true;
    ++i;
  }
  NumberRun narrow;  // up to the first wide separator
  while (true) {
    const std::size_t group = i;
    while (digit_at(i)) ++i;
    run.groups.push_back(i - group);
    run.digits += i - group;
    run.end = i;
    const Separators found = separators_at(i, run);
    if (found.next == i || (found.wide && run.groups.back() < 3)) break;
    // What stands behind a date is another number.
    if (at(i) == ' ' && is_date(run, text_.substr(run.begin, i - run.begin))) break;
    if (found.wide && !run.wide) {
      narrow = run;
      run.wide = true;
    }
    run.dots = run.dots || found.dot;
    run.commas = run.commas || found.comma;
    run.brackets = run.brackets || found.opens;
    i = found.next;
  }
  // Far apart they are one number only where they make a telephone's.
  if (run.wide && (run.groups.size() < 3 || run.digits < 7)) return narrow;
  return run;
}

std::size_t NumberReader::with_extension(const NumberRun& run) const {
  if (run.digits < 7 || run.digits > 15 || run.commas) return run.end;
  std::size_t i = run.end;
  if (at(i) == ',') ++i;
  while (at(i) == ' ' && i < run.end + 2) ++i;
  std::size_t word = i;
  while (is_latin(at(word)) && word < i + 10) ++word;
  const std::string said = lower_of(text_.substr(i, word - i));
  if (said != "x" && said != "ext" && said != "extn" && said != "extension") return run.end;
  i = word;
  if (at(i) == '.') ++i;
  if (at(i) == ' ') ++i;
  std::size_t end = i;
  while (digit_at(end)) ++end;
  return end > i && end <= i + 6 && !is_letter(at(end)) ? end : run.end;
}

std::size_t NumberReader::with_letters(const NumberRun& run, std::string_view found) const {
  const auto parts = groups_of(found);
  const std::string_view code = parts.back();
  const bool free = code.size() == 3 && code[0] == '8' && (code[1] == '0' || code[1] == code[2]);
  if (!free || parts.size() > 2 || (parts.size() == 2 && parts[0] != "1") || at(run.end) != '-') return run.end;
  std::size_t end = run.end + 1;
  while (at(end) >= 'A' && at(end) <= 'Z') ++end;
  const std::size_t letters = end - run.end - 1;
  if (letters < 3) return run.end;
  while (at(end) == '-' && alnum_at(end + 1)) {
    ++end;
    while (alnum_at(end)) ++end;
  }
  return end;
}

bool is_date(const NumberRun& run, std::string_view found) {
  if (run.groups.size() != 3 || run.plus || run.brackets || run.commas || run.wide || run.digits < 4 || run.digits > 8) return false;
  const auto parts = groups_of(found);
  const char mark = found[parts[0].size()];
  if (mark == ' ' || found[parts[0].size() + 1 + parts[1].size()] != mark) return false;
  const auto short_group = [](std::string_view part) { return part.size() <= 2; };
  const auto fits = [&](std::string_view year, std::string_view a, std::string_view b) {
    const int x = number_of(a), y = number_of(b);
    const bool month_and_day = x >= 1 && y >= 1 && ((x <= 12 && y <= 31) || (y <= 12 && x <= 31));
    const bool year_fits = year.size() == 4 ? number_of(year) >= 1000 && number_of(year) < 2200 : year.size() == 2;
    return short_group(a) && short_group(b) && month_and_day && year_fits;
  };
  if (parts[0].size() == 4) return fits(parts[0], parts[1], parts[2]);
  return fits(parts[2], parts[0], parts[1]);
}

bool is_social_security(const NumberRun& run, std::string_view found) {
  if (run.groups != std::vector<std::size_t>{3, 2, 4} || run.plus || run.brackets || run.commas || run.dots) return false;
  if (found[3] != found[6]) return false;
  const int area = number_of(found.substr(0, 3));
  return area != 0 && area != 666 && area < 900 && found.substr(4, 2) != "00" && found.substr(7) != "0000";
}

bool says_years(const NumberRun& run, std::string_view found) {
  if (run.plus || run.commas) return false;
  const auto parts = groups_of(found);
  const bool short_end = parts.size() == 2 && parts[1].size() == 2 && is_year(parts[0]);
  return short_end || std::all_of(parts.begin(), parts.end(), is_year);
}

bool is_fraction(const NumberRun& run) {
  return run.dots && !run.plus && !run.brackets && run.groups.size() <= 3 && run.digits <= 6 && run.groups[0] <= 3;
}

bool is_ip(std::string_view text) {
  int value = 0;
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == '.') {
      value = 0;
      digits = 0;
    } else if (!is_digit(c) || ++digits > 3 || (value = 10 * value + (c - '0')) > 255) {
      return false;
    }
  }
  return true;
}

bool is_mac(std::string_view text) {
  if (text.size() != 17 || (text[2] != ':' && text[2] != '-')) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % 3 == 2 ? text[i] != text[2] : !is_hexadecimal(text[i])) return false;
  }
  return true;
}

bool is_ip6(std::string_view text) {
  if (text.size() < 3 || text.size() > 39 || text.find('-') != std::string_view::npos) return false;
  std::size_t colons = 0, digits = 0, longest = 0, group = 0;
  for (const char c : text) {
    group = c == ':' ? 0 : group + 1;
    longest = std::max(longest, group);
    colons += c == ':' ? 1 : 0;
    digits += is_digit(c) ? 1 : 0;
  }
  if (longest > 4 || digits == 0) return false;
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) return colons == 7 && text.front() != ':' && text.back() != ':';
  return colons <= 8 && text.find("::", gap + 1) == std::string_view::npos;
}

}  // namespace discreet::mitigate::internal
