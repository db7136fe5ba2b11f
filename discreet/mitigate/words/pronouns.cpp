#include "discreet/mitigate/words/pronouns.h"

#include <algorithm>
#include <string>
#include <unordered_set>

namespace discreet::mitigate {
namespace {

using Words = std::unordered_set<std::string_view>;

// No noun phrase begins with these after a possessive.
const Words kNeverAfterPossessive = {
    // articles, pronouns, possessives
    "the", "a", "an", "this", "that", "these", "those", "it", "its", "i", "you", "he", "she", "we", "they", "me", "us",
    "them", "my", "your", "our", "their", "him", "his", "her", "hers", "some", "any", "each", "every", "no", "none",
    "something", "anything", "nothing", "everything", "someone", "anyone", "everyone", "somebody", "anybody", "what",
    "who", "whom", "whose", "which", "where", "when", "why", "how", "whether", "enough", "both", "either", "another",
    // prepositions
    "to", "for", "from", "with", "without", "in", "into", "on", "onto", "at", "by", "of", "about", "after", "before",
    "during", "through", "throughout", "between", "among", "amongst", "against", "toward", "towards", "upon", "under",
    "underneath", "beneath", "beside", "besides", "behind", "across", "along", "around", "over", "above", "below", "via",
    "within", "until", "till", "since", "despite", "except", "near", "off", "out", "up", "per", "than", "beyond", "amid",
    // conjunctions
    "and", "or", "nor", "but", "if", "because", "as", "while", "although", "though", "unless", "whereas", "so", "yet",
    "whenever", "wherever", "lest", "whilst",
    // auxiliaries
    "is", "was", "are", "were", "be", "been", "am", "has", "have", "had", "does", "did", "do", "would", "could", "should",
    "shall", "can", "may", "might", "must", "cannot", "wo", "isn", "wasn", "didn", "doesn", "hadn", "hasn", "wouldn",
    "couldn", "shouldn", "ought", "being",
    // adverbs of place and time
    "away", "there", "here", "again", "too", "also", "not", "instead", "together", "aside", "apart", "alone", "anyway",
    "afterwards", "afterward", "somewhere", "anywhere", "elsewhere", "everywhere", "forever", "alive", "asleep", "awake",
    "anyways", "ago", "yesterday", "today", "tomorrow", "tonight", "forward", "forwards", "backwards", "upstairs", "downstairs",
    "abroad", "aboard", "ashore", "just", "even", "rather", "quite", "perhaps", "maybe", "however", "therefore", "thus",
    "hence", "otherwise", "moreover", "furthermore", "indeed", "nevertheless", "meanwhile", "always", "never", "often",
    "sometimes", "soon", "later", "earlier", "whatsoever", "altogether", "outright", "aback", "astray", "straight"};

// Part of a noun phrase after a possessive, or an adverb or particle after an object.
const Words kPlaces = {"back", "home", "down", "inside", "outside", "once", "then", "now", "right", "past", "like",
                       "still", "only", "more", "most", "all", "much", "well", "better", "less", "very", "one", "two",
                       "last", "first", "next", "free", "further", "ever", "round", "close", "such", "twice", "half",
                       "almost", "nearly", "already", "long", "left", "live", "second", "best", "open"};

// "took her home", "called her back", "sent her down": what they do is done to her.
const Words kMoving = {
    "call", "calls", "called", "calling", "bring", "brings", "brought", "bringing", "take", "takes", "took", "taken",
    "taking", "send", "sends", "sent", "sending", "drive", "drives", "drove", "driven", "driving", "walk", "walks",
    "walked", "walking", "follow", "follows", "followed", "following", "see", "saw", "seen", "get", "gets", "got",
    "getting", "gotten", "want", "wants", "wanted", "welcome", "welcomed", "invite", "invited", "hold", "holds", "held",
    "holding", "pull", "pulled", "pulling", "push", "pushed", "knock", "knocked", "let", "lets", "put", "puts", "hit",
    "hits", "carry", "carried", "carrying", "lead", "leads", "led", "chase", "chased", "escort", "escorted", "win",
    "wins", "winning", "won", "have", "keep", "keeps", "kept", "bought", "buy", "pay", "paid", "throw", "threw", "thrown",
    "drag", "dragged", "draw", "draws", "drew", "put", "leave", "leaves", "lay", "gave", "give", "gives", "given", "love",
    "loves", "loved", "loving", "hate", "hates", "hated", "treat", "treats", "treated", "trust", "set", "sets", "setting",
    "made", "make", "makes", "know", "knew", "knows", "known", "meet", "meets", "met", "kill", "kills", "killed", "beat",
    "beats", "fight", "track", "tracks", "tracked", "hunt", "cut", "shoot", "shot", "strike", "struck", "slap", "pin",
    "gun", "turn", "turned", "talk", "talked", "calm", "slow", "help", "helped", "marry", "married", "rape", "raped",
    "ask", "asked", "tell", "told", "tells", "show", "showed", "contact", "visit", "visited", "join", "joined", "about",
    "with", "against", "for", "over", "around", "behind", "past", "near", "beside", "toward", "towards"};

// "let her go", "saw her walking", "made her happy": a verb or a state may follow the object.
const Words kCausing = {
    "let", "lets", "letting", "make", "makes", "made", "making", "help", "helps", "helped", "helping", "watch", "watches",
    "watched", "watching", "see", "sees", "saw", "seen", "seeing", "hear", "hears", "heard", "hearing", "have", "has",
    "had", "having", "bid", "feel", "feels", "felt", "find", "finds", "found", "finding", "catch", "catches", "caught",
    "keep", "keeps", "kept", "keeping", "leave", "leaves", "left", "leaving", "notice", "noticed", "spot", "spotted",
    "get", "gets", "got", "getting", "want", "wants", "wanted", "show", "shows", "showed", "showing", "shown", "depict",
    "depicts", "depicting", "stop", "stopped", "prevent", "prevented", "declare", "declared", "drive", "drives", "drove",
    "set", "sets", "render", "rendered", "portray", "portrayed", "picture", "pictured", "remember", "imagine", "consider",
    "considers", "considered", "think", "thinks", "thought", "named", "name", "call", "calls", "called", "calling",
    "deem", "deemed", "appoint", "appointed", "prove", "proves", "proved", "treat", "treated", "believe", "believes", "believed", "held",
    "hold", "elected", "crowned", "dub", "dubbed", "turn", "turned", "send", "sent"};

// Verbs in their base form that are rarely nouns: after a causing verb they are what the object does.
const Words kBaseVerbs = {
    "go", "be", "do", "get", "know", "see", "come", "become", "think", "feel", "take", "give", "make", "leave", "lose",
    "keep", "tell", "say", "ask", "find", "realise", "realize", "understand", "believe", "forget", "remember", "cry",
    "laugh", "smile", "sing", "dance", "eat", "drink", "sleep", "wake", "live", "die", "kill", "escape", "learn", "grow",
    "win", "write", "read", "speak", "talk", "walk", "run", "sit", "stand", "lie", "fall", "rise", "stay", "wait",
    "look", "seem", "appear", "choose", "decide", "try", "meet", "marry", "pay", "buy", "sell", "bring", "carry", "hold",
    "break", "build", "create", "discover", "explain", "express", "join", "enter", "return", "survive", "suffer", "cope",
    "achieve", "overcome", "deal", "move", "pass", "perform", "play", "prepare", "reach", "recover", "relax", "solve",
    "start", "begin", "stop", "continue", "succeed", "swim", "teach", "travel", "turn", "use", "wear", "work", "hide",
    "hear", "watch", "accept", "admit", "agree", "regain", "earn", "develop", "obtain", "secure", "raise", "gain", "adjust"};

// States that follow an object: "made her happy".
const Words kStates = {"happy", "sad", "angry", "mad", "famous", "sick", "ill", "dead", "pregnant", "unconscious", "crazy",
                       "nervous", "uncomfortable", "popular", "unable", "able", "safe", "responsible", "ready", "sure",
                       "unhappy", "guilty", "jealous", "upset", "late", "blind", "paralyzed", "speechless", "eligible",
                       "available", "feel", "look", "appear", "seem", "aware", "laugh", "queen", "president", "captain",
                       "head", "director", "heir", "dying", "naked", "free", "wrong", "down", "satisfied", "right",
                       "fourteenth", "hostage", "king", "alive", "badly", "bad", "less", "more"};

// Verbs of saying and giving: a quotation, a clause or a thing follows the object.
const Words kTelling = {"told", "tell", "tells", "telling", "asked", "ask", "asks", "asking", "informed", "informs",
                        "inform", "advised", "advises", "persuaded", "convinced", "convinces", "warned", "warns",
                        "reminded", "reminds", "assured", "assures", "promised", "promises", "begged", "urged", "thanked",
                        "thank", "thanks", "paid", "pays", "owed", "owes", "cost", "costs", "earned", "earning", "offered",
                        "offers", "offering", "granted", "awarded", "giving", "give", "gives", "gave", "given", "teach",
                        "teaches", "taught", "sends", "bought", "buys", "wish", "wished", "bet", "charge",
                        "charged", "charges", "provide", "provides", "provided", "show", "shows", "showed", "shown",
                        "sell", "sells", "sold", "handed", "lend", "lent", "procured", "securing", "bore", "made"};

// Of these the person is the object, unless the next word is somebody of theirs.
const Words kTellingPersons = {"told", "tell", "tells", "telling", "asked", "ask", "asks", "asking", "informed", "informs",
                               "charged", "charges", "charge", "wished", "wish", "owed", "owes", "cost", "costs", "awarded",
                               "granted", "promised", "teach", "teaches", "bet"};
const Words kTheirs = {"husband", "wife", "father", "mother", "son", "daughter", "sons", "daughters", "sister", "brother",
                       "sisters", "brothers", "parents", "friend", "friends", "boyfriend", "girlfriend", "boss", "child",
                       "children", "uncle", "aunt", "family", "students", "story", "stories", "colleagues", "colleague",
                       "dad", "mom", "mum", "fans", "followers", "teacher", "teachers", "doctor", "lawyer", "team", "men",
                       "people", "agent", "fellow", "best", "new", "old", "older", "younger", "grandmother", "grandfather",
                       "cousin", "partner", "fiance", "lover", "mind", "name", "version", "side", "audience", "subjects",
                       "troops", "soldiers", "class", "mother-in-law", "age", "life", "readers", "secret", "love", "job"};

// Things given or told: "gave her money", where after other verbs the noun would be hers.
const Words kGiven = {"money", "advice", "permission", "access", "credit", "lessons", "instructions", "directions", "flowers",
                      "questions", "stories", "information", "everything", "lies", "nothing", "space", "power", "hope",
                      "comfort", "strength", "shelter", "food", "water", "medicine", "recognition", "top", "critical",
                      "international", "national", "widespread", "fame", "acclaim", "nightmares", "praise", "enough",
                      "control", "command", "time", "better", "good", "great", "bad", "respect", "feedback", "notice",
                      "thanks", "orders", "help", "tips", "bread", "incorrect", "many", "several", "lots", "various",
                      "documents", "suggestions", "identification", "goods", "relationship", "admission", "happy", "three",
                      "four", "five", "ten", "hundred"};

const Words kPrepositionsBefore = {"on", "in", "at", "to", "from", "of", "by", "into", "onto", "through", "under",
                                   "behind", "and", "with", "for", "about", "during", "upon", "over", "across"};

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 128; }
bool digit_at(std::string_view text, std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; }

std::string lower(std::string_view word) {
  std::string text(word);
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

/// The word that begins at `i`; letters and hyphens between them.
std::string_view word_at(std::string_view text, std::size_t i) {
  std::size_t end = i;
  while (end < text.size() && (letter(text[end]) || (text[end] == '-' && end > i && end + 1 < text.size() && letter(text[end + 1])))) ++end;
  return text.substr(i, end - i);
}

std::string word_before(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0 && text[end - 1] == ' ') --end;
  std::size_t begin = end;
  while (begin > 0 && letter(text[begin - 1])) --begin;
  return lower(text.substr(begin, end - begin));
}

bool ends_with(const std::string& word, std::string_view end) {
  return word.size() > end.size() + 2 && word.compare(word.size() - end.size(), end.size(), end) == 0;
}

/// What follows a pronoun.
struct Following {
  bool ends = false;    ///< Punctuation, a line's end or nothing.
  bool quoted = false;  ///< A quotation mark before the word.
  bool number = false;
  bool capital = false;
  std::string word, second;  ///< Lower case; `second` empty if punctuation comes between.
};

Following read_following(std::string_view after) {
  Following found;
  std::size_t i = 0;
  while (i < after.size() && after[i] == ' ') ++i;
  const bool apart = i > 0;
  if (i < after.size() && apart && (after[i] == '"' || after[i] == '\'' || after[i] == '`')) {
    found.quoted = true;
    while (i < after.size() && (after[i] == '"' || after[i] == '\'' || after[i] == '`')) ++i;
  } else if (apart && after.substr(i, 3) == "\xE2\x80\x9C") {
    found.quoted = true;
    i += 3;
  }
  found.number = digit_at(after, i) || (i < after.size() && after[i] == '$');
  if (found.number) return found;
  if (i >= after.size() || !apart || !letter(after[i]) || after.substr(i, 2) == "\xE2\x80") {
    found.ends = true;
    return found;
  }
  const std::string_view word = word_at(after, i);
  found.capital = word[0] >= 'A' && word[0] <= 'Z';
  found.word = lower(word);
  i += word.size();
  if (i < after.size() && after[i] == ' ' && i + 1 < after.size() && letter(after[i + 1])) {
    found.second = lower(word_at(after, i + 1));
  }
  return found;
}

/// Whether a word that is both may be part of a noun phrase here: something that a noun phrase can go on with follows.
bool goes_on(const std::string& second) { return !second.empty() && kNeverAfterPossessive.count(second) == 0; }

bool her_before_place(const std::string& verb, const Following& next) {
  const bool moving = kMoving.count(verb) > 0;
  const std::string& word = next.word;
  if (word == "back" || word == "home" || word == "inside" || word == "outside" || word == "down" || word == "round") {
    if (word == "down" || word == "inside" || word == "outside" || word == "round") return goes_on(next.second) && !moving;
    return kPrepositionsBefore.count(verb) > 0 || !moving;
  }
  if (word == "right") return next.second != "away" && next.second != "now" && next.second != "there" && next.second != "after";
  if (word == "last" || word == "first" || word == "next" || word == "second" || word == "best" || word == "left") return true;
  if (word == "one" || word == "two") return goes_on(next.second);
  if (word == "like" || word == "past" || word == "once" || word == "twice") return word == "past" && !moving && goes_on(next.second);
  if (word == "all" || word == "such" || word == "half" || word == "still" || word == "well" || word == "ever") {
    return word == "ever" && ends_with(next.second, "ing");
  }
  if (word == "open" || word == "close" || word == "live" || word == "free" || word == "long") return goes_on(next.second) || !kCausing.count(verb);
  // more, most, very, much, only, then, now, almost, nearly, already, better, less, further
  return goes_on(next.second);
}

}  // namespace

