#include "discreet/mitigate/words/swapper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "discreet/core/error.h"
#include "discreet/mitigate/words/pronouns.h"
#include "discreet/text/letters.h"
#include "discreet/text/unicode.h"

namespace discreet::mitigate {
namespace {

constexpr const char* kPronouns[] = {"he", "she", "his", "her", "him", "hers", "himself", "herself"};

// Names that are words too: where a sentence begins, the capital says nothing.
const std::unordered_set<std::string> kNamesAndWords = {
    "mark", "frank", "jack", "grace", "rose", "amber", "heather", "carol", "christian", "will", "may", "april", "june",
    "august", "hope", "faith", "joy", "dawn", "bill", "rob", "pat", "sue", "art", "guy", "dean", "lance", "chase", "hunter",
    "drew", "grant", "victor", "max", "autumn", "summer", "ruby", "pearl", "ivy", "lily", "daisy", "violet", "olive", "penny",
    "ginger", "crystal", "cliff", "rich", "ray", "gene", "dale", "glen", "ward", "wade", "chance", "miles", "mason", "carter",
    "cooper", "tanner", "parker", "taylor", "baker", "sterling", "duke", "earl", "king", "prince", "angel", "star", "melody",
    "harmony", "destiny", "paris", "london", "austin", "jordan", "jean", "sandy", "rusty", "buck", "bud", "chip", "skip",
    "bob", "josh", "nick", "don", "jay", "jerry", "randy", "gay", "son", "rocky", "jewel", "candy", "cherry", "holly", "iris",
    "major", "marshall", "page", "reed", "rowan", "stone", "wren", "virginia", "georgia", "carolina", "dakota", "israel",
    "charity", "mercy", "constance", "patience", "prudence", "misty", "stormy", "windy", "brook", "eve", "dot", "peg", "kitty"};

const std::unordered_set<std::string> kTitles = {"mr", "mrs", "ms", "miss", "dr", "prof", "professor", "st", "saint", "madam",
                                                 "lord", "lady", "judge", "senator", "captain", "president", "sgt",
                                                 "lt", "col", "gen", "rev", "sister", "brother", "queen", "king"};

// Before them "god" is a name, also without a capital ("thank god"), and no man among gods.
const std::unordered_set<std::string> kBeforeGod = {
    "thank", "thanks", "oh", "o", "ah", "my", "dear", "good", "sweet", "almighty", "by", "for", "to", "in", "of", "with", "from", "on",
    "at", "about", "under", "before", "against", "without", "like", "as", "and", "or", "but", "if", "when", "because", "that", "so",
    "only", "how", "where", "why", "what", "swear", "believe", "believes", "praise", "bless", "love", "loves", "is", "was", "are", "were",
    "does", "did", "do", "may", "would", "will", "can", "could", "should", "honest", "hope", "wish", "does", "than", "said", "says"};

/// Which bytes words are made of: letters, digits, "_" and all above 127 (some of which are punctuation after all).
struct ByteClasses {
  std::array<bool, 256> word{};
  constexpr ByteClasses() {
    for (int c = 0; c < 256; ++c) {
      word[static_cast<std::size_t>(c)] = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                                          c == '_' || c >= 128;
    }
  }
};
constexpr ByteClasses kBytes;

/// Up to eight bytes as a number, without the bit that tells ASCII and Latin-1 letters' cases apart.
inline std::uint64_t folded_bytes(const char* bytes, std::size_t length, const char* readable_end) {
  std::uint64_t value = 0;
  if (bytes + 8 <= readable_end) {
    std::memcpy(&value, bytes, 8);
    if (length < 8) value &= (1ULL << (8 * length)) - 1;
  } else {
    std::memcpy(&value, bytes, length < 8 ? length : 8);
  }
  return value | 0x2020202020202020ULL;
}

/// Of the length and the first and last eight bytes, which tell the words of the lists apart.
inline std::uint64_t hash_of(const char* word, std::size_t length, const char* readable_end) {
  const std::uint64_t first = folded_bytes(word, length, readable_end);
  const std::uint64_t last = length > 8 ? folded_bytes(word + length - 8, 8, readable_end) : 0;
  const std::uint64_t hash = (first ^ (last * 0x9E3779B97F4A7C15ULL) ^ length) * 0xD6E8FEB86659FD93ULL;
  return hash ^ (hash >> 32);
}
std::uint64_t hash_of(std::string_view word) { return hash_of(word.data(), word.size(), word.data() + word.size()); }

/// Whether `written` is `word` (lower case) with ASCII letters in any case.
bool same_word(std::string_view written, const std::string& word) {
  if (written.size() != word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const auto a = static_cast<unsigned char>(written[i]), b = static_cast<unsigned char>(word[i]);
    if (a != b && (a < 'A' || a > 'Z' || a + 32 != b)) return false;
  }
  return true;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
}

constexpr std::string_view kCurledApostrophe = "\xE2\x80\x99";
/// How many bytes an apostrophe takes at `i`, or 0.
std::size_t apostrophe_at(std::string_view text, std::size_t i) {
  if (i < text.size() && text[i] == '\'') return 1;
  return text.substr(std::min(i, text.size()), 3) == kCurledApostrophe ? 3 : 0;
}

/// A word as the lists have it: lower case, straight apostrophes; empty for what is no UTF-8.
std::string list_form(std::string_view word) {
  if (text::find_invalid_utf8(word) != std::string_view::npos) return {};
  std::string form = text::lowercase(word);
  for (std::size_t at = 0; (at = form.find(kCurledApostrophe, at)) != std::string::npos;) {
    form[at] = '\'';
    form.erase(at + 1, kCurledApostrophe.size() - 1);
  }
  return form;
}

/// How many bytes at `i` are punctuation of more than one byte (quotes, dashes, ellipses, Latin-1 and CJK marks), or 0.
std::size_t wide_punctuation(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U; };
  if (byte(0) == 0xC2 && byte(1) >= 0xA0 && byte(1) <= 0xBF && byte(1) != 0xAA && byte(1) != 0xB5 && byte(1) != 0xBA) return 2;
  if (byte(0) == 0xC3 && (byte(1) == 0x97 || byte(1) == 0xB7)) return 2;
  if (byte(0) == 0xE2 && (byte(1) == 0x80 || (byte(1) == 0x81 && byte(2) <= 0xAF))) return 3;
  if (byte(0) == 0xE3 && byte(1) == 0x80 && byte(2) <= 0xBF && byte(2) != 0x85 && byte(2) != 0x86 && byte(2) != 0x87) return 3;
  if (byte(0) == 0xEF && byte(1) == 0xBC && byte(2) <= 0x8F) return 3;
  return 0;
}

std::string lower_ascii(std::string_view word) {
  std::string text(word);
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

/// Whether a character begins at `i` that is a capital letter.
bool upper_at(std::string_view text, std::size_t i) {
  if (i >= text.size()) return false;
  const auto first = static_cast<unsigned char>(text[i]);
  if (first < 0x80) return first >= 'A' && first <= 'Z';
  const std::string_view character = text.substr(i, first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2);
  if (text::find_invalid_utf8(character) != std::string_view::npos) return false;
  std::size_t at = 0;
  return text::is_upper(text::next_code_point(character, at));
}
bool letter_at(std::string_view text, std::size_t i) {
  return i < text.size() && (((text[i] | 32) >= 'a' && (text[i] | 32) <= 'z') || static_cast<signed char>(text[i]) < 0);
}

/// The partner with the case of the word that it stands for. Lower: as the list has it; one that follows none of
/// the three patterns: as the list has it, capitalised if the word is.
void append_with_case(std::string_view word, const std::string& partner, std::string& out) {
  std::size_t upper = 0, letters = 0;
  if (is_ascii(word)) {
    for (const char c : word) {
      upper += c >= 'A' && c <= 'Z' ? 1 : 0;
      letters += (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ? 1 : 0;
    }
  } else {
    for (std::size_t at = 0; at < word.size();) {
      const char32_t c = text::next_code_point(word, at);
      upper += text::is_upper(c) ? 1 : 0;
      letters += text::is_upper(c) || text::is_lower(c) ? 1 : 0;
    }
  }
  const bool all = upper == letters && letters > 1;
  if (upper == 0 || (!all && !upper_at(word, 0))) out += partner;
  else if (all) out += text::uppercase(partner);
  else out += text::capitalise(partner);
}

/// Parts of a compound keep their own case where both have as many: "Mother-In-Law".
void append_partner(std::string_view word, const std::string& partner, std::string& out) {
  if (std::count(word.begin(), word.end(), '-') == 0 ||
      std::count(word.begin(), word.end(), '-') != std::count(partner.begin(), partner.end(), '-')) {
    append_with_case(word, partner, out);
    return;
  }
  std::size_t a = 0, b = 0;
  while (true) {
    const std::size_t end_a = word.find('-', a), end_b = partner.find('-', b);
    append_with_case(word.substr(a, end_a - a), partner.substr(b, end_b - b), out);
    if (end_a == std::string_view::npos) return;
    out += '-';
    a = end_a + 1;
    b = end_b + 1;
  }
}

}  // namespace

/// A list word in its text.
struct Swapper::Place {
  std::string_view text;
  std::size_t begin, end;

  std::string_view word() const { return text.substr(begin, end - begin); }
  /// The text of this line before and after.
  PronounContext context() const {
    // Rules look at two words on either side; long lines need not be searched to their ends.
    const std::size_t from = begin > 80 ? begin - 80 : 0;
    std::string_view before = text.substr(from, begin - from), after = text.substr(end, 120);
    const std::size_t line = before.rfind('\n');
    if (line != std::string_view::npos) before.remove_prefix(line + 1);
    return {before, after.substr(0, after.find('\n'))};
  }
  /// The word before, in lower case, if only a blank stands between; empty where a line begins.
  std::string word_before() const {
    if (begin < 2 || text[begin - 1] != ' ') return {};
    std::size_t from = begin - 1;
    while (from > 0 && letter_at(text, from - 1)) --from;
    return lower_ascii(text.substr(from, begin - 1 - from));
  }
  bool is_the_one_god() const {
    const std::string before = word_before();
    return upper_at(text, begin) || before.empty() || kBeforeGod.count(before) > 0;
  }
  /// "s/he", "(s)he", "wo/men", "(fe)male": one word for both.
  bool is_end_of_both() const {
    if (begin < 2 || (text[begin - 1] != '/' && text[begin - 1] != ')')) return false;
    const std::size_t end_of_part = begin - 1;
    std::size_t from = end_of_part;
    while (from > 0 && letter_at(text, from - 1)) --from;
    const std::string part = lower_ascii(text.substr(from, end_of_part - from));
    return (part == "s" || part == "wo" || part == "fe") && (text[begin - 1] == '/' || (from > 0 && text[from - 1] == '('));
  }
  bool sentence_begins() const {
    std::size_t i = begin;
    while (i > 0 && (text[i - 1] == ' ' || text[i - 1] == '"' || text[i - 1] == '\'' || text[i - 1] == '(')) --i;
    if (i == 0) return true;
    const char c = text[i - 1];
    return c == '.' || c == '!' || c == '?' || c == '\n' || c == '\r' || c == ':' || c == '\t' || c == ';' ||
           (i >= 3 && text.substr(i - 3, 2) == "\xE2\x80" && i < 4);
  }
};

std::uint64_t SwapCounts::changed() const {
  std::uint64_t sum = titles + he + she + himself + herself + him + hers + her_to_his + her_to_him + his_to_her + his_to_hers;
  for (const auto& [a, b] : pairs) sum += a + b;
  for (const auto& [a, b] : names) sum += a + b;
  for (const std::uint64_t n : one_way) sum += n;
  return sum;
}

SwapCounts& SwapCounts::operator+=(const SwapCounts& other) {
  const auto add = [](auto& into, const auto& from) {
    into.resize(std::max(into.size(), from.size()));
    for (std::size_t i = 0; i < from.size(); ++i) {
      into[i][0] += from[i][0];
      into[i][1] += from[i][1];
    }
  };
  add(pairs, other.pairs);
  add(names, other.names);
  one_way.resize(std::max(one_way.size(), other.one_way.size()));
  for (std::size_t i = 0; i < other.one_way.size(); ++i) one_way[i] += other.one_way[i];
  for (const auto member : {&SwapCounts::he, &SwapCounts::she, &SwapCounts::himself, &SwapCounts::herself, &SwapCounts::him,
                            &SwapCounts::hers, &SwapCounts::her_to_his, &SwapCounts::her_to_him, &SwapCounts::his_to_her,
                            &SwapCounts::his_to_hers, &SwapCounts::titles, &SwapCounts::surnames, &SwapCounts::names_or_words,
                            &SwapCounts::in_addresses, &SwapCounts::of_both, &SwapCounts::words}) {
    this->*member += other.*member;
  }
  return *this;
}

Swapper::Swapper(const SwapLists& lists) : lists_(lists) {
  slots_.assign(1U << 14, 0);
  filter_.assign(1U << 10, 0);
  const auto add_all = [&](const WordPairs& pairs, Kind first, Kind second) {
    for (std::uint32_t i = 0; i < pairs.size(); ++i) {
      add(pairs[i].first, first, i);
      add(pairs[i].second, second, i);
    }
  };
  add_all(lists_.pairs, Kind::kPairFirst, Kind::kPairSecond);
  add_all(lists_.names, Kind::kNameFirst, Kind::kNameSecond);
  for (std::uint32_t i = 0; i < lists_.one_way.size(); ++i) add(lists_.one_way[i].first, Kind::kOneWay, i);
  for (const auto& [first, second] : lists_.titles) {
    titles_[first] = second;
    titles_[second] = first;
  }
  for (const auto& [first, second] : lists_.one_way_titles) titles_[first] = second;
  for (const auto& [word, partner] : titles_) {
    const Entry* known = find(hash_of(word), word);
    if (known == nullptr || !known->whole) add(word, Kind::kTitle, 0);
    known = find(hash_of(word), word);
    entries_[static_cast<std::size_t>(known - entries_.data())].title = true;
  }
  if (lists_.pronouns) {
    for (const char* word : kPronouns) add(word, Kind::kPronoun, 0);
  }
}

SwapCounts Swapper::no_counts() const {
  SwapCounts counts;
  counts.pairs.resize(lists_.pairs.size());
  counts.one_way.resize(lists_.one_way.size());
  counts.names.resize(lists_.names.size());
  return counts;
}

void Swapper::add(const std::string& word, Kind kind, std::uint32_t index) {
  const Entry* known = find(hash_of(word), word);
  if (known != nullptr && known->whole) {
    throw usage_error(fmt::format("'{}' stands in two lists", word), "A word has one partner: take it out of one list.");
  }
  insert(word, {word, kind, index, true, known != nullptr && known->begins_compound});
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] != '-' && word[i] != '\'') continue;
    const std::string beginning = word.substr(0, i);
    const Entry* part = find(hash_of(beginning), beginning);
    if (part != nullptr) entries_[static_cast<std::size_t>(part - entries_.data())].begins_compound = true;
    else insert(beginning, {beginning, kind, index, false, true});
    break;
  }
}

