#include "discreet/text/subword/internal/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::text::subword {
namespace {

constexpr std::size_t kLongestPattern = 1 << 16;
constexpr std::uint32_t kMatchSteps = 50'000'000;

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
constexpr std::string_view kLaterNumbers =
    "\\x{10D40}-\\x{10D49}\\x{116D0}-\\x{116E3}\\x{11BF0}-\\x{11BF9}\\x{11F50}-\\x{11F59}\\x{16130}-\\x{16139}"
    "\\x{16D70}-\\x{16D79}\\x{1CCF0}-\\x{1CCF9}\\x{1D2C0}-\\x{1D2D3}\\x{1E4F0}-\\x{1E4F9}\\x{1E5F1}-\\x{1E5FA}";

[[noreturn]] void refuse(const std::string& where, const std::string& pattern, const std::string& what) {
  throw bad_data(fmt::format("{}: pattern '{}': {}", where, pattern.substr(0, 200), what),
                 "Patterns are read as Oniguruma reads them and run by PCRE2; what the two read "
                 "differently is not supported.");
}

// The pattern in PCRE2's syntax.
std::string translate(const std::string& pattern, const std::string& where) {
  std::string out;
  bool in_class = false, class_start = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      class_start = false;
      if (next == 'h' || next == 'H' || next == 'K' || next == 'G' || next == 'R' || next == 'X') {
        refuse(where, pattern, fmt::format("\\{} is not supported", next));
      }
      if (next == 'w') {
        out += in_class ? fmt::format("{}{}{}", kWordClass, kLaterLetters, kLaterNumbers)
                        : fmt::format("[{}{}{}{}]", kWordClass, kLatin1Numbers, kLaterLetters, kLaterNumbers);
      } else if (next == 'W' && !in_class) {
        out += fmt::format("[^{}{}{}{}]", kWordClass, kLatin1Numbers, kLaterLetters, kLaterNumbers);
      } else if (next == 'W') {
        refuse(where, pattern, "\\W in a class is not supported");
      } else if (next == 's' || (next == 'S' && !in_class)) {
        out += in_class ? std::string(kSpaceClass) : fmt::format("[{}{}]", next == 'S' ? "^" : "", kSpaceClass);
      } else if (next == 'p' && (pattern.compare(i, 4, "p{L}") == 0 || pattern.compare(i, 4, "p{N}") == 0)) {
        const bool letters = pattern[i + 2] == 'L';
        const std::string members = fmt::format("\\p{{{}}}{}", letters ? 'L' : 'N', letters ? kLaterLetters : kLaterNumbers);
        out += in_class ? members : "[" + members + "]";
        i += 3;
      } else {
        out += c;
        out += next;
      }
      continue;
    }
    if (in_class) {
      if (c == '[' && !(i + 1 < pattern.size() && pattern[i + 1] == ':')) {
        refuse(where, pattern, "a class in a class is not supported");
      }
      if (c == '[') {  // [:name:]
        const std::size_t end = pattern.find(":]", i + 2);
        if (end == std::string::npos) refuse(where, pattern, "[: without :]");
        out += pattern.substr(i, end + 2 - i);
        i = end + 1;
        class_start = false;
        continue;
      }
      if (c == '&' && i + 1 < pattern.size() && pattern[i + 1] == '&') {
        refuse(where, pattern, "&& in a class is not supported");
      }
      if (c == ']' && !class_start) in_class = false;
      if (c != '^') class_start = false;
      out += c;
      continue;
    }
    if (c == '[') {
      in_class = class_start = true;
    } else if (c == '(' && pattern.compare(i, 2, "(?") == 0) {
      for (std::size_t k = i + 2; k < pattern.size() && (std::isalpha(static_cast<unsigned char>(pattern[k])) || pattern[k] == '-'); ++k) {
        if (pattern[k] != 'i' && pattern[k] != '-') {
          refuse(where, pattern, fmt::format("(?{}) is not supported", pattern[k]));
        }
      }
    }
    out += c;
  }
  return out;
}

}  // namespace