bool her_is_possessive(const PronounContext& context) {
  const Following next = read_following(context.after);
  const std::string verb = word_before(context.before);
  if (next.quoted) return kTelling.count(verb) == 0 && !next.ends;
  if (next.ends) return false;
  if (next.number) return kTelling.count(verb) == 0;
  if (next.word == "own") return true;
  if (kCausing.count(verb) > 0 && (next.word == "right" || next.word == "less" || next.word == "more")) {
    return goes_on(next.second) && next.word != "less";
  }
  if (kPlaces.count(next.word) > 0) return her_before_place(verb, next);
  if (next.word.find('-') == std::string::npos && kNeverAfterPossessive.count(next.word) > 0) return false;
  if (kCausing.count(verb) > 0) {
    if (kStates.count(next.word) > 0) return false;
    if (kBaseVerbs.count(next.word) > 0) return false;
    if (ends_with(next.word, "ing") && (next.second.empty() || kNeverAfterPossessive.count(next.second) > 0)) return false;
  }
  if (kTelling.count(verb) > 0 && kGiven.count(next.word) > 0) return false;
  if (kTellingPersons.count(verb) > 0) return kTheirs.count(next.word) > 0;
  if (ends_with(next.word, "ly") && next.word != "family" && next.word != "early" && next.word != "only" &&
      next.word != "elderly" && next.word != "lovely" && next.word != "daily" && next.word != "assembly") {
    return goes_on(next.second);
  }
  return true;
}

bool his_is_possessive(const PronounContext& context) {
  const Following next = read_following(context.after);
  if (next.ends) return false;
  if (next.quoted || next.number) return true;
  if (next.word == "own" || kPlaces.count(next.word) > 0) return next.word != "all" || goes_on(next.second);
  if (next.word.find('-') != std::string::npos) return true;
  return kNeverAfterPossessive.count(next.word) == 0;
}

}  // namespace discreet::mitigate