void Swapper::insert(const std::string& word, Entry entry) {
  const std::uint64_t hash = hash_of(word);
  filter_[(hash & 0xFFFF) >> 6] |= 1ULL << (hash & 63);
  for (std::size_t slot = hash >> 16 & (slots_.size() - 1);; slot = (slot + 1) & (slots_.size() - 1)) {
    if (slots_[slot] != 0 && entries_[slots_[slot] - 1].word != word) continue;
    if (slots_[slot] != 0) {
      entries_[slots_[slot] - 1] = std::move(entry);
    } else {
      if (entries_.size() * 2 > slots_.size()) throw usage_error("the lists hold too many words", "At most 8,192.");
      entries_.push_back(std::move(entry));
      slots_[slot] = static_cast<std::uint32_t>(entries_.size());
    }
    return;
  }
}

const Swapper::Entry* Swapper::find(std::uint64_t hash, std::string_view word) const {
  if ((filter_[(hash & 0xFFFF) >> 6] >> (hash & 63) & 1U) == 0) return nullptr;
  for (std::size_t slot = hash >> 16 & (slots_.size() - 1); slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    const Entry& entry = entries_[slots_[slot] - 1];
    if (same_word(word, entry.word)) return &entry;
  }
  return nullptr;
}

/// Of a word with other bytes than ASCII's.
const Swapper::Entry* Swapper::find_wide(std::string_view word) const {
  const std::string form = list_form(word);
  return form.empty() ? nullptr : find(hash_of(form), form);
}

