#include "discreet/mitigate/words/pronouns.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <unordered_set>

namespace discreet::mitigate {
namespace {

/// Parts of a literal, views of it.
template <class Act>
void each_between_blanks(std::string_view words, const Act& act) {
  for (std::size_t i = 0; i < words.size();) {
    const std::size_t end = std::min(words.find(' ', i), words.size());
    if (end > i) act(words.substr(i, end - i));
    i = end + 1;
  }
}

/// A closed class of words, written with blanks between them.
class WordClass {
 public:
  explicit WordClass(std::string_view words) {
    each_between_blanks(words, [this](std::string_view word) { words_.insert(word); });
  }
  bool has(std::string_view word) const { return words_.count(word) > 0; }

 private:
  std::unordered_set<std::string_view> words_;
};

/// "walking", "being"; no hyphen, as adjectives have ("long-suffering").
bool in_ing(std::string_view word) { return word.size() > 4 && word.ends_with("ing") && word.find('-') == std::string_view::npos; }
bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}
bool ends_with(std::string_view word, std::string_view end) { return word.size() > end.size() + 2 && word.ends_with(end); }

/// A class of verbs: the forms of regular ones by rule (walk, walks, walked, walking; stop, stopped; make, making; carry,
/// carries), and irregular forms as they are.
class VerbClass {
 public:
  VerbClass(std::string_view base, std::string_view irregular) {
    each_between_blanks(irregular, [this](std::string_view form) { forms_.emplace(form); });
    each_between_blanks(base, [this](std::string_view word) {
      const std::string verb(word);
      for (const char* ending : {"", "s", "es", "ed", "d", "ing"}) forms_.insert(verb + ending);
      const std::string stem = verb.substr(0, verb.size() - 1);
      if (verb.back() == 'e') forms_.insert(stem + "ing");
      if (verb.back() == 'y') forms_.insert({stem + "ies", stem + "ied"});
      for (const char* ending : {"ed", "ing"}) forms_.insert(verb + verb.back() + ending);
    });
  }
  bool has(const std::string& word) const { return forms_.count(word) > 0; }