struct Regex::Code {
  std::string pattern, where;
  pcre2_code* code = nullptr;
  ~Code() { pcre2_code_free(code); }
};

Regex::Regex(const std::string& pattern, const std::string& where) {
  if (pattern.size() > kLongestPattern) refuse(where, pattern, "is too long");
  auto code = std::make_shared<Code>();
  code->pattern = pattern;
  code->where = where;
  const std::string ours = translate(pattern, where);
  int error = 0;
  std::size_t place = 0;
  code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(ours.data()), ours.size(),
                             PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                             &error, &place, nullptr);
  if (code->code == nullptr) {
    unsigned char message[256];
    pcre2_get_error_message(error, message, sizeof message);
    refuse(where, pattern, fmt::format("{} at byte {}", reinterpret_cast<char*>(message), place + 1));
  }
  pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE);  // where there is none, it is interpreted
  code_ = std::move(code);
}

void Regex::find(std::string_view text, std::vector<Match>& matches) const {
  matches.clear();
  const auto free_data = [](pcre2_match_data* d) { pcre2_match_data_free(d); };
  const auto free_context = [](pcre2_match_context* c) { pcre2_match_context_free(c); };
  const std::unique_ptr<pcre2_match_data, decltype(free_data)> data(
      pcre2_match_data_create_from_pattern(code_->code, nullptr), free_data);
  const std::unique_ptr<pcre2_match_context, decltype(free_context)> context(
      pcre2_match_context_create(nullptr), free_context);
  pcre2_set_match_limit(context.get(), kMatchSteps);
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  std::size_t last = 0, at = 0;
  while (at <= text.size()) {
    const int count = pcre2_match(code_->code, subject, text.size(), at, PCRE2_NO_UTF_CHECK, data.get(),
                                  context.get());
    if (count == PCRE2_ERROR_NOMATCH) break;
    if (count < 0) {
      throw bad_data(fmt::format("{}: pattern '{}' gave up on a text of {} bytes", code_->where,
                                 code_->pattern.substr(0, 200), text.size()),
                     "The pattern costs too many steps; cut the text.");
    }
    const std::size_t* ends = pcre2_get_ovector_pointer(data.get());
    const std::size_t begin = ends[0], end = ends[1];
    // An empty match where the last one ended is none; at the end of the text there is none either.
    if (begin == end && (begin >= text.size() || (begin == last && !matches.empty() && matches.back().matched))) {
      if (begin >= text.size()) break;
      at = begin + code_point_bytes(static_cast<unsigned char>(text[begin]));
      continue;
    }
    if (last < begin) matches.push_back({last, begin, false});
    matches.push_back({begin, end, true});
    last = end;
    at = end > begin ? end : begin + code_point_bytes(static_cast<unsigned char>(text[begin]));
  }
  if (last < text.size()) matches.push_back({last, text.size(), false});
}

void find_string(std::string_view text, std::string_view what, std::vector<Match>& matches) {
  matches.clear();
  std::size_t last = 0;
  if (!what.empty()) {
    for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, last)) {
      if (last < at) matches.push_back({last, at, false});
      last = at + what.size();
      matches.push_back({at, last, true});
    }
  }
  if (last < text.size()) matches.push_back({last, text.size(), false});
}

Pattern::Pattern(const JsonFields& component) {
  const JsonFields f(component.object("pattern"), component.at("pattern"));
  f.only({"String", "Regex"});
  const bool is_regex = f.has("Regex");
  text_ = f.text(is_regex ? "Regex" : "String");
  if (text_.empty()) component.fail("pattern", "a text that is not empty");
  if (is_regex) regex_.emplace(text_, component.at("pattern"));
}

void Pattern::find(std::string_view text, std::vector<Match>& matches) const {
  if (regex_) {
    regex_->find(text, matches);
  } else {
    find_string(text, text_, matches);
  }
}

}  // namespace discreet::text::subword