bool Swapper::is_name(std::string_view word) const {
  const Entry* entry = is_ascii(word) ? find(hash_of(word), word) : find_wide(word);
  return entry != nullptr && (entry->kind == Kind::kNameFirst || entry->kind == Kind::kNameSecond);
}

/// Behind a first name of the list, or behind a title with no other name after it.
bool Swapper::surname_at(const Place& place) const {
  std::size_t end = place.begin;
  if (end < 2 || place.text[end - 1] != ' ') return false;
  --end;
  const bool dot = place.text[end - 1] == '.';
  if (dot) --end;
  std::size_t begin = end;
  while (begin > 0 && kBytes.word[static_cast<unsigned char>(place.text[begin - 1])]) --begin;
  const std::string_view before = place.text.substr(begin, end - begin);
  if (before.empty() || !upper_at(before, 0)) return false;
  if (!dot && is_name(before)) return true;
  const std::string title = lower_ascii(before);
  if (kTitles.count(title) == 0) return false;
  if (title == "st" || title == "saint") return true;
  // "Mr. James" is a surname, "Mrs. Mary James" begins with a first name.
  return !(place.end < place.text.size() && place.text[place.end] == ' ' && upper_at(place.text, place.end + 1));
}

bool Swapper::exchange_name(const Entry& entry, const Place& place, std::string& out, SwapCounts& counts) const {
  if (!upper_at(place.text, place.begin)) return false;
  const auto& [first, second] = lists_.names[entry.index];
  if (surname_at(place)) {
    ++counts.surnames;
    return false;
  }
  if ((kNamesAndWords.count(first) > 0 || kNamesAndWords.count(second) > 0) && place.sentence_begins()) {
    ++counts.names_or_words;
    return false;
  }
  const bool forward = entry.kind == Kind::kNameFirst;
  append_partner(place.word(), forward ? second : first, out);
  ++counts.names[entry.index][forward ? 0 : 1];
  return true;
}

