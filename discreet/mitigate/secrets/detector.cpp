#include "discreet/mitigate/secrets/detector.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "discreet/mitigate/secrets/internal/folded_text.h"
#include "discreet/mitigate/secrets/internal/number_forms.h"
#include "discreet/mitigate/secrets/internal/postal_forms.h"
#include "discreet/mitigate/secrets/name_lists.h"
#include "discreet/text/unicode.h"

namespace discreet::mitigate {
namespace {

using namespace internal;

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
      words.push_back({begin, i, is_upper(text[begin]), false});
    } else {
      ++i;
    }
  }
  return words;
}

/// What stands before a name, in lower case and with what is between.
struct NameCues {
  std::vector<std::string> said = {
      "my name is ", "my name's ", "his name is ", "her name is ", "your name is ", "whose name is ", "'s name is ",
      "maiden name is ", "first name is ", "last name is ", "full name is ", "family name is ", "surname is ", "call me ",
      "i'm called ", "i am called ", "full name: ", "first name: ", "last name: ", "family name: ", "surname: ", "maiden name: "};
  std::vector<std::string> greetings = {"dear ", "hi ", "hello ", "hey "};
  std::vector<std::string> closings = {"regards, ", "regards,\n", "regards\n", "wishes, ", "wishes,\n", "sincerely, ",
                                       "sincerely,\n", "sincerely\n", "faithfully, ", "faithfully,\n", "yours, ",
                                       "yours,\n", "signed, ", "cheers,\n"};
  std::unordered_set<std::string> last_words;  ///< Of all: a word behind none of them need not be looked at.

  NameCues() {
    for (const auto* list : {&said, &greetings, &closings}) {
      for (const std::string& cue : *list) {
        const std::size_t end = cue.find_last_not_of(" ,:\n") + 1, begin = cue.find_last_of(' ', end - 1) + 1;
        last_words.insert(cue.substr(begin, end - begin));
      }
    }
  }
};

const NameCues& name_cues() {
  static const NameCues cues;
  return cues;
}

class Scan {
 public:
  Scan(std::string_view text, const DetectorOptions& options, const std::unordered_set<std::string>& names, std::vector<Finding>& out)
      : characters_(text), text_(characters_.view()), numbers_(text_), options_(options), names_(names), out_(out) {}

  void run() {
    if (options_.emails) {
      emails();
      urls();
    }
    if (options_.numbers || options_.dates) numbers();
    if (options_.numbers) {
      ibans();
      network_addresses();
    }
    if (!options_.addresses && !options_.names) return;
    words_ = words_of(text_);
    capitals_ = std::any_of(words_.begin(), words_.end(), [](const DetailWord& word) { return word.capital; });
    if (options_.addresses) {
      addresses();
      postal_codes();
    }
    if (options_.names) names();
  }

 private:
  void add(std::size_t begin, std::size_t end, const char* kind, const char* source) {
    out_.push_back({characters_.byte(begin), characters_.byte(end), kind, source});
  }
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  bool digit_at(std::size_t i) const { return is_digit(at(i)); }
  bool alnum_at(std::size_t i) const { return is_alnum(at(i)); }