 private:
  std::unordered_set<std::string> forms_;
};

// No noun phrase begins with these after a possessive: what stands before them is an object.
const WordClass kFunctionWords(
    // articles, pronouns, possessives
    "the a an this that these those it its i you he she we they me us them my your our their him his her hers some any each "
    "every no none something anything nothing everything someone anyone everyone somebody anybody nobody everybody what "
    "who whom whose which where when why how whether enough both either neither another himself herself itself themselves "
    "myself yourself ourselves "
    // prepositions
    "to for from with without in into on onto at by of about after before during through throughout between among amongst "
    "against toward towards upon under underneath beneath beside besides behind across along around over above below via "
    "within until till since despite except near off out up per than beyond amid regardless according alongside atop "
    // conjunctions
    "and or nor but if because as while although though unless whereas so yet whenever wherever lest whilst coz cuz "
    // auxiliaries
    "is was are were be been am has have had does did do would could should shall can may might must cannot wo isn wasn "
    "didn doesn hadn hasn wouldn couldn shouldn ought ain aint "
    // finite forms of verbs that are neither nouns nor adjectives
    "made makes said says went goes got gets took takes came comes knew knows told tells seems seemed became becomes began died chose "
    "begins died chose wrote gave gives asks thinks fell sits ran saw sees wants "
    // adverbs of place, time and manner
    "away there here again too also not etc sooner somehow somewhat instead together aside apart alone anyway afterwards "
    "afterward somewhere anywhere "
    "elsewhere everywhere forever asleep awake anyways ago yesterday today tomorrow tonight backwards upstairs downstairs "
    "abroad aboard ashore maybe however therefore thus hence otherwise moreover furthermore indeed nevertheless meanwhile "
    "sometimes someday whatsoever altogether outright aback astray straight anymore twice self beforehand nonetheless "
    "nevertheless halfway upside goodnight onscreen on-screen offscreen off-screen nonstop unharmed lately "
    // of chat
    "lol lmao omg pls plz tho btw idk ily tbh imo thx thanks yes yeah hi hello please");

// Function words that a noun phrase may begin with after a possessive, and adverbs or particles of an object: the word
// behind them tells.
const WordClass kAdverbs(
    "then now still only more most much well better best less least very further ever almost nearly already long "
    "later earlier rather quite always often never just even equally perhaps once really truly back home inside "
    "outside down round right past like all such half free close open live left one two three last first next "
    "second third forward prior worse hard alive early late fast far near soon");

const WordClass kPronounsAndArticles(
    "the a an this that these those it its me us you them my your our their him his himself herself something "
    "anything everything nothing someone everyone all another what who how");
const WordClass kParticles(
    "up down out off away back over around through in into on onto to for from with at by about against along "
    "across together again alone and or but as until till when while if than that so because before after behind "
    "under towards toward without within upon like too there here now then");

// What a person does who is seen, heard, helped or made to: "let her go".
const VerbClass kCausing(
    "let make help watch see hear have feel notice observe witness bid",
    "made making saw seen heard had has felt letting lets");
// What someone becomes: "made her happy", "shot her dead".
const VerbClass kChanging(
    "make keep leave find drive call consider think deem render get turn want prove declare need like name elect "
    "appoint crown hold set knock strike shoot blast beat paint dub label send catch have see show believe feel "
    "bring suspect imagine judge place pronounce scare bore work rip kiss strip eat bury",
    "made kept left found drove driven thought got gotten held struck shot caught sent had has saw seen making "
    "leaving driving having");
const VerbClass kCatching("catch find leave", "caught found left leaving");
const VerbClass kPicturing(
    "picture recall remember involve imagine mind mean include risk accept mention represent prevent stop show feature "
    "portray depict spot dig interrupt meet", "meant met");
const VerbClass kNaming("call name dub nickname christen rename rechristen label crown brand", "");
const VerbClass kAppointing(
    "make elect appoint name crown declare proclaim consider call vote designate",
    "made making");
// A person and a thing follow: "gave her flowers".
const VerbClass kGiving(
    "give send buy offer pay hand lend owe sell teach show serve feed fine write read grant award wish promise "
    "bring cost earn fetch pour loan deny allow afford assign guarantee provide supply toss win bet save throw slip "
    "extend fix cook "
    "cause make build bake procure secure bequeath accord render",
    "gave given sent bought paid lent sold taught shown brought wrote written won threw made giving making building "
    "fed");
// Of these the person is the object, unless a word of theirs follows.
const VerbClass kTelling(
    "tell ask inform remind warn assure advise persuade convince promise beg urge thank notify",
    "told");

const VerbClass kHomeward(
    "drive take bring send walk follow see get invite welcome carry call escort lead drag fly let allow want help "
    "lure",
    "drove took taken brought sent saw got led flew lets");
// "took her home", "called her back", "led her past": what they do is done to her.
const VerbClass kMoving(
    "walk drive take lead push run get guide rush send move pass wave pull drag follow bring call see want welcome "
    "invite hold knock let put hit carry chase escort win have keep buy pay throw draw leave lay give love hate "
    "treat trust set make know meet kill beat fight track hunt shoot strike slap pin turn talk calm help marry ask "
    "tell show contact visit join stick text write order vote allow haunt snap fly ship summon recall trick lure "
    "bite ease scare nurse drop miss",
    "drove took led ran got sent brought called saw seen held hit won had kept bought paid threw drew left laid "
    "gave given made knew met beat fought shot struck told stuck wrote written let lets flew bit");
const VerbClass kKnowing("know love like suit serve remember describe fit please treat think", "knew thought");

const WordClass kPrepositions(
    "on in at to from of by into onto through under behind with for about during upon over across against between "
    "among near beside besides around like without towards toward after before except than");
const WordClass kPossessives("her his my your our their");
const WordClass kBe("is was are were be been being am isn't wasn't 's");

// Base forms of verbs that are no nouns: after a causing verb they are what the person does.
const WordClass kBaseVerbs(
    "go be do get know see come become think feel take give make leave lose keep tell say ask find realise realize "
    "understand believe forget remember sing eat die learn grow write read speak sit seem appear choose decide meet "
    "marry buy sell bring carry create discover explain express join enter survive suffer achieve overcome perform "
    "prepare reach recover relax solve begin continue succeed teach hide hear accept admit agree regain earn "
    "develop obtain secure adjust apologise apologize disappear vanish defeat destroy avoid identify locate "
    "investigate remove rob steal commit beat drown bleed undress explore expand avenge adapt improve maintain "
    "manage prove confront convince defend deliver demonstrate acquire assemble attain conquer deceive defuse "
    "demolish dig dispose distinguish endure establish evade evolve fend flee forgive fulfil fulfill gather heal "
    "infiltrate kidnap melt navigate negotiate set prevail spend suppress squirm relive resist retrieve organise "
    "organize overthrow possess publish pursue rebuild reconnect recreate reveal seduce settle stumble succumb "
    "reproduce imitate recite glow stagnate swear listen behave breathe confess cooperate crumble describe pretend "
    "preach proceed protect react refuse reject resolve respond reunite seek sneak starve suffocate whine ponder engage "
    "participate tremble throw wrestle "
    "transition translate unleash unite vomit wander weep agonise agonize traverse gulp hoist submit retire essay");
// Base forms that are nouns too: of a verb the object, a particle or the end follows.
const WordClass kVerbsOrNouns(
    "cry win stand fall rise stay wait try pay hold break build escape swim travel wear deal cope look scream shout "
    "yell open drop follow fight kill catch chase save rescue finish sign call pack rest study focus sleep cook "
    "wash shave shower clean dress walk talk run jump laugh smile drink smoke dance play live work move turn act "
    "sound throw put pull push pick grab cut shoot hit kick punch fly blow burn drive lead lift launch guide handle "
    "hang hunt fix ride shine sink struggle support surrender transform wonder raise gain progress promote complete "
    "direct love face return start stop plan step touch use hope dream answer attack test search vote kiss hug "
    "visit need want care strip rush trace track rule share shed swing taste trap grieve cheat crawl climb control "
    "cross cover crash cast drift dive crush roll rock report race release roam bear lie lay pass rot sense ramble "
    "count argue come tie kneel lean set pop knock patch capture witness score interact dispatch venture train "
    "install develop");
const WordClass kSenses("look feel seem appear sound");
// Of someone who is let do something these are not what is done.
const WordClass kNotLet(
    "hair guard imagination anger hand hands mind body voice heart career past ego work emotions feelings temper "
    "fears");

// States of someone who is made, kept, found, left or wanted so.
const WordClass kStates(
    "happy sad angry mad proud busy warm cold cool sick ill dead pregnant crazy insane nervous popular unable able "
    "safe ready sure unhappy guilty jealous upset blind speechless aware naked wrong alive bad mortal hot quiet "
    "calm strong weak stronger weaker slower faster better worse happier rich poor famous human likable likeable "
    "lovable believable invincible gay straight bitter furious brave rude strange charming innocent interesting "
    "funny hilarious obnoxious mental bloody cynical sympathetic annoying attractive irresistible repulsive "
    "vulnerable suspicious homeless helpless hopeless useless worthless powerless sleepless childless harmless "
    "penniless lost gone captive prisoner hostage available eligible responsible sober clean dirty wet dry thirsty "
    "hungry tired sleepy bored lonely comfortable uncomfortable satisfied dumb stupid smart cute ugly beautiful "
    "handsome boring dull sane immortal invisible irrelevant heroic tragic radioactive unconscious unprotected "
    "unarmed unemployed unharmed frustrated hospitalized hospitalised paralyzed paralysed paralytic dying serious "
    "company accountable liable prone worthy welcome tough evil friendless susceptible incapable capable afraid "
    "ashamed short locked stuck tied trapped caught killed arrested fired hooked released involved committed "
    "expelled thrown drunk ineligible redundant unfit fit certain different similar equal superior inferior silent "
    "content deaf lame excellent healthy simple perfect paranoid stiff easy misunderstood laid lazy close god "
    "subject senseless busted suspect unpopular unwelcome anxious curious desperate restless sore out");
const WordClass kOffices(
    "captain king queen president mayor governor chief chairman chairwoman chair head director manager minister "
    "secretary ambassador archbishop bishop cardinal pope abbot abbess duke duchess earl count countess baron "
    "prince princess emperor empress heir heiress leader commander general colonel lieutenant sergeant admiral "
    "major marshal viceroy consul dean professor editor coach deputy vice senator sheriff judge treasurer regent "
    "sultan poet laureate champion sole honorary part master mistress lord lady sir names member guardian partner "
    "executor godfather godmother");

// People and things of someone, which are told, asked, taught: "told her sister".
const WordClass kTheirs(
    "husband wife father mother son daughter sons daughters sister brother sisters brothers parents friend friends "
    "boyfriend girlfriend boss child children kid kids uncle aunt family student students story stories colleagues "
    "colleague dad mom mum fans followers teacher teachers doctor lawyer team men people agent fellow best new old "
    "older younger eldest youngest grandmother grandfather grandson granddaughter grandchildren cousin partner "
    "fiance lover mind name version side audience subjects troops soldiers class mother-in-law father-in-law age "
    "life readers reader secret secrets love job neighbour neighbor neighbours neighbors landlord landlady "
    "secretary employer employers guardian guardians manager assistant clients client patients patient staff crew "
    "players opinion permission advice help company companion companions country tale tales own ex employees "
    "workers viewers listeners master maid nurse servant servants officers nephew niece roommate buddy buddies pal "
    "pals therapist psychiatrist superiors superior forgiveness blessing hand leave views view wish request appeal "
    "constituents supporters phone laptop battery card credit future fortune former coach teammates congregation "
    "disciples host guests guest biographer publisher attorney");
// Things that are given or told to someone: "gave her money".
const WordClass kGiven(
    "money advice permission access credit lessons instructions directions flowers questions stories information "
    "lies space power hope comfort strength shelter food water medicine recognition top critical international "
    "national widespread fame acclaim nightmares praise control command time better good great bad respect feedback "
    "notice orders help tips bread incorrect many several lots various documents suggestions identification goods "
    "admission three four five six seven eight nine ten twenty thirty fifty one hundred thousand thousands millions "
    "hundreds dozens chocolate chocolates meat soup dinner lunch breakfast tea coffee drinks roses pictures photos "
    "letters jokes papers rent luck happiness success homework clothes french english latin music math mathematics "
    "confidence freedom support medical legal financial free full extra false more less immediate political "
    "religious detailed explicit super super-strength superhuman two courage love loving toughness influence "
    "immunity asylum citizenship custody ownership possession protection refuge sanctuary insight inspiration "
    "pleasure joy pain grief trouble hell sex ice cake candy presents gifts tickets books toys names messages "
    "emails cards anonymous blood milk wine beer whiskey sugar poison drugs pills magic magical special secret "
    "evidence proof reason reasons chance chances entry entrance knowledge wisdom victory honours honors awards "
    "status first second joint sole temporary instant further additional considerable due just enough greater much "
    "private public mutual nothing cash change food's bonus points props kudos notes shit crap attention affection "
    "respite employment kindness death relief peace closure redemption dignity plenty unconditional residual hints clues "
    "leeway "
    "only numerous email innings justification visions permissions jobs mercy concern military mail comments "
    "congratulations ur happy justice immortality shame satisfaction tasks air immense notoriety");

const WordClass kTimes(
    "night week month year time summer winter spring autumn fall weekend morning evening afternoon monday tuesday "
    "wednesday thursday friday saturday sunday january february march april june july august september october "
    "november december day days hours minutes seconds weeks months years decade decades century christmas easter");
const WordClass kDays("monday tuesday wednesday thursday friday saturday sunday");

// Nouns in -ing: of others a person in the middle of doing something is as likely.
const WordClass kIngNouns(
    "acting writing painting training wedding singing directing upbringing feeling feelings meaning building "
    "standing timing clothing understanding drawing recording ending beginning opening teaching dancing hearing "
    "thinking reading living cooking coming undoing calling ring king thing string wing spring morning evening "
    "darling sibling offspring bearing bidding blessing breathing briefing casting ceiling coaching crossing daring "
    "dealing dealings dying earning earnings failing failings finding findings funding gambling gathering greeting "
    "handling handwriting hunting imprisoning killing landing learning leaning listing lodging lodgings longing "
    "looting making marketing meeting moaning murdering offering outing passing pleading playing preaching pricing "
    "programming ranking rating reasoning reckoning ruling running saying schooling scoring screaming serving "
    "setting showing sitting skating smoking snoring speaking spelling stealing storytelling styling suffering "
    "surroundings swimming talking testing touring trading turning underwing upcoming uprising viewing voting "
    "waiting walking warning winning working aging ageing everlasting remaining existing following starring leading "
    "supporting loving growing burning missing unwavering unending annoying amazing outstanding charming boring "
    "interesting touching moving hanging hiring fielding batting posting drooling ongoing surviving ailing "
    "continuing budding burgeoning developing striking enduring lasting increasing commanding preceding flying "
    "fighting swinging sweeping rambling stunning surprising shocking disturbing haunting captivating exciting "
    "thrilling overbearing conniving doting adoring unsuspecting scheming cheating struggling abiding unfailing "
    "pending impending opposing competing rising flowing piercing glowing shining driving underlying convincing "
    "compelling riveting endearing revealing sailing fishing boxing wrestling hitting pitching fencing riding "
    "parenting mothering sleeping drinking gaming publishing banking engineering broadcasting shooting lightning "
    "tracking sting swing fling sling bling cling forthcoming uncaring enchanting sneering pairing questioning "
    "gaining staging scaffolding coping patronizing swashbuckling felling bullying");

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
  bool capital = false;  ///< "Robin", "The": not all letters.
  bool genitive = false;  ///< An apostrophe behind the third: "and her children's".
  std::string word, second, third;  ///< Lower case; empty if punctuation comes between.
};

