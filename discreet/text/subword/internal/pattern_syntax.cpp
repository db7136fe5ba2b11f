#include "discreet/text/subword/internal/pattern_syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/aligned.h"

namespace discreet::text::subword {
namespace {

constexpr int kDeepestClass = 16;

// Oniguruma's \w as PCRE2 spells it, with its letters in circles. Outside a class it also takes the
// fractions and powers of Latin-1.
constexpr std::string_view kLatin1Numbers = "\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}";
constexpr std::string_view kWordClass =
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24B6}-\\x{24E9}"
    "\\x{1F130}-\\x{1F149}\\x{1F150}-\\x{1F169}\\x{1F170}-\\x{1F189}";

// White space without U+180E, which PCRE2 counts.
constexpr std::string_view kSpaceClass = "\\t-\\r\\x{85}\\p{Z}";
// Letters and numbers of Unicode 15 and 16, which PCRE2 10.42 does not know.
constexpr std::string_view kLaterLetters =
    "\\x{1C89}\\x{1C8A}\\x{A7CB}-\\x{A7CD}\\x{A7DA}-\\x{A7DC}\\x{105C0}-\\x{105F3}\\x{10D4A}-\\x{10D65}"
    "\\x{10D6F}-\\x{10D85}\\x{10EC2}-\\x{10EC4}\\x{1123F}\\x{11240}\\x{11380}-\\x{11389}\\x{1138B}\\x{1138E}"
    "\\x{11390}-\\x{113B5}\\x{113B7}\\x{113D1}\\x{113D3}\\x{11BC0}-\\x{11BE0}\\x{11F02}\\x{11F04}-\\x{11F10}"
    "\\x{11F12}-\\x{11F33}\\x{1342F}\\x{13441}-\\x{13446}\\x{13460}-\\x{143FA}\\x{16100}-\\x{1611D}"
    "\\x{16D40}-\\x{16D6C}\\x{18CFF}\\x{1B132}\\x{1B155}\\x{1DF25}-\\x{1DF2A}\\x{1E030}-\\x{1E06D}"
    "\\x{1E4D0}-\\x{1E4EB}\\x{1E5D0}-\\x{1E5ED}\\x{1E5F0}\\x{2B739}\\x{2EBF0}-\\x{2EE5D}\\x{31350}-\\x{323AF}";
constexpr std::string_view kLaterDigits =
    "\\x{10D40}-\\x{10D49}\\x{116D0}-\\x{116E3}\\x{11BF0}-\\x{11BF9}\\x{11F50}-\\x{11F59}\\x{16130}-\\x{16139}"
    "\\x{16D70}-\\x{16D79}\\x{1CCF0}-\\x{1CCF9}\\x{1E4F0}-\\x{1E4F9}\\x{1E5F1}-\\x{1E5FA}";
constexpr std::string_view kLaterNumbers = "\\x{1D2C0}-\\x{1D2D3}";  // no digits
// The same of vowel signs and other marks, of small and capital letters, of punctuation and symbols.
constexpr std::string_view kLaterAlphabetic =
    "\\x{363}-\\x{36F}\\x{897}\\x{C04}\\x{CF3}\\x{F82}\\x{F83}\\x{1DD3}-\\x{1DE6}\\x{10D69}\\x{10EFC}\\x{11080}"
    "\\x{11081}\\x{11241}\\x{113B8}-\\x{113C0}\\x{113C2}\\x{113C5}\\x{113C7}-\\x{113CA}\\x{113CC}\\x{113CD}"
    "\\x{11F00}\\x{11F01}\\x{11F03}\\x{11F34}-\\x{11F3A}\\x{11F3E}-\\x{11F40}\\x{1611E}-\\x{1612E}\\x{1E08F}";
constexpr std::string_view kLaterWordMarks =
    "\\x{897}\\x{CF3}\\x{ECE}\\x{10D69}-\\x{10D6D}\\x{10EFC}-\\x{10EFF}\\x{11241}\\x{113B8}-\\x{113C0}\\x{113C2}"
    "\\x{113C5}\\x{113C7}-\\x{113CA}\\x{113CC}-\\x{113D0}\\x{113D2}\\x{113E1}\\x{113E2}\\x{11F00}\\x{11F01}"
    "\\x{11F03}\\x{11F34}-\\x{11F3A}\\x{11F3E}-\\x{11F42}\\x{11F5A}\\x{13440}\\x{13447}-\\x{13455}"
    "\\x{1611E}-\\x{1612F}\\x{1E08F}\\x{1E4EC}-\\x{1E4EF}\\x{1E5EE}\\x{1E5EF}";
constexpr std::string_view kLaterSmall =
    "\\x{10FC}\\x{1C8A}\\x{A7CD}\\x{A7DB}\\x{A7F2}-\\x{A7F4}\\x{AB69}\\x{10D70}-\\x{10D85}\\x{1DF25}-\\x{1DF2A}"
    "\\x{1E030}-\\x{1E06D}";
constexpr std::string_view kLaterCapitals =
    "\\x{1C89}\\x{A7CB}\\x{A7CC}\\x{A7DA}\\x{A7DC}\\x{10D50}-\\x{10D65}";
constexpr std::string_view kLaterPunctuation =
    "\\x{1B4E}\\x{1B4F}\\x{1B7F}\\x{10D6E}\\x{113D4}\\x{113D5}\\x{113D7}\\x{113D8}\\x{11B00}-\\x{11B09}\\x{11BE1}"
    "\\x{11F43}-\\x{11F4F}\\x{16D6D}-\\x{16D6F}\\x{1E5FF}";
constexpr std::string_view kLaterSymbols =
    "\\x{2427}-\\x{2429}\\x{2FFC}-\\x{2FFF}\\x{31E4}\\x{31E5}\\x{31EF}\\x{10D8E}\\x{10D8F}\\x{1CC00}-\\x{1CCEF}"
    "\\x{1CD00}-\\x{1CEB3}\\x{1F6DC}\\x{1F774}-\\x{1F776}\\x{1F77B}-\\x{1F77F}\\x{1F7D9}\\x{1F8B2}-\\x{1F8BB}"
    "\\x{1F8C0}\\x{1F8C1}\\x{1FA75}-\\x{1FA77}\\x{1FA87}-\\x{1FA89}\\x{1FA8F}\\x{1FAAD}-\\x{1FAAF}"
    "\\x{1FABB}-\\x{1FABF}\\x{1FAC6}\\x{1FACE}\\x{1FACF}\\x{1FADA}-\\x{1FADC}\\x{1FADF}\\x{1FAE8}\\x{1FAE9}"
    "\\x{1FAF7}\\x{1FAF8}\\x{1FBCB}-\\x{1FBEF}";
constexpr std::string_view kAnyCharacter = "[\\x{0}-\\x{10FFFF}]";

std::string word_members(bool outside) {
  return fmt::format("{}{}{}{}{}", kWordClass, outside ? kLatin1Numbers : "", kLaterLetters, kLaterDigits, kLaterWordMarks);
}

/// The members of Oniguruma's [[:name:]]; nullopt for another name.
std::optional<std::string> posix_members(std::string_view name) {
  if (name == "alpha") return fmt::format("\\p{{Alphabetic}}{}{}", kLaterLetters, kLaterAlphabetic);
  if (name == "alnum") return fmt::format("\\p{{Alphabetic}}\\p{{Nd}}{}{}{}", kLaterLetters, kLaterAlphabetic, kLaterDigits);
  if (name == "word") return word_members(false);
  if (name == "digit") return fmt::format("\\p{{Nd}}{}", kLaterDigits);
  if (name == "space") return std::string(kSpaceClass);
  if (name == "punct") return fmt::format("\\p{{P}}\\p{{S}}{}{}", kLaterPunctuation, kLaterSymbols);
  if (name == "lower") return fmt::format("\\p{{Lowercase}}{}", kLaterSmall);
  if (name == "upper") return fmt::format("\\p{{Uppercase}}{}", kLaterCapitals);
  if (name == "blank") return "\\t\\p{Zs}";
  if (name == "xdigit") return "0-9A-Fa-f";
  if (name == "ascii") return "\\x{0}-\\x{7F}";
  return std::nullopt;
}

/// Folds to several characters, or is part of what another one folds to, beside the pairs of ASCII letters.
bool folds_with_others(char32_t c) {
  return c == 0xDF || c == 0x130 || c == 0x149 || c == 0x1F0 || c == 0x390 || c == 0x3B0 || c == 0x399 || c == 0x3B9 ||
         c == 0x587 || c == 0x565 || c == 0x574 || c == 0x57E || c == 0x2BC || c == 0x2BE || (c >= 0x300 && c <= 0x345) ||
         (c >= 0x1E96 && c <= 0x1E9E) || (c >= 0x1F50 && c <= 0x1FFC) || (c >= 0xFB00 && c <= 0xFB17);
}

/// A set of single characters: members of one class, and classes that cannot stand in it.
struct Union {
  std::string members;
  std::vector<std::string> others;
  bool negated = false;

