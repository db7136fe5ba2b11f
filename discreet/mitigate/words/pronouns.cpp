#include "discreet/mitigate/words/pronouns.h"

#include <algorithm>
#include <initializer_list>
#include <string>

#include "discreet/mitigate/words/internal/word_classes.h"

namespace discreet::mitigate {
namespace {

using namespace internal;

/// "walking", "being"; no hyphen, as adjectives have ("long-suffering").
bool in_ing(std::string_view word) { return word.size() > 4 && word.ends_with("ing") && word.find('-') == std::string_view::npos; }
bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}
bool ends_with(std::string_view word, std::string_view end) { return word.size() > end.size() + 2 && word.ends_with(end); }

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 128; }
bool digit_at(std::string_view text, std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; }

std::string lower(std::string_view word) {
  std::string text(word);
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

/// The word that begins at `i`; letters, and hyphens or an apostrophe between them.
std::string_view word_at(std::string_view text, std::size_t i) {
  std::size_t end = i;
  while (end < text.size() && (letter(text[end]) || (text[end] == '-' && end > i && end + 1 < text.size() && letter(text[end + 1])))) ++end;
  return text.substr(i, end - i);
}

/// The word that ends a text, and what is left before it. Empty behind punctuation.
std::string take_last_word(std::string_view& text) {
  std::size_t end = text.size();
  while (end > 0 && text[end - 1] == ' ') --end;
  std::size_t begin = end;
  while (begin > 0 && letter(text[begin - 1])) --begin;
  const std::string word = lower(text.substr(begin, end - begin));
  text = text.substr(0, begin);
  return word;
}

/// What follows a pronoun.
struct Following {
  bool ends = false;     ///< Punctuation, a line's end or nothing.
  bool quoted = false;   ///< A quotation mark before the word.
  bool number = false;
  std::string counted;   ///< What the number counts: "times", "years", "%".
  bool capital = false;  ///< "Robin", "The": not all letters.
  bool genitive = false;  ///< An apostrophe behind the third: "and her children's".
  std::string word, second, third;  ///< Lower case; empty if punctuation comes between.
};

std::size_t quote_at(std::string_view text, std::size_t i) {
  if (i >= text.size()) return 0;
  if (text[i] == '"' || text[i] == '\'' || text[i] == '`') return 1;
  return text.substr(i, 3) == "\xE2\x80\x9C" || text.substr(i, 3) == "\xE2\x80\x98" ? 3 : 0;
}

/// The other half of "her/his" and "his or her", which says what this half does: how many bytes it takes, or 0.
std::size_t alternative_at(std::string_view after) {
  if (after.empty() || after[0] != '/') return 0;
  const std::string word = lower(word_at(after, 1));
  return is_one_of(word, {"her", "his", "hers", "their", "my", "your"}) ? 1 + word.size() : 0;
}

/// What digits at `i` count: "times", "years", "%"; empty for a "3rd" and for what no word follows.
std::string counted_at(std::string_view after, std::size_t i) {
  while (i < after.size() && (digit_at(after, i) || after[i] == '.' || after[i] == ',')) ++i;
  const bool more = i + 2 < after.size() && after[i + 1] == ' ' && letter(after[i + 2]);  // "her 30% share"
  if (i < after.size() && after[i] == '%') return more ? "" : "%";
  return i < after.size() && after[i] == ' ' ? lower(word_at(after, i + 1)) : std::string();
}

Following read_following(std::string_view after) {
  Following found;
  after.remove_prefix(alternative_at(after));
  std::size_t i = 0;
  while (i < after.size() && after[i] == ' ') ++i;
  const bool apart = i > 0;
  for (std::size_t n = 0; apart && (n = quote_at(after, i)) > 0; i += n) found.quoted = true;
  found.number = digit_at(after, i) || (i < after.size() && after[i] == '$');
  if (found.number) {
    found.counted = counted_at(after, i);
    return found;
  }
  if (i >= after.size() || !apart || !letter(after[i]) || after.substr(i, 2) == "\xE2\x80") {
    found.ends = true;
    return found;
  }
  const std::string_view word = word_at(after, i);
  found.capital = word[0] >= 'A' && word[0] <= 'Z' && (word.size() == 1 || !(word[1] >= 'A' && word[1] <= 'Z'));
  found.word = lower(word);
  i += word.size();
  for (std::string* next : {&found.second, &found.third}) {
    if (i < after.size() && after[i] == ' ' && digit_at(after, i + 1)) {
      *next = "0";  // "his late 40s"
      break;
    }
    if (i + 1 >= after.size() || after[i] != ' ' || !letter(after[i + 1]) || after.substr(i + 1, 2) == "\xE2\x80") break;
    const std::string_view more = word_at(after, i + 1);
    *next = lower(more);
    i += 1 + more.size();
    found.genitive = i < after.size() && (after[i] == '\'' || after.substr(i, 3) == "\xE2\x80\x99");
  }
  return found;
}

/// Whether `word` may go on a noun phrase: a noun or an adjective, no function word.
bool goes_on(const std::string& word) {
  static const WordClass kNoMore(
      "now then like once right still back home inside outside down all later earlier anymore better more already "
      "much long alive often always never ever");
  return !word.empty() && !kFunctionWords.has(word) && !kNoMore.has(word);
}

/// "soooo", "sooo".
bool drawn_out(const std::string& word) { return word.size() > 2 && word[0] == 's' && word.find_first_not_of('o', 1) == std::string::npos; }

bool her_before_adverb(const std::string& verb, const Following& next) {
  const std::string& word = next.word;
  const std::string& second = next.second;
  const bool behind_preposition = kPrepositions.has(verb), behind_be = kBe.has(verb);
  if (word == "back") {
    static const WordClass kWhither("to into in from then again home together");
    static const VerbClass kOfBacks("hurt break injure wrench strain arch rub scratch wash pat cover", "broke broken");
    if (verb.starts_with("turn")) return !kWhither.has(second) || second == "to";
    if (kOfBacks.has(verb)) return true;
    return !kMoving.has(verb) && (verb.empty() || behind_preposition || !kWhither.has(second));
  }
  if (word == "home") return !kHomeward.has(verb);
  if (is_one_of(word, {"down", "inside", "outside", "round", "forward"})) return goes_on(second) && behind_preposition;
  if (word == "right" && behind_be && second.empty()) return true;
  if (word == "right" || word == "left") {
    return goes_on(second) || (behind_preposition && verb != "with") || (second == "to" && !kChanging.has(verb));
  }
  if (word == "past") return !kMoving.has(verb);
  if (word == "best") return second.empty() || goes_on(second) ? !kKnowing.has(verb) : !kKnowing.has(verb) && verb != "to";
  if (word == "all") return verb == "it" || (second != "the" && second != "of" && goes_on(second) && behind_preposition && verb == "of");
  if (word == "just") return is_one_of(second, {"desert", "deserts", "desserts", "reward", "rewards", "cause", "punishment"});
  const bool compared = is_one_of(word, {"more", "less", "most", "very", "even", "quite", "rather"});
  const bool closed_third = next.third.empty() || kFunctionWords.has(next.third) || kAdverbs.has(next.third);
  if (compared && (kChanging.has(verb) || word == "even") && closed_third && second != "own" && second != "best") return false;
  const bool amount = is_one_of(word, {"more", "less", "very"}) && !is_one_of(second, {"own", "best", "first"});
  if (amount && kGiving.has(verb)) return false;
  if (word == "one" && (is_one_of(second, {"and", "on", "true"}))) return true;
  if (is_one_of(word, {"one", "two", "three"})) return goes_on(second) && !kTimes.has(second) && !kTimes.has(next.third) && !(kGiving.has(verb) && !behind_be);
  if (word == "last" || word == "next") {
    static const WordClass kWhen("in on during until after before from throughout since of");
    const bool a_time = kTimes.has(second) && !goes_on(next.third) && !second.ends_with('s') && !kWhen.has(verb);
    return !a_time && second != "to" && (!second.empty() || behind_be || behind_preposition);
  }
  if (is_one_of(word, {"first", "second", "third"})) {
    static const WordClass kScoring("score scores scored scoring win wins won winning earn earned record recorded publish published release released");
    return goes_on(second) || behind_be || verb.empty() || (behind_preposition && verb != "to") || second == "of" || second == "ever" ||
           kScoring.has(verb);
  }
  if (word == "like") return second == "will";
  if (word == "soon") return second == "to" && next.third == "be";
  if (word == "well") {  // "his well known poems"
    return (ends_with(second, "ed") || is_one_of(second, {"known", "written", "earned", "drawn", "made", "meaning"})) && goes_on(next.third);
  }
  if (word == "long" && behind_preposition && second.empty()) return true;
  if (is_one_of(word, {"such", "half", "alive", "far", "hard"})) {
    return (word == "half" && (second == "brother" || second == "sister")) || (word == "hard" && goes_on(second) && !second.ends_with("er"));
  }
  if (is_one_of(word, {"open", "close", "live", "free", "long", "early", "late", "fast"})) {
    return goes_on(second);
  }
  if (word == "very" && (is_one_of(second, {"much", "well", "often"}))) return false;
  if (word == "better" && second == "than") return false;
  if (word == "most" && second == "of") return false;
  if (word == "only" && second == "0") return false;
  if (word == "only" && kGiving.has(verb)) return false;
  if (word == "very" && (ends_with(second, "ly") || second == "little") && !goes_on(next.third)) return false;
  return goes_on(second);
}

/// Whether what follows is a verb that the object does: "made her cry", "have her call me".
bool follows_infinitive(const std::string& verb, const Following& next) {
  const bool closed = next.second.empty() || kFunctionWords.has(next.second) || kAdverbs.has(next.second);
  if (kBaseVerbs.has(next.word) || ends_with(next.word, "ize") || ends_with(next.word, "ise") || ends_with(next.word, "ify")) return true;
  const bool made = is_one_of(verb, {"make", "makes", "made", "making"}) || verb.starts_with("let") || verb.starts_with("help");
  if (made && kSenses.has(next.word)) return true;
  if (next.word == "play" && !next.second.empty() && next.second != "is" && next.second != "was") return true;
  if (kVerbsOrNouns.has(next.word)) {
    if (verb.starts_with("ma") && is_one_of(next.word, {"escape", "return", "move", "kick"})) return false;
    if (verb.starts_with("help") && goes_on(next.second)) return true;
    // "see her work" may be either; "see her work of" is none of hers.
    const bool seen = verb.starts_with("watch") || verb.starts_with("see") || verb == "saw";
    static const WordClass kSeenThings("face show look return cover cast step report test use");
    const bool work_of = next.word == "work" && !next.second.empty();
    const bool thing_ends = next.second.empty() || is_one_of(next.second, {"and", "in", "of", "at", "i", "is", "was", "has", "had"});
    if (seen && (work_of || kSeenThings.has(next.word)) && thing_ends) return false;
    return closed && next.second != "of";
  }
  const bool plural = next.word.ends_with('s') && !next.word.ends_with("ss");
  if (verb.starts_with("let")) return closed && !plural && !kNotLet.has(next.word) && !kTheirs.has(next.word);
  // An object of its own follows: no noun phrase goes on with an article or a pronoun.
  return kPronounsAndArticles.has(next.second) && !is_one_of(next.second, {"that", "all", "who"}) && !plural &&
         !kTheirs.has(next.word) && !is_one_of(next.word, {"way", "character", "part"});
}

bool is_state(const std::string& word) {
  if (kStates.has(word)) return true;
  if (ends_with(word, "ier") && kStates.has(word.substr(0, word.size() - 3) + "y")) return true;
  if (ends_with(word, "er") && (kStates.has(word.substr(0, word.size() - 2)) || kStates.has(word.substr(0, word.size() - 1)))) return true;
  for (const std::string_view ending : {"able", "ible", "less", "ous", "ful", "ish", "ated", "ized", "ised", "minded"}) {
    if (ends_with(word, ending)) return true;
  }
  return false;
}

/// Behind a verb of telling: "told her neighbour to wait", or "told her dinner was ready".
bool told_is_theirs(const Following& next) {
  static const WordClass kFinite(
      "is was are were has had have will would can could may might should does did do must s");
  static const WordClass kBehindPerson("to that about how if what why who where when not");
  if (kFinite.has(next.second)) return false;
  if (kTheirs.has(next.word)) return true;
  if (kGiven.has(next.word)) return false;
  for (const std::string* word : {&next.second, &next.third}) {
    if (kFinite.has(*word)) return false;
    if (kBehindPerson.has(*word)) return true;
  }
  return !next.capital;
}

}  // namespace

