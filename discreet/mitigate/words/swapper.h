#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "discreet/mitigate/words/swap_lists.h"

namespace discreet::mitigate {

/// What was exchanged, and what was left as it was with a reason. Sums of counts are counts.
struct SwapCounts {
  std::vector<std::array<std::uint64_t, 2>> pairs;  ///< [pair] first to second, second to first.
  std::vector<std::uint64_t> one_way;
  std::vector<std::array<std::uint64_t, 2>> names;
  std::uint64_t he = 0, she = 0, himself = 0, herself = 0, him = 0, hers = 0;  ///< Each to its one partner.
  /// Decided by context: her to his (a noun follows) or him; his to her (a noun follows) or hers.
  std::uint64_t her_to_his = 0, her_to_him = 0, his_to_her = 0, his_to_hers = 0;
  std::uint64_t titles = 0;            ///< "Lord", "Lady", "Sir", "Miss" before a name.
  std::uint64_t surnames = 0;          ///< Name words behind a first name or a title: left.
  std::uint64_t names_or_words = 0;    ///< "Mark", "Grace" and their partners where a sentence begins: left.
  std::uint64_t in_addresses = 0;      ///< List words beside an "@": left.
  std::uint64_t of_both = 0;           ///< "s/he", "(wo)men": left.
  std::uint64_t words = 0;             ///< Of the text.

  std::uint64_t changed() const;
  SwapCounts& operator+=(const SwapCounts& other);
};

/// Bytes [begin, end) of a text that became bytes [out_begin, out_end) of the exchanged one.
struct SwapSpan {
  std::size_t begin, end, out_begin, out_end;
};

/// Exchanges words of text: pairs, names, pronouns.
///
/// Words are runs of letters, digits and "_" in Unicode: nothing inside a word changes ("history", "sheriff",
/// "he2"). Hyphens and apostrophes (also U+2019) join words only where a list has the whole ("mother-in-law", "ma'am"), so
/// "she's" and "mother's" keep their ends; "ladies'" and "gentlemen's" are each other's. Lower case, Capitals and ALL
/// CAPITALS are carried over, of any script; other bytes stay as they are. Names change only with a capital; so do the
/// titles of `SwapLists::titles`, before a capitalised word. "god" changes where it is one of several ("a god"). A line is
/// the context of a pronoun.
/// Guarantee: swap(swap(text)) is text if each changed word is of a pair, a name, he/she, himself/herself, or a
/// pronoun whose context decides alike in both. Reentrant: const, no state.
class Swapper {
 public:
  /// Throws: kUsage for a word in two lists.
  explicit Swapper(const SwapLists& lists);

  /// Appends the exchanged text to `out`. Text need not be UTF-8: bytes above 127 that are none are word bytes.
  /// Cost: O(bytes).
  void swap(std::string_view text, std::string& out, SwapCounts& counts) const;
  /// The same; appends to `spans`, in order, what was exchanged: places of `text`, and of what this call appends.
  void swap(std::string_view text, std::string& out, SwapCounts& counts, std::vector<SwapSpan>& spans) const;

  const SwapLists& lists() const { return lists_; }
  SwapCounts no_counts() const;

 private:
  enum class Kind : std::uint8_t { kPairFirst, kPairSecond, kOneWay, kNameFirst, kNameSecond, kPronoun, kTitle };
  struct Entry {
    std::string word;
    Kind kind;
    std::uint32_t index;
    bool whole;  ///< False: only the beginning of an entry with a hyphen or an apostrophe.
    bool begins_compound;
    bool title = false;
  };

  void run(std::string_view text, std::string& out, SwapCounts& counts, std::vector<SwapSpan>* spans) const;
  void add(const std::string& word, Kind kind, std::uint32_t index);
  void insert(const std::string& word, Entry entry);
  const Entry* find(std::uint64_t hash, std::string_view word) const;
  const Entry* find_wide(std::string_view word) const;
  struct Place;
  bool exchange(const Entry& entry, Place& place, std::string& out, SwapCounts& counts) const;
  bool exchange_name(const Entry& entry, const Place& place, std::string& out, SwapCounts& counts) const;
  bool exchange_pronoun(std::string_view word, const Place& place, std::string& out, SwapCounts& counts) const;
  bool exchange_pair(const Entry& entry, Place& place, std::string& out, SwapCounts& counts) const;
  bool exchange_title(const Place& place, std::string& out, SwapCounts& counts) const;
  bool surname_at(const Place& place) const;
  bool is_name(std::string_view word) const;

  SwapLists lists_;
  std::unordered_map<std::string, std::string> titles_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;  ///< Open addressing: entry + 1, or 0.
  std::vector<std::uint64_t> filter_; ///< One bit for the low 16 bits of each hash.
};

}  // namespace discreet::mitigate