  std::string text() const {
    if (others.empty()) return (negated ? "[^" : "[") + members + "]";
    if (members.empty() && others.size() == 1 && !negated) return others.front();
    std::string any = members.empty() ? "" : "[" + members + "]";
    for (const std::string& other : others) any += (any.empty() ? "" : "|") + other;
    return negated ? fmt::format("(?:(?!{}){})", any, kAnyCharacter) : "(?:" + any + ")";
  }
};

class PatternReader {
 public:
  PatternReader(const std::string& pattern, const std::string& where) : pattern_(pattern), where_(where) {
    for (std::size_t at = pattern.find("(?"); at != std::string::npos; at = pattern.find("(?", at + 2)) {
      for (std::size_t k = at + 2; k < pattern.size() && pattern[k] == 'i'; ++k) ignores_case_ = true;
    }
  }

  std::string read() {
    std::string out;
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        out += escape();
      } else if (c == '[') {
        ++at_;
        out += character_class(0).text();
        last_letter_ = 0;
      } else if (c == '{') {
        out += interval();
      } else if (c == '(') {
        out += group();
      } else {
        out += literal();
      }
    }
    return out;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const { refuse_pattern(where_, pattern_, what); }
  bool follows(std::string_view text) const { return pattern_.compare(at_, text.size(), text) == 0; }