bool Swapper::exchange_pronoun(std::string_view word, const Place& place, std::string& out, SwapCounts& counts) const {
  const auto put = [&](const char* partner, std::uint64_t& count) {
    append_with_case(place.word(), partner, out);
    ++count;
    return true;
  };
  if (word == "he") return put("she", counts.he);
  if (word == "she") return put("he", counts.she);
  if (word == "him") return put("her", counts.him);
  if (word == "hers") return put("his", counts.hers);
  if (word == "himself") return put("herself", counts.himself);
  if (word == "herself") return put("himself", counts.herself);
  if (word == "her") {
    return her_is_possessive(place.context()) ? put("his", counts.her_to_his) : put("him", counts.her_to_him);
  }
  return his_is_possessive(place.context()) ? put("her", counts.his_to_her) : put("hers", counts.his_to_hers);
}

/// "Lord" and "Lady" before a name; without a capital or a name they are words like others.
bool Swapper::exchange_title(const Place& place, std::string& out, SwapCounts& counts) const {
  std::size_t next = place.end;
  if (!upper_at(place.text, place.begin) || next >= place.text.size() || place.text[next] != ' ' || !upper_at(place.text, next + 1)) return false;
  append_with_case(place.word(), titles_.at(lower_ascii(place.word())), out);
  ++counts.titles;
  return true;
}

