#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/text/subword/internal/aligned.h"
#include "discreet/text/subword/internal/json_fields.h"

namespace discreet::text::subword {

/// A range of text, and whether a pattern matched there. Ranges cover the text without gaps; a match may be empty, at the
/// text's end too.
struct Match {
  std::size_t begin, end;
  bool matched;
};

/// A pattern in Oniguruma's syntax (what Hugging Face patterns are written in), run by PCRE2 on
/// UTF-8. `^` and `$` are ends of lines, classes know Unicode (that of PCRE2). What the two read
/// differently is spelled anew or refused: pattern_syntax.h. Thread-safe.
class Regex {
 public:
  /// `where` stands in errors. Throws: kBadData if the pattern is malformed or not of ours.
  Regex(const std::string& pattern, const std::string& where);
  /// Throws: kBadData naming the pattern if the text costs more steps than the limit allows.
  void find(std::string_view text, std::vector<Match>& matches) const;

 private:
  struct Code;
  std::shared_ptr<const Code> code_;
};

/// Matches of a plain string.
void find_string(std::string_view text, std::string_view what, std::vector<Match>& matches);

/// The option "pattern" of a component, {"String": s} or {"Regex": r}: what is looked for.
class Pattern {
 public:
  /// Throws: kBadData if it is missing, empty or malformed.
  explicit Pattern(const JsonFields& component);
  void find(std::string_view text, std::vector<Match>& matches) const;

 private:
  std::string text_;
  std::optional<Regex> regex_;
};

/// Matches of single code points.
template <class Predicate>
void find_code_points(std::string_view text, Predicate&& wanted, std::vector<Match>& matches) {
  matches.clear();
  std::size_t last = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    if (!wanted(read_code_point(text, at))) continue;
    if (last < begin) matches.push_back({last, begin, false});
    matches.push_back({begin, at, true});
    last = at;
  }
  if (last < text.size()) matches.push_back({last, text.size(), false});
}

}  // namespace discreet::text::subword