  std::string literal() {
    const std::size_t begin = at_;
    note_letter(read_code_point(pattern_, at_));
    return pattern_.substr(begin, at_ - begin);
  }

  /// Under (?i) some letters match others together: ss and ß, fi and its ligature.
  void note_letter(char32_t c) {
    if (c < 0x80 && c >= 'A' && c <= 'Z') c += 'a' - 'A';
    if (c == 0x17F) c = 's';
    const char32_t before = std::exchange(last_letter_, c);
    if (!ignores_case_) return;
    const bool pair = (before == 's' && (c == 's' || c == 't')) || (before == 'f' && (c == 'f' || c == 'i' || c == 'l'));
    if (pair || folds_with_others(c)) {
      refuse(fmt::format("'{}' under (?i) matches other letters together there", pair ? to_utf8(before) + to_utf8(c) : to_utf8(c)));
    }
  }

  std::string group() {
    if (follows("(?")) {
      for (std::size_t k = at_ + 2; k < pattern_.size() && (std::isalpha(static_cast<unsigned char>(pattern_[k])) || pattern_[k] == '-'); ++k) {
        if (pattern_[k] != 'i' && pattern_[k] != '-') refuse(fmt::format("(?{}) is not supported", pattern_[k]));
      }
    }
    last_letter_ = 0;
    ++at_;
    return "(";
  }

  /// {n}, {n,}, {n,m} or {,n}; any other brace is itself.
  std::string interval() {
    const std::size_t end = pattern_.find('}', at_);
    const std::string inside = end == std::string::npos ? "" : pattern_.substr(at_ + 1, end - at_ - 1);
    const std::size_t comma = inside.find(',');
    const std::string low = inside.substr(0, comma), high = comma == std::string::npos ? "" : inside.substr(comma + 1);
    const auto digits = [](const std::string& text) { return text.find_first_not_of("0123456789") == std::string::npos; };
    last_letter_ = 0;
    if (!digits(low) || !digits(high) || (low.empty() && high.empty())) {
      ++at_;
      return "\\{";
    }
    at_ = end + 1;
    const char next = at_ < pattern_.size() ? pattern_[at_] : '\0';
    if (next == '+' || (next == '?' && comma == std::string::npos)) {
      refuse(fmt::format("{{{}}}{} is not supported: write a group around what is repeated", inside, next));
    }
    return fmt::format("{{{}{}{}}}", low.empty() ? "0" : low, comma == std::string::npos ? "" : ",", high);
  }

