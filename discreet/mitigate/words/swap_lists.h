#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace discreet::mitigate {

/// Words that change places, lower case.
using WordPairs = std::vector<std::pair<std::string, std::string>>;

/// What a swap exchanges. A word of `pairs` has one partner, so that swapping twice gives the text back.
struct SwapLists {
  WordPairs pairs;    ///< In both directions.
  WordPairs one_way;  ///< Only first to second ("ms" to "mr"): these do not come back.
  WordPairs titles;   ///< In both directions, with a capital before a capitalised word ("Lord Byron"); may be in `pairs` too.
  WordPairs one_way_titles;
  WordPairs names;    ///< In both directions, where they are written with a capital.
  bool pronouns = true;  ///< he, she, his, her, him, hers, himself, herself by rules.
  /// Pairs left out because a word had a partner already, or both are one word, with the reason.
  std::vector<std::string> left_out;
};

/// The lists of the project's own: gender words, pronouns, and names paired by how common they are.
SwapLists default_gender_lists();

enum class PairConflict { kError, kFirst };

/// Reads pairs and appends them to `into`. Forms: JSON, a list of lists of two strings or an object; else text
/// with two words a line, separated by a tab, a comma or blanks; "A.txt:B.txt", two files whose lines belong
/// together. Words lose blanks and a full stop at the end, and case. A pair in both directions is one pair.
/// A word with two partners: an error that names both, or with kFirst the first stays and the others are listed
/// in `left_out`. Forms of he and she are left to the rules if `rules_for_pronouns`.
/// Throws: kBadData naming file and line; kRuntime.
void read_pairs(const std::string& source, PairConflict conflict, bool rules_for_pronouns, WordPairs& into,
                std::vector<std::string>& left_out);

/// The same for words that change in one direction: a first word has one partner, a second may have several ("mother" and
/// "father" to "parent").
void read_one_way(const std::string& source, PairConflict conflict, bool rules_for_pronouns, WordPairs& into,
                  std::vector<std::string>& left_out);

/// The files that a source names.
std::vector<std::filesystem::path> pair_files(const std::string& source);

}  // namespace discreet::mitigate