  static bool of_local(char c) { return is_alnum(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-' || c == '\''; }
  static bool of_domain(char c) { return is_alnum(c) || c == '.' || c == '-'; }

  void emails() {
    constexpr std::size_t kLongestQuotedPart = 64;
    for (std::size_t sign = text_.find('@'); sign != std::string_view::npos; sign = text_.find('@', sign + 1)) {
      std::size_t begin = sign, end = sign + 1;
      while (begin > 0 && of_local(text_[begin - 1])) --begin;
      while (begin < sign && !is_alnum(text_[begin])) ++begin;
      if (begin == sign && sign > 1 && text_[sign - 1] == '"') {  // "john doe"@example.com
        const std::size_t least = sign - 1 > kLongestQuotedPart ? sign - 1 - kLongestQuotedPart : 0;
        for (std::size_t k = sign - 1; k-- > least && begin == sign;) begin = text_[k] == '"' && k + 2 < sign ? k : begin;
      }
      if (begin == sign) {
        mention(sign);
        continue;
      }
      if (at(end) == '[') {  // a number in place of a domain
        while (end < text_.size() && (is_hexadecimal(text_[end]) || text_[end] == '[' || text_[end] == '.' || text_[end] == ':')) ++end;
        if (at(end) == ']' && end > sign + 2) add(begin, end + 1, "email", "pattern");
        continue;
      }
      while (end < text_.size() && of_domain(text_[end])) ++end;
      while (end > sign + 1 && !is_alnum(text_[end - 1])) --end;
      const std::string_view domain = text_.substr(sign + 1, end - sign - 1);
      const std::size_t dot = domain.rfind('.');
      if (dot == std::string_view::npos || dot < 1 || domain.size() - dot < 3) continue;
      add(begin, end, "email", "pattern");
    }
  }

  /// "@night_heron88" where no word ends before it.
  void mention(std::size_t sign) {
    if (sign > 0 && (is_alnum(text_[sign - 1]) || text_[sign - 1] == '@' || text_[sign - 1] == '/')) return;
    std::size_t end = sign + 1;
    bool letters = false;
    for (; end < text_.size() && (is_alnum(text_[end]) || text_[end] == '_'); ++end) letters = letters || is_letter(text_[end]);
    if (letters && end > sign + 2) add(sign, end, "mention", "pattern");
  }

  void urls() {
    const auto url_from = [&](std::size_t begin, std::size_t mark_end) {
      std::size_t end = mark_end;
      const auto of_url = [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '"' && c != '<' && c != '>'; };
      while (end < text_.size() && of_url(text_[end])) ++end;
      const std::size_t next = end;
      while (end > mark_end && !is_alnum(text_[end - 1]) && text_[end - 1] != '/') --end;
      if (end > mark_end) add(begin, end, "url", "pattern");
      return next;
    };
    for (std::size_t i = 0; (i = text_.find("://", i)) != std::string_view::npos;) {
      std::size_t begin = i;
      while (begin > 0 && is_latin(text_[begin - 1])) --begin;
      i = begin == i ? i + 3 : url_from(begin, i + 3);
    }
    for (std::size_t i = 0; i + 4 < text_.size();) {
      const bool here = lower_of(text_[i]) == 'w' && lower_of(text_[i + 1]) == 'w' && lower_of(text_[i + 2]) == 'w' && text_[i + 3] == '.' &&
                        (i == 0 || !is_alnum(text_[i - 1]));
      i = here ? url_from(i, i + 4) : i + 1;
    }
  }

  void numbers() {
    for (std::size_t i = 0; i < text_.size();) {
      const std::size_t bracket = at(i) == '(' ? 1 : 0;
      const std::size_t sign = at(i + bracket) == '+' ? 1 : 0;
      const std::size_t inner = sign == 1 && bracket == 0 && at(i + 1) == '(' ? 1 : 0;
      const std::size_t first = i + bracket + sign + inner;
      if (!digit_at(first)) {
        ++i;
        continue;
      }
      if (i > 0 && first == i && (is_letter(text_[i - 1]) || text_[i - 1] == '_')) {  // a part of a word: "he2"
        while (alnum_at(i)) ++i;
        continue;
      }
      const bool part_of_word = sign == 1 && i > 0 && is_alnum(text_[i - 1]);  // "n+1"
      NumberRun run = numbers_.read(part_of_word ? first : i);
      const bool closed = run.brackets && at(run.end) == ')';
      if (at(run.begin) == '(' && !closed && text_.substr(run.begin, run.end - run.begin).find(')') == std::string_view::npos) {
        ++run.begin;  // "(call 5551234567 today)"
        run.brackets = false;
      } else if (at(run.begin) == '(' && closed) {  // "(1234)"
        ++run.begin;
        run.brackets = false;
      }
      i = std::max(run.end, first + 1);
      classify(run, i);
    }
  }

  /// `next` moves past what was found.
  void classify(NumberRun run, std::size_t& next) {
    const std::size_t extended = numbers_.with_extension(run);
    if (is_letter(at(run.end)) && run.groups.size() == 1 && extended == run.end) return;  // "12b", "2nd"
    const std::string_view found = text_.substr(run.begin, run.end - run.begin);
    const auto take = [&](std::size_t end, const char* kind) {
      if (options_.numbers) add(run.begin, end, kind, "pattern");
      next = std::max(next, end);
    };
    if (is_date(run, found)) {
      if (options_.dates) add(run.begin, run.end, "date", "pattern");
      return;
    }
    if (run.dots && run.groups.size() == 4 && is_ip(found)) return take(run.end, "ip");
    if (!run.commas && run.digits >= 13 && run.digits <= 19 && passes_luhn(characters(run))) return take(run.end, "card");
    if (is_social_security(run, found)) return take(run.end, "ssn");
    if (const std::size_t end = numbers_.with_letters(run, found); end > run.end) return take(end, "phone");
    const bool leading_zero = found[0] == '0' && run.groups.size() == 2 && run.digits >= 9;
    const bool bracketed = run.brackets && run.groups.size() >= 2;
    if (run.digits >= 7 && run.digits <= 15 && !run.commas && !run.single() &&
        (run.plus || run.groups.size() >= 3 || leading_zero || bracketed || extended > run.end)) {
      return take(extended, "phone");
    }
    if (run.digits >= options_.least_digits && !says_years(run, found) && !is_fraction(run)) take(run.end, "number");
  }

  std::string characters(const NumberRun& run) const { return std::string(text_.substr(run.begin, run.end - run.begin)); }

  void ibans() {
    constexpr std::size_t kLongest = 34;
    for (std::size_t i = 0; i + 14 < text_.size(); ++i) {
      if (!is_latin(text_[i]) || !is_latin(text_[i + 1]) || !is_digit(text_[i + 2]) || !is_digit(text_[i + 3])) continue;
      if (i > 0 && is_alnum(text_[i - 1])) continue;
      const bool upper = is_upper(text_[i]);
      const auto of_case = [&](char c) { return is_digit(c) || (is_latin(c) && is_upper(c) == upper); };
      if (!of_case(text_[i + 1])) continue;
      // The longest run of groups whose check digits are right. In lower case, where words could be groups, these must be
      // of four, as IBANs are printed.
      std::size_t end = i + 4, best = 0, count = 4, group = 4, digits = 2;
      while (end < text_.size() && count < kLongest) {
        if ((text_[end] == ' ' || text_[end] == '-') && of_case(at(end + 1))) {
          if (!upper && group != 4) break;
          group = 0;
          ++end;
          continue;
        }
        if (!of_case(text_[end])) break;
        digits += is_digit(text_[end]) ? 1 : 0;
        ++group;
        ++end;
        ++count;
        if (!alnum_at(end) && count >= 15 && digits >= 8 && passes_iban(text_.substr(i, end - i))) best = end;
      }
      if (best > 0) add(i, best, "iban", "pattern");
    }
  }

  /// MAC addresses and IP addresses of version 6: groups of hexadecimal digits.
  void network_addresses() {
    const auto of_address = [](char c) { return is_hexadecimal(c) || c == ':' || c == '-'; };
    for (std::size_t i = 0; i < text_.size();) {
      const std::size_t begin = i;
      if (!of_address(text_[i])) {
        do ++i;
        while (is_alnum(text_[i - 1]) && alnum_at(i));
        continue;
      }
      while (i < text_.size() && of_address(text_[i])) ++i;
      const bool part_of_word = alnum_at(i) || (begin > 0 && is_alnum(text_[begin - 1]));
      while (alnum_at(i)) ++i;
      if (part_of_word) continue;
      std::size_t end = i;
      while (end > begin && text_[end - 1] == '-') --end;
      while (end > begin && text_[end - 1] == ':' && !(end > begin + 1 && text_[end - 2] == ':')) --end;
      const std::string_view found = text_.substr(begin, end - begin);
      if (is_mac(found)) add(begin, end, "mac", "pattern");
      else if (is_ip6(found)) add(begin, end, "ip", "pattern");
    }
  }

  std::string lower(std::size_t w) const { return characters_.lower(words_[w].begin, words_[w].end); }
  std::string_view between(std::size_t w) const { return text_.substr(words_[w].end, words_[w + 1].begin - words_[w].end); }
  /// Words with nothing but blanks, or a full stop of an abbreviation, between them.
  bool adjacent(std::size_t w) const { return w + 1 < words_.size() && (between(w) == " " || between(w) == ". "); }

  void addresses() {
    for (std::size_t w = 0; w < words_.size(); ++w) {
      if (words_[w].digits) continue;
      const std::string street = lower(w);
      if (!street_words().contains(street)) continue;
      // "12 Main Street": back over one to three words to a number.
      std::size_t first = w;
      bool found = false, capitals = words_[w].capital;
      for (std::size_t back = 1; back <= 4 && back <= w; ++back) {
        const std::size_t here = w - back;
        if (words_[here].digits) {
          const bool joined = adjacent(here) || between(here) == ", ";
          found = joined && back >= 2 && (capitals || !capitals_ || street_nouns().contains(street));
          first = here;
          break;
        }
        if (!adjacent(here) || no_street_names().contains(lower(here))) break;
        capitals = capitals && words_[here].capital;
      }
      // "Main Street 12": capitalised words before it, the number behind.
      std::size_t last = w;
      if (!found && adjacent(w) && words_[w + 1].digits && w > 0 && adjacent(w - 1) && words_[w - 1].capital) {
        first = w - 1;
        last = w + 1;
        found = true;
      }
      if (found) add(words_[first].begin, end_of_address(text_, words_[last].end), "address", "list");
    }
  }

  void postal_codes() {
    constexpr std::size_t kLongest = 4;  // "SW1A", "post"
    for (const DetailWord& word : words_) {
      if (word.digits || word.end - word.begin > kLongest) continue;
      const std::size_t code = word.capital ? end_of_postcode(text_, word.begin) : word.begin;
      const std::size_t box = lower_of(text_[word.begin]) == 'p' ? end_of_box(text_, word.begin) : word.begin;
      if (std::max(code, box) > word.begin) add(word.begin, std::max(code, box), "address", "pattern");
    }
  }

  bool initial(std::size_t w) const { return words_[w].capital && words_[w].end - words_[w].begin == 1; }
  /// The last word of a name that goes on behind word `w`: capitalised words, initials ("M.") and, before a capital,
  /// particles ("van der").
  std::size_t end_of_name(std::size_t w) const {
    const std::size_t most = all_capitals_ ? w + 1 : words_.size();
    while (w < most && adjacent(w)) {
      std::size_t next = w + 1;
      const bool stop = text_[words_[w].end] == '.';
      if (stop && !initial(w) && !title_words().contains(lower(w))) break;
      const auto particle = [&](std::size_t k) { return !words_[k].capital && adjacent(k) && between(k) == " " && name_particles().contains(lower(k)); };
      for (int k = 0; k < 3 && !stop && particle(next); ++k) ++next;
      if (!words_[next].capital) break;
      w = next;
    }
    return w;
  }

  /// The characters before word `w`, in lower case.
  std::string before(std::size_t w) const {
    constexpr std::size_t kLongestCue = 24;
    const std::size_t begin = words_[w].begin;
    return lower_of(text_.substr(begin - std::min(begin, kLongestCue), std::min(begin, kLongestCue)));
  }
  /// Whether a line ends behind character `i`.
  bool closes(std::size_t i) const {
    while (at(i) == '.' || at(i) == '!') ++i;
    return i >= text_.size() || at(i) == '\n' || at(i) == '\r';
  }

  /// Whether what stands before word `w` says that it is a name: "my name is", "call me", "Full name:"; "Dear …," and
  /// "Regards, …" where a line ends.
  bool introduced(std::size_t w) const {
    const NameCues& cues = name_cues();
    if (w == 0 || (capitals_ && !words_[w].capital) || !cues.last_words.contains(lower(w - 1)) || no_names().contains(lower(w))) return false;
    const std::string cue = before(w);
    const auto any = [&](const std::vector<std::string>& list) {
      return std::any_of(list.begin(), list.end(), [&](const std::string& end) {
        return cue.ends_with(end) && (cue.size() == end.size() || !is_alnum(cue[cue.size() - end.size() - 1]));
      });
    };
    if (any(cues.said)) return words_[w].capital || (!capitals_ && cue.ends_with("my name is "));
    if (!words_[w].capital) return false;
    const std::size_t end = words_[end_of_name(w)].end;
    return (any(cues.greetings) && (at(end) == ',' || closes(end))) || (any(cues.closings) && closes(end));
  }

  void names() {
    const auto written_small = [&](const DetailWord& word) {
      const std::string_view letters = text_.substr(word.begin, word.end - word.begin);
      return std::any_of(letters.begin(), letters.end(), [](char c) { return is_letter(c) && !is_upper(c); });
    };
    all_capitals_ = capitals_ && std::none_of(words_.begin(), words_.end(), written_small);
    named_.assign(words_.size(), false);
    const auto take = [&](std::size_t& w, std::size_t last, std::size_t end, const char* source) {
      add(words_[w].begin, end, "name", source);
      std::fill(named_.begin() + static_cast<std::ptrdiff_t>(w), named_.begin() + static_cast<std::ptrdiff_t>(last) + 1, true);
      w = last;
    };
    for (std::size_t w = 0; w < words_.size(); ++w) {
      if (words_[w].digits) continue;
      const std::string word = lower(w);
      if (title_words().contains(word) && adjacent(w) && words_[w + 1].capital) {
        const std::size_t last = end_of_name(w + 1);
        take(w, last, words_[last].end, "list");
        continue;
      }
      const std::size_t end = end_of_stem(w);
      const bool genitive = end < words_[w].end;
      const std::string stem = characters_.lower(words_[w].begin, end);
      const bool listed = names_.contains(stem) || is_double_name(w, stem);
      if (introduced(w)) {
        const std::size_t last = end_of_name(w);
        take(w, last, words_[last].end, "pattern");
        continue;
      }
      if (!listed || of_place(w)) continue;
      if (capitals_ ? !words_[w].capital : also_words().contains(stem)) continue;
      // A list name that is a word too counts at the beginning of a sentence only with a name behind it.
      const std::size_t last = capitals_ && !genitive ? end_of_name(w) : w;
      if (capitals_ && last == w && begins_sentence(w) && also_words().contains(stem)) continue;
      take(w, last, last == w ? end : words_[last].end, "list");
    }
    if (capitals_ && !all_capitals_) names_again();
  }

  /// "San Diego", "Fort Lee": the word before says that it is a place.
  bool of_place(std::size_t w) const {
    static const std::unordered_set<std::string> kBeforePlaces = {"san", "santa", "fort", "port", "mount", "lake", "cape", "los", "las", "new", "camp"};
    return w > 0 && words_[w - 1].capital && between(w - 1) == " " && kBeforePlaces.contains(lower(w - 1));
  }

  /// Where word `w` ends without an "'s".
  std::size_t end_of_stem(std::size_t w) const {
    const std::string_view word = text_.substr(words_[w].begin, words_[w].end - words_[w].begin);
    return words_[w].end - (word.size() > 2 && word.ends_with("'s") ? 2 : 0);
  }

  /// A word of a name that was found is one wherever it stands with a capital: "Mary Smith came, and Smith said"; not if the text
  /// has it in small letters too.
  void names_again() {
    if (std::find(named_.begin(), named_.end(), true) == named_.end()) return;
    std::unordered_set<std::string> parts, small;
    for (std::size_t w = 0; w < words_.size(); ++w) {
      if (words_[w].digits) continue;
      const std::string stem = characters_.lower(words_[w].begin, end_of_stem(w));
      if (!words_[w].capital) small.insert(stem);
      else if (named_[w] && stem.size() > 2 && !title_words().contains(stem) && !no_names().contains(stem)) parts.insert(stem);
    }
    for (std::size_t w = 0; w < words_.size() && !parts.empty(); ++w) {
      if (words_[w].digits || !words_[w].capital || named_[w] || of_place(w)) continue;
      const std::string stem = characters_.lower(words_[w].begin, end_of_stem(w));
      if (!parts.contains(stem) || small.contains(stem) || (begins_sentence(w) && also_words().contains(stem))) continue;
      add(words_[w].begin, end_of_stem(w), "name", "list");
    }
  }

  /// "Jean-Luc": the first of two parts is on the list, and the second has a capital too or is on it.
  bool is_double_name(std::size_t w, const std::string& word) const {
    const std::size_t hyphen = word.find('-');
    if (hyphen == std::string::npos || !names_.contains(word.substr(0, hyphen))) return false;
    const std::size_t sign = text_.find('-', words_[w].begin);
    return (sign < words_[w].end && is_upper(at(sign + 1))) || names_.contains(word.substr(hyphen + 1));
  }

  bool begins_sentence(std::size_t w) const {
    std::size_t i = words_[w].begin;
    while (i > 0 && (text_[i - 1] == ' ' || text_[i - 1] == '"' || text_[i - 1] == '\'')) --i;
    return i == 0 || text_[i - 1] == '.' || text_[i - 1] == '!' || text_[i - 1] == '?' || text_[i - 1] == '\n';
  }

  FoldedText characters_;
  std::string_view text_;
  NumberReader numbers_;
  const DetectorOptions& options_;
  const std::unordered_set<std::string>& names_;
  std::vector<Finding>& out_;
  std::vector<DetailWord> words_;
  std::vector<bool> named_;  ///< Words of the names that were found.
  bool capitals_ = false, all_capitals_ = false;  ///< Any word with one; none without.
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
    if (c != ' ' && c != '-') symbols += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  if (symbols.size() < 15 || symbols.size() > 34) return false;
  std::rotate(symbols.begin(), symbols.begin() + 4, symbols.end());
  int rest = 0;
  for (const char c : symbols) {
    if (is_digit(c)) rest = (rest * 10 + (c - '0')) % 97;
    else if (c >= 'A' && c <= 'Z') rest = (rest * 100 + (c - 'A' + 10)) % 97;
    else return false;
  }
  return rest == 1;
}

std::vector<Finding> without_overlaps(std::vector<Finding> findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    const std::size_t x = a.end - a.begin, y = b.end - b.begin;
    return x != y ? x > y : a.begin < b.begin;
  });
  std::map<std::size_t, Finding> kept;  // by where they begin: none overlap
  for (Finding& finding : findings) {
    if (finding.begin >= finding.end) continue;
    const auto behind = kept.lower_bound(finding.begin);
    if (behind != kept.end() && behind->second.begin < finding.end) continue;
    if (behind != kept.begin() && std::prev(behind)->second.end > finding.begin) continue;
    kept.emplace(finding.begin, std::move(finding));
  }
  std::vector<Finding> sorted;
  for (auto& [begin, finding] : kept) sorted.push_back(std::move(finding));
  return sorted;
}

Detector::Detector(const DetectorOptions& options, const std::vector<std::string>& given_names)
    : options_(options), given_names_(built_in_given_names()) {
  for (const std::string& name : given_names) {
    // What is no UTF-8 is no name of a text's.
    if (text::find_invalid_utf8(name) == std::string_view::npos) given_names_.insert(text::lowercase(name));
  }
}

void Detector::find(std::string_view text, std::vector<Finding>& findings) const {
  std::vector<Finding> found;
  Scan(text, options_, given_names_, found).run();
  for (Finding& finding : without_overlaps(std::move(found))) findings.push_back(std::move(finding));
}

}  // namespace discreet::mitigate
