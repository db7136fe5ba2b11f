#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace discreet::text {

/// One line, row, sentence or utterance as a reader found it.
///
/// Either `words` is filled (the source gave tokens) or `text` alone is (the source gave raw text);
/// `tokenize_example` fills `words` in the second case. Invariant: `tags` is empty or as long as
/// `words`. All strings are valid UTF-8. A column that the source lacks leaves its member empty.
struct Example {
  std::vector<std::string> words;
  std::vector<std::string> tags;  ///< BIO, one for each word; empty if the source has none.
  std::string text;               ///< Raw text; for a source of words, the words joined by spaces.
  std::string label;              ///< Class or intent.
  std::string question;           ///< What is asked about `text`; empty: nothing.
  /// Right answers to the question, or the texts that `text` may become; none: nothing in the text
  /// answers. Where one begins in `text`, in bytes; -1: not known.
  std::vector<std::string> answers;
  std::vector<std::int64_t> answer_begins;
  std::string user;               ///< Who wrote it: the unit of user-level privacy.
  std::map<std::string, std::string> groups;  ///< The columns named as groups.
  std::map<std::string, std::string> extra;   ///< Every other column of one value.
  std::int64_t line = 0;  ///< From 1; the first line, where an example spans several.
};

}  // namespace discreet::text