  /// An escape outside classes.
  std::string escape() {
    const char32_t before = std::exchange(last_letter_, 0);
    if (at_ + 1 < pattern_.size() && (pattern_[at_ + 1] == 'b' || pattern_[at_ + 1] == 'B')) {
      const std::string word = "[" + word_members(true) + "]";
      const bool boundary = pattern_[at_ + 1] == 'b';
      at_ += 2;
      return boundary ? fmt::format("(?:(?<={0})(?!{0})|(?<!{0})(?={0}))", word)
                      : fmt::format("(?:(?<={0})(?={0})|(?<!{0})(?!{0}))", word);
    }
    if (const std::optional<Union> set = set_escape(true)) return set->text();
    const std::size_t begin = at_;
    std::string one = character_escape(true);
    if (one.size() == 2 && static_cast<unsigned char>(one[1]) < 0x80 && !std::isalnum(static_cast<unsigned char>(one[1]))) {
      note_letter(static_cast<char32_t>(one[1]));
    } else if (pattern_[begin + 1] == 'u' || pattern_[begin + 1] == 'x') {
      last_letter_ = before;
      const std::size_t brace = one.find('{');
      if (brace != std::string::npos) note_letter(static_cast<char32_t>(std::stoul(one.substr(brace + 1), nullptr, 16)));
    }
    return one;
  }

  /// A shorthand for a set; nullopt where the escape is none, and nothing is read then.
  std::optional<Union> set_escape(bool outside) {
    if (at_ + 1 >= pattern_.size()) return std::nullopt;
    const char c = pattern_[at_ + 1];
    std::string members;
    bool negated = false;
    std::size_t end = at_ + 2;
    if (c == 'w' || c == 'W') {
      members = word_members(outside);
      negated = c == 'W';
    } else if (c == 's' || c == 'S') {
      members = kSpaceClass;
      negated = c == 'S';
    } else if (c == 'd' || c == 'D') {
      members = *posix_members("digit");
      negated = c == 'D';
    } else if ((c == 'p' || c == 'P') && pattern_.compare(at_ + 2, 1, "{") == 0) {
      const std::size_t close = pattern_.find('}', at_);
      if (close == std::string::npos) refuse("\\p{ without }");
      std::string name = pattern_.substr(at_ + 3, close - at_ - 3);
      negated = c == 'P';
      if (name.starts_with('^')) {
        negated = !negated;
        name.erase(0, 1);
      }
      members = property_members(name, outside);
      end = close + 1;
    } else {
      return std::nullopt;
    }
    at_ = end;
    Union set;
    if (negated && !outside) {
      set.others = {"[^" + members + "]"};
    } else {
      set.members = std::move(members);
      set.negated = negated;
    }
    return set;
  }