bool her_is_possessive(const PronounContext& context) {
  const Following next = read_following(context.after);
  std::string_view rest = context.before;
  std::string verb = take_last_word(rest);
  if (std::string_view earlier = rest; verb == "given" && take_last_word(earlier).empty()) verb = "with";  // "Given her past, ..."
  const bool giving = kGiving.has(verb), telling = kTelling.has(verb);
  const bool taking = is_one_of(verb, {"take", "takes", "took", "taken", "taking"});
  if (next.quoted) return !next.ends && !giving && !telling && !kNaming.has(verb);
  if (next.ends) return false;
  if (next.number) {
    if (is_one_of(next.counted, {"times", "percent", "%"})) return false;  // "hit her 3 times"
    if (kTimes.has(next.counted) && taking) return false;
    return !giving || verb.starts_with("sell") || verb == "sold";
  }
  const std::string &word = next.word, &second = next.second;
  const bool closed = second.empty() || kFunctionWords.has(second) || kAdverbs.has(second);
  if (word == "own") return true;
  // A title: "her The Waste Land"; "called her Ann".
  if (next.capital && kNaming.has(verb)) return false;
  if (next.capital && telling) return kTheirs.has(word);
  if (next.capital && kFunctionWords.has(word) && word != "i" && !verb.empty()) return true;
  if (kDays.has(word)) return !(second.empty() || kFunctionWords.has(second) || kTimes.has(second));
  if (word == "and" || word == "or") {
    // "her and my parents", "her and her children's care", but "for her and my parents".
    if (word == "or" && second == "his" && goes_on(next.third)) return true;  // "her or his book"; "him or his" would be "her or her"
    return kPossessives.has(second) && (next.genitive || verb.empty() || kBe.has(verb));
  }
  if (drawn_out(word)) return false;
  if (kTimes.has(word) && (is_one_of(second, {"ago", "later", "earlier"}))) return false;
  const bool changing = kChanging.has(verb);
  const bool causing = kCausing.has(verb) || (verb == "to" && take_last_word(rest).starts_with("listen"));
  if (ends_with(word, "ly") && second == "being") return false;
  if ((changing || causing) && closed && (is_state(word) || ends_with(word, "ed"))) return false;
  if ((changing || causing) && ends_with(word, "ly") && (is_state(second) || in_ing(second)) && !goes_on(next.third)) return false;
  static const WordClass kCounts("two three four five six seven eight nine ten twelve fifteen twenty thirty forty fifty several many");
  if (kCounts.has(word) && taking) return false;
  if (kCounts.has(word) && (second == "times" || next.third == "times")) return false;
  if (word == "every" && kCounts.has(second)) return false;
  if (word == "one" && second == "way") return false;
  if (word == "every" && goes_on(second) && !kTimes.has(second) && second != "time") return true;
  if (word == "so" && (second == "called" || second == "called-")) return true;
  if (word == "not" && second == "so") return true;
  if (word == "several" && kTimes.has(second)) return false;
  if (!next.third.empty() && next.third == word && kPrepositions.has(second)) return false;  // "face to face"
  if (word == "time" && second == "and") return false;
  if (kAdverbs.has(word)) return her_before_adverb(verb, next);
  const bool hyphen = word.find('-') != std::string::npos;
  if (kFunctionWords.has(word) && !(hyphen && goes_on(second)) && !(word == "o" && next.capital)) return false;
  if (word == "cause" && is_one_of(second, {"i", "he", "she", "it", "they", "we", "you"})) return false;
  if (verb.starts_with("do") || verb == "did") {
    static const WordClass kDone("good wrong harm honour honor homage evil justice hurt ill shame courtesies");
    if (kDone.has(word) && !goes_on(second)) return false;
  }
  if (word == "will" && kBaseVerbs.has(second)) return false;
  if (causing && follows_infinitive(verb, next)) return false;
  if (kAppointing.has(verb) && kOffices.has(word) && !(word == "major" && second == "league")) return false;
  // "him playing the game", "him talking": no noun phrase goes on so.
  static const WordClass kObjectsBegin("the a an his her its their my your it them me us him out up off away down around");
  static const WordClass kNeverNouns(
      "going getting doing taking holding trying giving looking using convincing regarding during including concerning");
  if (in_ing(word) && !verb.empty() && (kObjectsBegin.has(second) || kNeverNouns.has(word))) return false;
  const bool middle = causing || changing || kPrepositions.has(verb) || verb == "as" || verb == "and" || kPicturing.has(verb);
  // "his hiring.", "his posting and": of a noun; "of him making a film" of what he does.
  const bool noun_ends = second.empty() || is_one_of(second, {"or", "and", "of", "is", "was", "that"});
  if (kPrepositions.has(verb) && verb != "with" && noun_ends && in_ing(word) && word != "being") return true;
  static const WordClass kWithClause("with of about as to like on despite without by from");
  if (middle && in_ing(word)) {
    const bool clause = closed || word == "being" || causing || kPicturing.has(verb) || kWithClause.has(verb);
    const bool caught = closed && (causing || kCatching.has(verb)) && second != "of";
    if (clause && (caught || !kIngNouns.has(word))) return false;
  }
  if (giving && kGiven.has(word)) return false;
  if (ends_with(word, "ly") && !kLyNotAdverbs.has(word)) return goes_on(second) && second != "0" && !ends_with(second, "ly");
  if (telling) return told_is_theirs(next);
  return true;
}

bool his_is_possessive(const PronounContext& context) {
  const Following next = read_following(context.after);
  if (next.ends) return false;
  if (next.quoted || next.number) return true;
  const std::string &word = next.word, &second = next.second;
  if (word == "own" || word.find('-') != std::string::npos) return true;
  std::string_view rest = context.before;
  const std::string before = take_last_word(rest);
  if (word == "and" || word == "or") return kPossessives.has(second);
  // "The house is his now", "a friend of his called", "His came first".
  const bool closed = second.empty() || kFunctionWords.has(second);
  if (kBe.has(before) && closed && (is_one_of(word, {"now", "first", "then", "again", "still", "alone"}))) return false;
  if (before == "of" && second.empty() && ends_with(word, "ed")) return false;
  static const WordClass kFinite("came went won lost got took made said fell left arrived failed survived");
  if (before.empty() && kFinite.has(word)) return false;
  if (kAdverbs.has(word)) return word != "all" || goes_on(second);
  return !kFunctionWords.has(word);
}

}  // namespace discreet::mitigate