bool Swapper::exchange_pair(const Entry& entry, Place& place, std::string& out, SwapCounts& counts) const {
  const bool forward = entry.kind == Kind::kPairFirst;
  const auto& [first, second] = lists_.pairs[entry.index];
  const std::string &from = forward ? first : second, &to = forward ? second : first;
  if ((from == "god" || from == "goddess") && place.is_the_one_god()) return false;
  append_partner(place.word(), to, out);
  ++counts.pairs[entry.index][forward ? 0 : 1];
  // Of a plural in s the possessive has an apostrophe alone.
  const auto plural = [](const std::string& word) { return word.ends_with('s') && !word.ends_with("ss"); };
  const std::size_t apostrophe = apostrophe_at(place.text, place.end), behind = place.end + apostrophe;
  if (apostrophe == 0 || plural(from) == plural(to)) return true;
  const bool with_s = behind < place.text.size() && (place.text[behind] | 32) == 's' && !letter_at(place.text, behind + 1);
  const bool word_behind = behind < place.text.size() && place.text[behind] == ' ' && letter_at(place.text, behind + 1);
  if (plural(from) && word_behind) {
    out.append(place.text.substr(place.end, apostrophe));
    out += upper_at(place.text, place.end - 1) ? 'S' : 's';
    place.end = behind;
  } else if (plural(to) && with_s) {
    out.append(place.text.substr(place.end, apostrophe));
    place.end = behind + 1;
  }
  return true;
}

