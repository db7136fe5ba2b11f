#include "discreet/mitigate/secrets/detector.h"

#include <algorithm>
#include <array>

#include "discreet/mitigate/secrets/name_lists.h"

namespace discreet::mitigate {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
/// Bytes of letters: those of ASCII, and all of other scripts.
bool is_letter(char c) { return is_upper(c) || is_lower(c) || static_cast<unsigned char>(c) >= 128; }
bool is_alnum(char c) { return is_letter(c) || is_digit(c); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

/// A run of letters (with inner apostrophes and hyphens) or of digits.
struct DetailWord {
  std::size_t begin, end;
  bool capital, digits;
};

std::vector<DetailWord> words_of(std::string_view text) {
  std::vector<DetailWord> words;
  for (std::size_t i = 0; i < text.size();) {
    if (is_digit(text[i])) {
      const std::size_t begin = i;
      while (i < text.size() && is_digit(text[i])) ++i;
      if (i < text.size() && is_letter(text[i]) && (i + 1 == text.size() || !is_alnum(text[i + 1]))) ++i;  // "12b"
      words.push_back({begin, i, false, true});
    } else if (is_letter(text[i])) {
      const std::size_t begin = i;
      while (i < text.size() && (is_alnum(text[i]) || ((text[i] == '\'' || text[i] == '-') && i + 1 < text.size() && is_letter(text[i + 1])))) ++i;
      const unsigned char first = static_cast<unsigned char>(text[begin]);
      words.push_back({begin, i, is_upper(text[begin]) || first >= 0xC3, false});
    } else {
      ++i;
    }
  }
  return words;
}

class Scan {
 public:
  Scan(std::string_view text, const DetectorOptions& options, const std::unordered_set<std::string>& names, std::vector<Finding>& out)
      : text_(text), options_(options), names_(names), out_(out) {}

  void run() {
    if (options_.emails) {
      emails();
      urls();
    }
    if (options_.numbers) {
      numbers();
      ibans();
    }
    if (!options_.addresses && !options_.names) return;
    words_ = words_of(text_);
    if (options_.addresses) addresses();
    if (options_.names) names();
  }

 private:
  void add(std::size_t begin, std::size_t end, const char* kind, const char* source) { out_.push_back({begin, end, kind, source}); }

  static bool of_local(char c) { return is_alnum(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-'; }
  static bool of_domain(char c) { return is_alnum(c) || c == '.' || c == '-'; }

  void emails() {
    for (std::size_t at = text_.find('@'); at != std::string_view::npos; at = text_.find('@', at + 1)) {
      std::size_t begin = at, end = at + 1;
      while (begin > 0 && of_local(text_[begin - 1])) --begin;
      while (begin < at && !is_alnum(text_[begin])) ++begin;
      while (end < text_.size() && of_domain(text_[end])) ++end;
      while (end > at + 1 && !is_alnum(text_[end - 1])) --end;
      const std::size_t dot = text_.substr(0, end).rfind('.');
      if (begin == at || dot == std::string_view::npos || dot < at + 2 || end - dot < 3) continue;
      add(begin, end, "email", "pattern");
    }
  }

  void urls() {
    const auto scan = [&](std::string_view mark, bool before) {
      for (std::size_t at = text_.find(mark); at != std::string_view::npos; at = text_.find(mark, at + 1)) {
        std::size_t begin = at, end = at + mark.size();
        while (before && begin > 0 && is_lower(text_[begin - 1])) --begin;
        if (before && begin == at) continue;
        if (!before && at > 0 && is_alnum(text_[at - 1])) continue;
        while (end < text_.size() && static_cast<unsigned char>(text_[end]) > ' ' && text_[end] != '"' && text_[end] != '>') ++end;
        while (end > at + mark.size() && !is_alnum(text_[end - 1]) && text_[end - 1] != '/') --end;
        if (end > at + mark.size()) add(begin, end, "url", "pattern");
      }
    };
    scan("://", true);
    scan("www.", false);
  }

  /// Digits with single separators between them, read as far as they go.
  void numbers() {
    for (std::size_t i = 0; i < text_.size();) {
      const bool plus = text_[i] == '+' && i + 1 < text_.size() && is_digit(text_[i + 1]);
      if (!plus && !is_digit(text_[i])) {
        ++i;
        continue;
      }
      if (i > 0 && (is_letter(text_[i - 1]) || text_[i - 1] == '_')) {  // a part of a word: "he2"
        while (i < text_.size() && is_alnum(text_[i])) ++i;
        continue;
      }
      const std::size_t begin = i;
      std::size_t end = i, digits = 0, groups = 0;
      bool dots = false, single = true;
      if (plus) ++i;
      while (i < text_.size() && is_digit(text_[i])) {
        const std::size_t group = i;
        while (i < text_.size() && is_digit(text_[i])) ++i;
        digits += i - group;
        single = single && i - group == 1;
        ++groups;
        end = i;
        if (i + 1 >= text_.size()) break;
        std::size_t next = i;
        if (text_[next] == ')' || text_[next] == '(') ++next;
        if (next < text_.size() && (text_[next] == ' ' || text_[next] == '-' || text_[next] == '.' || text_[next] == '/')) {
          dots = dots || text_[next] == '.';
          ++next;
        }
        if (next < text_.size() && text_[next] == '(') ++next;
        if (next >= text_.size() || next == i || !is_digit(text_[next])) break;
        i = next;
      }
      if (end < text_.size() && is_letter(text_[end]) && groups == 1) continue;  // "12b", "2nd"
      const std::string_view found = text_.substr(begin, end - begin);
      if (dots && groups == 4 && is_ip(found)) add(begin, end, "ip", "pattern");
      else if (digits >= 13 && digits <= 19 && passes_luhn(found)) add(begin, end, "card", "pattern");
      else if (digits >= 7 && digits <= 15 && (plus || groups >= 3) && !single) add(begin, end, "phone", "pattern");
      else if (digits >= options_.least_digits && !is_year(found)) add(begin, end, "number", "pattern");
    }
  }

  static bool is_year(std::string_view text) {
    return text.size() == 4 && (text.substr(0, 2) == "19" || text.substr(0, 2) == "20") && std::all_of(text.begin(), text.end(), is_digit);
  }

  static bool is_ip(std::string_view text) {
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

  void ibans() {
    for (std::size_t i = 0; i + 14 < text_.size(); ++i) {
      if (!is_upper(text_[i]) || !is_upper(text_[i + 1]) || !is_digit(text_[i + 2]) || !is_digit(text_[i + 3])) continue;
      if (i > 0 && is_alnum(text_[i - 1])) continue;
      // The longest run of groups whose check digits are right.
      std::size_t end = i + 4, best = 0, count = 4;
      while (end < text_.size() && count < 34) {
        if (text_[end] == ' ' && end + 1 < text_.size() && (is_digit(text_[end + 1]) || is_upper(text_[end + 1]))) {
          ++end;
          continue;
        }
        if (!is_digit(text_[end]) && !is_upper(text_[end])) break;
        ++end;
        ++count;
        const bool whole = end == text_.size() || !is_alnum(text_[end]);
        if (whole && count >= 15 && passes_iban(text_.substr(i, end - i))) best = end;
      }
      if (best > 0) add(i, best, "iban", "pattern");
    }
  }

  std::string_view at(std::size_t w) const { return text_.substr(words_[w].begin, words_[w].end - words_[w].begin); }
  /// Words with nothing but blanks, or a full stop of an abbreviation, between them.
  bool adjacent(std::size_t w) const {
    if (w + 1 >= words_.size()) return false;
    const std::string_view between = text_.substr(words_[w].end, words_[w + 1].begin - words_[w].end);
    return between == " " || between == ". ";
  }

  void addresses() {
    for (std::size_t w = 0; w < words_.size(); ++w) {
      if (!street_words().contains(lower(at(w)))) continue;
      // "12 Main Street": back over one to three words to a number.
      std::size_t first = w;
      bool found = false;
      for (std::size_t back = 1; back <= 4 && back <= w && adjacent(w - back); ++back) {
        first = w - back;
        if (words_[first].digits) {
          found = back >= 2;
          break;
        }
      }
      // "Main Street 12": capitalised words before it, the number behind.
      std::size_t last = w;
      if (!found && adjacent(w) && words_[w + 1].digits && w > 0 && adjacent(w - 1) && words_[w - 1].capital) {
        first = w - 1;
        last = w + 1;
        found = true;
      }
      if (!found) continue;
      add(words_[first].begin, words_[last].end, "address", "list");
    }
  }

  void names() {
    const bool capitals = std::any_of(words_.begin(), words_.end(), [](const DetailWord& word) { return word.capital; });
    for (std::size_t w = 0; w < words_.size(); ++w) {
      if (words_[w].digits) continue;
      const std::string word = lower(at(w));
      if (title_words().contains(word) && adjacent(w) && words_[w + 1].capital) {
        std::size_t last = w + 1;
        while (adjacent(last) && words_[last + 1].capital && text_[words_[last].end] == ' ') ++last;
        add(words_[w].begin, words_[last].end, "name", "list");
        w = last;
        continue;
      }
      const std::string stem = word.size() > 2 && word.ends_with("'s") ? word.substr(0, word.size() - 2) : word;
      if (!names_.contains(stem)) continue;
      if (capitals ? !words_[w].capital : also_words().contains(stem)) continue;
      // A list name that is a word too counts at the beginning of a sentence only with a name behind it.
      std::size_t last = w;
      while (capitals && adjacent(last) && words_[last + 1].capital && text_[words_[last].end] == ' ') ++last;
      if (capitals && last == w && begins_sentence(w) && also_words().contains(stem)) continue;
      const std::size_t end = last == w && stem.size() < word.size() ? words_[w].end - 2 : words_[last].end;
      add(words_[w].begin, end, "name", "list");
      w = last;
    }
  }

  bool begins_sentence(std::size_t w) const {
    std::size_t i = words_[w].begin;
    while (i > 0 && (text_[i - 1] == ' ' || text_[i - 1] == '"')) --i;
    return i == 0 || text_[i - 1] == '.' || text_[i - 1] == '!' || text_[i - 1] == '?' || text_[i - 1] == '\n';
  }

  std::string_view text_;
  const DetectorOptions& options_;
  const std::unordered_set<std::string>& names_;
  std::vector<Finding>& out_;
  std::vector<DetailWord> words_;
};

}  // namespace

bool passes_luhn(std::string_view text) {
  int sum = 0, place = 0;
  for (std::size_t i = text.size(); i-- > 0;) {
    if (!is_digit(text[i])) continue;
    int digit = text[i] - '0';
    if (place++ % 2 == 1) digit = 2 * digit > 9 ? 2 * digit - 9 : 2 * digit;
    sum += digit;
  }
  return place > 0 && sum % 10 == 0;
}

bool passes_iban(std::string_view text) {
  std::string symbols;
  for (const char c : text) {
    if (c != ' ') symbols += c;
  }
  if (symbols.size() < 15 || symbols.size() > 34) return false;
  std::rotate(symbols.begin(), symbols.begin() + 4, symbols.end());
  int rest = 0;
  for (const char c : symbols) {
    if (is_digit(c)) rest = (rest * 10 + (c - '0')) % 97;
    else if (is_upper(c)) rest = (rest * 100 + (c - 'A' + 10)) % 97;
    else return false;
  }
  return rest == 1;
}

std::vector<Finding> without_overlaps(std::vector<Finding> findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    const std::size_t x = a.end - a.begin, y = b.end - b.begin;
    return x != y ? x > y : a.begin < b.begin;
  });
  std::vector<Finding> kept;
  for (Finding& finding : findings) {
    const bool free = std::none_of(kept.begin(), kept.end(),
                                   [&](const Finding& other) { return finding.begin < other.end && other.begin < finding.end; });
    if (free && finding.begin < finding.end) kept.push_back(std::move(finding));
  }
  std::sort(kept.begin(), kept.end(), [](const Finding& a, const Finding& b) { return a.begin < b.begin; });
  return kept;
}

Detector::Detector(const DetectorOptions& options, const std::vector<std::string>& given_names)
    : options_(options), given_names_(built_in_given_names()) {
  for (const std::string& name : given_names) given_names_.insert(lower(name));
}

void Detector::find(std::string_view text, std::vector<Finding>& findings) const {
  std::vector<Finding> found;
  Scan(text, options_, given_names_, found).run();
  for (Finding& finding : without_overlaps(std::move(found))) findings.push_back(std::move(finding));
}

}  // namespace discreet::mitigate