std::size_t quote_at(std::string_view text, std::size_t i) {
  if (i >= text.size()) return 0;
  if (text[i] == '"' || text[i] == '\'' || text[i] == '`') return 1;
  return text.substr(i, 3) == "\xE2\x80\x9C" || text.substr(i, 3) == "\xE2\x80\x98" ? 3 : 0;
}

Following read_following(std::string_view after) {
  Following found;
  std::size_t i = 0;
  while (i < after.size() && after[i] == ' ') ++i;
  const bool apart = i > 0;
  for (std::size_t n = 0; apart && (n = quote_at(after, i)) > 0; i += n) found.quoted = true;
  found.number = digit_at(after, i) || (i < after.size() && after[i] == '$');
  if (found.number) return found;
  if (i >= after.size() || !apart || !letter(after[i]) || after.substr(i, 2) == "\xE2\x80") {
    found.ends = true;
    return found;
  }
  const std::string_view word = word_at(after, i);
  found.capital = word[0] >= 'A' && word[0] <= 'Z' && (word.size() == 1 || !(word[1] >= 'A' && word[1] <= 'Z'));
  found.word = lower(word);
  i += word.size();
  for (std::string* next : {&found.second, &found.third}) {
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
  if (word == "back") return !kMoving.has(verb);
  if (word == "home") return !kHomeward.has(verb);
  if (is_one_of(word, {"down", "inside", "outside", "round", "forward"})) return goes_on(second) && behind_preposition;
  if (word == "right" || word == "left") {
    return goes_on(second) || (behind_preposition && verb != "with") || (second == "to" && !kChanging.has(verb));
  }
  if (word == "past") return !kMoving.has(verb);
  if (word == "best") return second.empty() || goes_on(second) ? !kKnowing.has(verb) : !kKnowing.has(verb) && verb != "to";
  if (word == "all") return verb == "it" || (second != "the" && second != "of" && goes_on(second) && behind_preposition && verb == "of");
  const bool compared = is_one_of(word, {"more", "less", "most", "very", "even", "quite", "rather", "just"});
  const bool closed_third = next.third.empty() || kFunctionWords.has(next.third) || kAdverbs.has(next.third);
  if (compared && (kChanging.has(verb) || word == "even") && closed_third && second != "own" && second != "best") return false;
  const bool amount = is_one_of(word, {"more", "less", "very"}) && !is_one_of(second, {"own", "best", "first"});
  if (amount && kGiving.has(verb)) return false;
  if (word == "one" && (is_one_of(second, {"and", "on", "true"}))) return true;
  if (is_one_of(word, {"one", "two", "three"})) return goes_on(second) && !kTimes.has(second) && !kTimes.has(next.third) && !(kGiving.has(verb) && !behind_be);
  if (word == "last" || word == "next") {
    const bool a_time = kTimes.has(second) && !goes_on(next.third);
    return !a_time && second != "to" && (!second.empty() || behind_be || behind_preposition);
  }
  if (is_one_of(word, {"first", "second", "third"})) {
    return goes_on(second) || behind_be || verb.empty() || (behind_preposition && verb != "to") || second == "of";
  }
  if (word == "like") return second == "will";
  if (is_one_of(word, {"such", "half", "well", "alive", "soon", "far", "hard"})) {
    return (word == "half" && (second == "brother" || second == "sister")) || (word == "hard" && goes_on(second) && !second.ends_with("er"));
  }
  if (is_one_of(word, {"open", "close", "live", "free", "long", "early", "late", "fast"})) {
    return goes_on(second);
  }
  if (word == "very" && (is_one_of(second, {"much", "well", "often"}))) return false;
  if (word == "better" && second == "than") return false;
  if (word == "most" && second == "of") return false;
  if (word == "just") return is_one_of(second, {"desert", "deserts", "desserts", "reward", "rewards", "cause", "punishment"});
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
    // "see her work" may be either; "see her work of" is none of hers.
    const bool seen = verb.starts_with("watch") || verb.starts_with("see") || verb == "saw";
    static const WordClass kSeenThings(
        "work face act show look drive smile walk dance fight return cover cast run step report test use");
    if (seen && kSeenThings.has(next.word) && (next.second.empty() || is_one_of(next.second, {"and", "in", "of", "at"}))) return false;
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
  const std::string verb = take_last_word(rest);
  const bool giving = kGiving.has(verb), telling = kTelling.has(verb);
  if (next.quoted) return !next.ends && !giving && !telling && !kNaming.has(verb);
  if (next.ends) return false;
  if (next.number) return !giving || verb.starts_with("sell") || verb == "sold";
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
    return kPossessives.has(second) && (next.genitive || verb.empty() || kBe.has(verb));
  }
  if (drawn_out(word)) return false;
  if (kTimes.has(word) && (is_one_of(second, {"ago", "later", "earlier"}))) return false;
  const bool changing = kChanging.has(verb);
  const bool causing = kCausing.has(verb) || (verb == "to" && take_last_word(rest).starts_with("listen"));
  if (ends_with(word, "ly") && second == "being") return false;
  if ((changing || causing) && closed && (is_state(word) || ends_with(word, "ed"))) return false;
  if ((changing || causing) && ends_with(word, "ly") && (is_state(second) || in_ing(second)) && !goes_on(next.third)) return false;
  if (word == "justice" && verb.starts_with("do")) return false;
  if (word == "every" && goes_on(second) && !kTimes.has(second) && second != "time") return true;
  if (word == "so" && (second == "called" || second == "called-")) return true;
  if (word == "not" && second == "so") return true;
  if (word == "several" && kTimes.has(second)) return false;
  if (!next.third.empty() && next.third == word && kPrepositions.has(second)) return false;  // "face to face"
  if (word == "time" && second == "and") return false;
  if (kAdverbs.has(word)) return her_before_adverb(verb, next);
  if (word.find('-') == std::string::npos && kFunctionWords.has(word)) return false;
  if (word == "will" && kBaseVerbs.has(second)) return false;
  if (causing && follows_infinitive(verb, next)) return false;
  if (kAppointing.has(verb) && kOffices.has(word)) return false;
  // "him playing the game", "him talking": no noun phrase goes on so.
  static const WordClass kObjectsBegin("the a an his her its their my your it them me us him out");
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
  if (ends_with(word, "ly") && !is_one_of(word, {"family", "early", "only", "elderly", "lovely", "assembly", "belly", "bully", "reply"})) {
    return goes_on(second) && !ends_with(second, "ly");
  }
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