  std::string property_members(const std::string& name, bool outside) const {
    if (name == "L") return fmt::format("\\p{{L}}{}", kLaterLetters);
    if (name == "N") return fmt::format("\\p{{N}}{}{}", kLaterDigits, kLaterNumbers);
    std::string plain;
    for (const char c : name) {
      if (c != ' ' && c != '_' && c != '-') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    if (plain == "word") return word_members(outside);
    if (plain == "punct") return fmt::format("\\p{{P}}{}", kLaterPunctuation);  // the category's name too: without the symbols of [[:punct:]]
    if (plain == "graph" || plain == "print" || plain == "cntrl") refuse(fmt::format("\\p{{{}}} is not supported", name));
    if (const auto members = posix_members(plain)) return *members;
    return fmt::format("\\p{{{}}}", name);
  }

  /// An escape that is one character, or of no set.
  std::string character_escape(bool outside) {
    if (at_ + 1 >= pattern_.size()) refuse("a backslash at the end");
    const char c = pattern_[at_ + 1];
    if (c == 'p' || c == 'P') refuse("\\p without {");
    if (std::string_view("hHKGRXNOQEVyY").find(c) != std::string_view::npos) refuse(fmt::format("\\{} is not supported", c));
    if (c == 'u') {
      const std::string digits = pattern_.substr(at_ + 2, 4);
      if (digits.size() != 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
        refuse("\\u without four hexadecimal digits");
      }
      at_ += 6;
      return "\\x{" + digits + "}";
    }
    if (c == 'x' && pattern_.compare(at_ + 2, 1, "{") == 0) {
      const std::size_t close = pattern_.find('}', at_);
      const std::string digits = close == std::string::npos ? "" : pattern_.substr(at_ + 3, close - at_ - 3);
      if (digits.empty() || digits.size() > 8 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
        refuse("\\x{ without hexadecimal digits and }");
      }
      at_ = close + 1;
      return "\\x{" + digits + "}";
    }
    if (c == 'x') {
      std::size_t count = 0;
      while (count < 2 && at_ + 2 + count < pattern_.size() && std::isxdigit(static_cast<unsigned char>(pattern_[at_ + 2 + count])) != 0) ++count;
      std::string one = "\\x{" + (count == 0 ? std::string("0") : pattern_.substr(at_ + 2, count)) + "}";
      at_ += 2 + count;
      return one;
    }
    if (c == 'v') {
      at_ += 2;
      return "\\x{B}";
    }
    const std::size_t begin = at_++;
    if (c == 'c') {  // \cX
      at_ = std::min(begin + 3, pattern_.size());
    } else if (!outside && c >= '0' && c <= '7') {  // octal
      while (at_ < pattern_.size() && at_ < begin + 4 && pattern_[at_] >= '0' && pattern_[at_] <= '7') ++at_;
    } else {
      read_code_point(pattern_, at_);
    }
    return pattern_.substr(begin, at_ - begin);
  }

  /// What follows "[", up to its "]".
  Union character_class(int depth) {
    if (depth > kDeepestClass) refuse("classes are nested too deeply");
    Union set;
    if (follows("^")) {
      set.negated = true;
      ++at_;
    }
    for (bool first = true;; first = false) {
      if (at_ >= pattern_.size()) refuse("a class without ]");
      if (follows("]") && !first) break;
      if (follows("&&")) refuse("&& in a class is not supported");
      if (follows("[:")) {
        add_posix(set);
      } else if (follows("[")) {
        ++at_;
        const Union inner = character_class(depth + 1);
        if (inner.others.empty() && !inner.negated) {
          set.members += inner.members;
        } else {
          set.others.push_back(inner.text());
        }
      } else if (auto shorthand = follows("\\") ? set_escape(false) : std::nullopt) {
        set.members += shorthand->members;
        set.others.insert(set.others.end(), shorthand->others.begin(), shorthand->others.end());
      } else {
        set.members += range();
      }
    }
    ++at_;
    return set;
  }

  void add_posix(Union& set) {
    const std::size_t end = pattern_.find(":]", at_ + 2);
    if (end == std::string::npos) refuse("[: without :]");
    std::string name = pattern_.substr(at_ + 2, end - at_ - 2);
    const bool negated = name.starts_with('^');
    if (negated) name.erase(0, 1);
    const auto members = posix_members(name);
    if (!members) refuse(fmt::format("[:{}:] is not supported", name));
    if (ignores_case_ && (name == "lower" || name == "upper")) refuse(fmt::format("[:{}:] under (?i) is not supported", name));
    if (negated) {
      set.others.push_back("[^" + *members + "]");
    } else {
      set.members += *members;
    }
    at_ = end + 2;
  }

  /// One character of a class, or a range of them.
  std::string range() {
    std::string text = class_character();
    const bool goes_on = follows("-") && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']' && pattern_[at_ + 1] != '[';
    if (!goes_on) return text;
    const std::size_t dash = at_++;
    const std::size_t last = at_;
    if (follows("\\") && set_escape(false)) {  // [a-\w]: the dash is itself
      at_ = dash;
      return text;
    }
    at_ = last;
    return text + "-" + class_character();
  }

  std::string class_character() {
    if (follows("\\")) {
      std::string one = character_escape(false);
      return one;
    }
    const std::size_t begin = at_;
    const char32_t c = read_code_point(pattern_, at_);
    if (ignores_case_ && folds_with_others(c)) refuse(fmt::format("'{}' under (?i) matches other letters together there", to_utf8(c)));
    const std::string text = pattern_.substr(begin, at_ - begin);
    return text == "-" || text == "[" || text == "]" || text == "^" ? "\\" + text : text;
  }

  const std::string& pattern_;
  const std::string& where_;
  bool ignores_case_ = false;
  std::size_t at_ = 0;
  char32_t last_letter_ = 0;  // directly before `at_`
};

}  // namespace

void refuse_pattern(const std::string& where, const std::string& pattern, const std::string& what) {
  throw bad_data(fmt::format("{}: pattern '{}': {}", where, pattern.substr(0, 200), what),
                 "Patterns are read as Oniguruma reads them and run by PCRE2; what the two read "
                 "differently is not supported.");
}

std::string pcre2_syntax(const std::string& pattern, const std::string& where) { return PatternReader(pattern, where).read(); }

}  // namespace discreet::text::subword