bool Swapper::exchange(const Entry& entry, Place& place, std::string& out, SwapCounts& counts) const {
  const bool address = (place.begin > 0 && place.text[place.begin - 1] == '@') ||
                       (place.end < place.text.size() && place.text[place.end] == '@');
  if (address) {
    ++counts.in_addresses;
    return false;
  }
  if (place.is_end_of_both()) {
    ++counts.of_both;
    return false;
  }
  if (entry.title && exchange_title(place, out, counts)) return true;
  switch (entry.kind) {
    case Kind::kPairFirst:
    case Kind::kPairSecond:
      return exchange_pair(entry, place, out, counts);
    case Kind::kTitle:
      return false;
    case Kind::kOneWay:
      append_partner(place.word(), lists_.one_way[entry.index].second, out);
      ++counts.one_way[entry.index];
      return true;
    case Kind::kNameFirst:
    case Kind::kNameSecond:
      return exchange_name(entry, place, out, counts);
    case Kind::kPronoun:
      return exchange_pronoun(entry.word, place, out, counts);
  }
  return false;
}

void Swapper::swap(std::string_view text, std::string& out, SwapCounts& counts) const {
  run(text, out, counts, nullptr);
}

void Swapper::swap(std::string_view text, std::string& out, SwapCounts& counts, std::vector<SwapSpan>& spans) const {
  run(text, out, counts, &spans);
}

void Swapper::run(std::string_view text, std::string& out, SwapCounts& counts, std::vector<SwapSpan>* spans) const {
  const std::size_t start = out.size();
  const char* const bytes = text.data();
  const char* const last = bytes + text.size();
  const std::size_t n = text.size();
  std::size_t copied = 0, i = 0;
  const auto is_word = [&](std::size_t k) { return kBytes.word[static_cast<unsigned char>(bytes[k])]; };
  signed char all = 0;  // of the bytes of the word at hand: below 0 if one is
  const auto end_of_word = [&](std::size_t k) {
    for (; k < n && is_word(k) && (static_cast<signed char>(bytes[k]) >= 0 || wide_punctuation(text, k) == 0); ++k) {
      all = static_cast<signed char>(all | bytes[k]);
    }
    return k;
  };
  const auto entry_of = [&](std::size_t from, std::size_t to) {
    const std::string_view word = text.substr(from, to - from);
    return all >= 0 ? find(hash_of(bytes + from, to - from, last), word) : find_wide(word);
  };
  while (i < n) {
    if (!is_word(i)) {
      ++i;
      continue;
    }
    if (static_cast<signed char>(bytes[i]) < 0) {
      const std::size_t wide = wide_punctuation(text, i);
      if (wide > 0) {
        i += wide;
        continue;
      }
    }
    all = 0;
    std::size_t end = end_of_word(i);
    ++counts.words;
    const Entry* entry = entry_of(i, end);
    if (entry != nullptr && entry->begins_compound) {
      // The longest entry that goes on over hyphens and apostrophes.
      const Entry* longest = entry->whole ? entry : nullptr;
      std::size_t longest_end = end, at = end;
      while (at + 1 < n && at - i < 64) {
        const std::size_t sign = bytes[at] == '-' ? 1 : apostrophe_at(text, at);
        if (sign == 0 || at + sign >= n || !is_word(at + sign)) break;
        if (sign > 1) all = -1;
        at = end_of_word(at + sign);
        const Entry* whole = entry_of(i, at);
        if (whole != nullptr && whole->whole) {
          longest = whole;
          longest_end = at;
        }
      }
      entry = longest;
      end = longest_end;
    }
    if (entry != nullptr && entry->whole) {
      const std::size_t before = out.size();
      out.append(text.substr(copied, i - copied));
      const std::size_t begins = out.size();
      Place place{text, i, end};
      if (exchange(*entry, place, out, counts)) {
        end = place.end;
        copied = end;
        if (spans != nullptr) spans->push_back({i, end, begins - start, out.size() - start});
      } else {
        out.resize(before);
      }
    }
    i = end;
  }
  out.append(text.substr(copied));
}

}  // namespace discreet::mitigate
