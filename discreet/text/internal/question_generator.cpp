#include "discreet/text/internal/question_generator.h"

#include <algorithm>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/text/internal/lexicon.h"

namespace discreet::text::internal {
namespace {

/// One way to say a deed: "bought", "buy", "bought".
struct DeedForm {
  const char *past, *base, *participle;
};
/// Ways to say the same; the text takes one, a question the same or another.
constexpr DeedForm kDeeds[][3] = {
    {{"bought", "buy", "bought"}, {"purchased", "purchase", "purchased"}, {"acquired", "acquire", "acquired"}},
    {{"sold", "sell", "sold"}, {"traded away", "trade away", "traded away"}, {"parted with", "part with", "parted with"}},
    {{"lost", "lose", "lost"}, {"mislaid", "mislay", "mislaid"}, {"misplaced", "misplace", "misplaced"}},
    {{"found", "find", "found"}, {"discovered", "discover", "discovered"}, {"came across", "come across", "come across"}},
    {{"repaired", "repair", "repaired"}, {"fixed", "fix", "fixed"}, {"mended", "mend", "mended"}},
    {{"hid", "hide", "hidden"}, {"concealed", "conceal", "concealed"}, {"tucked away", "tuck away", "tucked away"}},
    {{"broke", "break", "broken"}, {"damaged", "damage", "damaged"}, {"ruined", "ruin", "ruined"}},
    {{"cleaned", "clean", "cleaned"}, {"washed", "wash", "washed"}, {"polished", "polish", "polished"}},
    {{"delivered", "deliver", "delivered"}, {"brought", "bring", "brought"}, {"dropped off", "drop off", "dropped off"}},
    {{"borrowed", "borrow", "borrowed"}, {"took on loan", "take on loan", "taken on loan"}, {"lent out", "lend out", "lent out"}},
    {{"counted", "count", "counted"}, {"tallied", "tally", "tallied"}, {"listed", "list", "listed"}},
    {{"painted", "paint", "painted"}, {"coloured", "colour", "coloured"}, {"decorated", "decorate", "decorated"}},
};
constexpr std::size_t kWays = 3;

constexpr const char* kItems[] = {
    "lamps",   "chairs",  "clocks",  "kettles", "mirrors", "baskets", "candles", "bottles", "boxes",   "books",
    "bicycles", "ladders", "radios",  "carpets", "curtains", "plates",  "spoons",  "knives",  "jars",    "coats",
    "boots",   "gloves",  "hats",    "scarves", "keys",    "letters", "parcels", "tickets", "maps",    "pencils",
    "flutes",  "drums",   "violins", "puzzles", "dolls",   "kites",   "tents",   "ropes",   "hammers", "nails",
    "plants",  "roses",   "lemons",  "melons",  "cabbages", "loaves",  "cheeses", "pies"};
constexpr const char* kCounts[] = {"two",   "three", "four",   "five",    "six",      "seven", "eight",
                                   "nine",  "ten",   "eleven", "twelve",  "thirteen", "fifteen", "twenty",
                                   "thirty", "forty"};
constexpr const char* kDays[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

std::string capitalised(std::string word) {
  if (!word.empty() && word[0] >= 'a' && word[0] <= 'z') word[0] = static_cast<char>(word[0] - 32);
  return word;
}

/// `n` different values of `pool`, in the order drawn.
template <class Draw>
std::vector<std::string> draw_different(std::size_t n, Draw draw) {
  std::vector<std::string> values;
  while (values.size() < n) {
    std::string value = draw();
    if (std::ranges::find(values, value) == values.end()) values.push_back(std::move(value));
  }
  return values;
}

constexpr std::size_t kRivals = 3;

}  // namespace

QuestionGenerator::QuestionGenerator(const QuestionOptions& options)
    : options_(options), rng_(options.seed, "questions " + to_string(options.split)) {}

bool QuestionGenerator::next(Example& example) {
  if (asked_ >= options_.lines) return false;
  while (waiting_.empty()) draw_paragraph();
  example = std::move(waiting_.front());
  waiting_.pop_front();
  ++asked_;
  return true;
}

void QuestionGenerator::draw_values() {
  people_.clear();
  const auto names = draw_different(kRivals + 1, [&] {
    const auto& pair = first_names()[rng_.below(first_names().size())];
    return capitalised(chance(0.5) ? pair.female : pair.male);
  });
  for (const std::string& name : names) {
    const bool female = std::ranges::any_of(
        first_names(), [&](const NamePair& pair) { return capitalised(pair.female) == name; });
    people_.push_back({name, female});
  }
  counts_ = draw_different(kRivals + 1, [&] { return std::string(kCounts[rng_.below(std::size(kCounts))]); });
  items_ = draw_different(kRivals, [&] { return std::string(kItems[rng_.below(std::size(kItems))]); });
  const WordPool& places = word_pool(PoolKind::kPlace);
  places_ = draw_different(kRivals, [&] { return capitalised(places.words[places.popularity(rng_)]); });
  days_ = draw_different(kRivals, [&] { return std::string(kDays[rng_.below(std::size(kDays))]); });
  deeds_.clear();
  while (deeds_.size() < kRivals) {
    const std::size_t deed = rng_.below(std::size(kDeeds));
    if (std::ranges::find(deeds_, deed) == deeds_.end()) deeds_.push_back(deed);
  }
}

// Events differ in who, deed, item, where and when taken together by at least two of these, so that no
// one word that changed makes one of another.
void QuestionGenerator::draw_events() {
  events_.clear();
  forms_.clear();
  const auto distance = [](const Event& a, const Event& b) {
    std::size_t differing = 0;
    for (const Part part : {kWho, kDeed, kItem, kWhere, kWhen}) differing += a[part] != b[part];
    return differing;
  };
  for (int tries = 0; static_cast<std::int64_t>(events_.size()) < options_.events && tries < 1000; ++tries) {
    Event event{rng_.below(kRivals), rng_.below(kRivals), rng_.below(kRivals + 1),
                rng_.below(kRivals), rng_.below(kRivals), rng_.below(kRivals)};
    const bool apart = std::ranges::all_of(events_, [&](const Event& e) { return distance(e, event) >= 2; });
    if (!apart) continue;
    events_.push_back(event);
    forms_.push_back(rng_.below(kWays));
  }
}

void QuestionGenerator::mention(std::size_t e, Part part, const std::string& words) {
  mentions_.push_back({e, part, text_.size(), text_.size() + words.size()});
  text_ += words;
}

void QuestionGenerator::write_event(std::size_t e) {
  const Event& event = events_[e];
  const Person& person = people_[event[kWho]];
  const DeedForm& deed = kDeeds[deeds_[event[kDeed]]][forms_[e]];
  const auto who = [&] { mention(e, kWho, person.name); };
  const auto things = [&] {
    mention(e, kCount, counts_[event[kCount]]);
    say(" ");
    mention(e, kItem, items_[event[kItem]]);
  };
  const auto where = [&] { mention(e, kWhere, places_[event[kWhere]]); };
  const auto when = [&] { mention(e, kWhen, days_[event[kWhen]]); };
  const std::string past = deed.past;
  switch (rng_.below(6)) {
    case 0:
      who(), say(" " + past + " "), things(), say(" in "), where(), say(" on "), when(), say(".");
      break;
    case 1:
      say("On "), when(), say(", "), who(), say(" " + past + " "), things(), say(" in "), where(), say(".");
      break;
    case 2:
      say("In "), where(), say(", "), things(), say(std::string(" were ") + deed.participle + " by "), who();
      say(" on "), when(), say(".");
      break;
    case 3:
      say("It was "), who(), say(" who " + past + " "), things(), say(" on "), when(), say(" in "), where(), say(".");
      break;
    case 4:
      who(), say(" went to "), where(), say(" on "), when();
      say(std::string(". There ") + (person.female ? "she " : "he ") + past + " "), things(), say(".");
      break;
    default:
      when(), say(" was busy in "), where(), say(": "), who(), say(" " + past + " "), things(), say(" before noon.");
      break;
  }
  say(" ");
}

// All that tells the event, said of somebody else who did not do it.
void QuestionGenerator::write_decoy(std::size_t e) {
  const Event& event = events_[e];
  std::size_t other = rng_.below(people_.size() - 1);
  if (other >= event[kWho]) ++other;
  const DeedForm& deed = kDeeds[deeds_[event[kDeed]]][rng_.below(kWays)];
  const std::string& item = items_[event[kItem]];
  const std::string& count = counts_[rng_.below(counts_.size())];
  const std::string &place = places_[event[kWhere]], &day = days_[event[kWhen]];
  switch (rng_.below(3)) {
    case 0:
      say(fmt::format("{} had wanted to {} {} {} in {} on {}, but did not. ", people_[other].name, deed.base,
                      count, item, place, day));
      break;
    case 1:
      say(fmt::format("On {} {} only watched and never {} any {} in {}. ", day, people_[other].name, deed.past,
                      item, place));
      break;
    default:
      say(fmt::format("{} heard about the {} of {} from {} days later. ", people_[other].name, item, place, day));
      break;
  }
}

void QuestionGenerator::write_aside() {
  const std::string& name = people_[rng_.below(people_.size())].name;
  const std::string& place = places_[rng_.below(places_.size())];
  const std::string& day = days_[rng_.below(days_.size())];
  switch (rng_.below(3)) {
    case 0:
      say(fmt::format("The weather in {} was poor on {}. ", place, day));
      break;
    case 1:
      say(fmt::format("{} slept late on {}. ", name, day));
      break;
    default:
      say(fmt::format("Nobody in {} had seen {} for {} weeks. ", place, name, counts_[rng_.below(counts_.size())]));
      break;
  }
}

bool QuestionGenerator::tells_apart(std::size_t e, const std::vector<Part>& cues) const {
  for (std::size_t other = 0; other < events_.size(); ++other) {
    if (other == e) continue;
    const bool fits = std::ranges::all_of(
        cues, [&](Part part) { return events_[other][part] == events_[e][part]; });
    if (fits) return false;
  }
  return true;
}

// The deed, the item unless it is asked for, and as many more as it takes; empty if nothing helps.
std::vector<Part> QuestionGenerator::cues_for(std::size_t e, Part asked) {
  std::vector<Part> cues{kDeed};
  if (asked != kItem) cues.push_back(kItem);
  std::vector<Part> more;
  for (const Part part : {kWho, kWhere, kWhen}) {
    if (part != asked) more.push_back(part);
  }
  core::shuffle(std::span(more), rng_);
  for (const Part part : more) {
    if (tells_apart(e, cues)) break;
    cues.push_back(part);
  }
  return tells_apart(e, cues) ? cues : std::vector<Part>();
}

std::string QuestionGenerator::question_about(const Event& event, Part asked, const std::vector<Part>& cues) {
  const auto has = [&](Part part) { return std::ranges::find(cues, part) != cues.end(); };
  std::size_t form = 0;
  for (std::size_t e = 0; e < events_.size(); ++e) {
    if (events_[e][kDeed] == event[kDeed]) form = forms_[e];
  }
  if (chance(options_.paraphrases)) form = rng_.below(kWays);
  const DeedForm& deed = kDeeds[deeds_[event[kDeed]]][form];
  const std::string item = items_[event[kItem]];
  const std::string who = has(kWho) ? people_[event[kWho]].name : std::string("somebody");
  std::string tail;
  if (has(kWhere)) tail += " in " + places_[event[kWhere]];
  if (has(kWhen)) tail += " on " + days_[event[kWhen]];
  switch (asked) {
    case kWho:
      return fmt::format("Who {} {}{}?", deed.past, item, tail);
    case kCount:
      return fmt::format("How many {} did {} {}{}?", item, who, deed.base, tail);
    case kItem:
      return fmt::format("What did {} {}{}?", who, deed.base, tail);
    case kWhere:
      return fmt::format("Where did {} {} {}{}?", who, deed.base, item, tail);
    default:
      return fmt::format("When did {} {} {}{}?", who, deed.base, item, tail);
  }
}

void QuestionGenerator::ask() {
  constexpr Part kAsked[] = {kWho, kCount, kItem, kWhere, kWhen};
  for (int tries = 0; tries < 100; ++tries) {
    const std::size_t e = rng_.below(events_.size());
    const Part asked = kAsked[rng_.below(std::size(kAsked))];
    Example example;
    example.text = text_;
    example.line = paragraph_;
    example.extra["id"] = fmt::format("{}-{}-{}", to_string(options_.split), paragraph_, waiting_.size() + 1);
    if (chance(options_.unanswerable)) {
      // An event that did not happen: all its words stand in the text.
      Event never = events_[e];
      never[kDeed] = (never[kDeed] + 1 + rng_.below(kRivals - 1)) % kRivals;
      const std::vector<Part> all{kWho, kDeed, kItem, kWhere, kWhen};
      std::vector<Part> cues;
      for (const Part part : all) {
        if (part != asked) cues.push_back(part);
      }
      const bool happened = std::ranges::any_of(events_, [&](const Event& event) {
        return std::ranges::all_of(cues, [&](Part part) { return event[part] == never[part]; });
      });
      if (happened) continue;
      example.question = question_about(never, asked, cues);
    } else {
      const std::vector<Part> cues = cues_for(e, asked);
      if (cues.empty()) continue;
      example.question = question_about(events_[e], asked, cues);
      for (const Mention& found : mentions_) {
        if (found.event != e || found.part != asked) continue;
        example.answers.push_back(text_.substr(found.begin, found.end - found.begin));
        example.answer_begins.push_back(static_cast<std::int64_t>(found.begin));
      }
    }
    const bool repeated = std::ranges::any_of(
        waiting_, [&](const Example& before) { return before.question == example.question; });
    if (repeated) continue;
    waiting_.push_back(std::move(example));
    return;
  }
}

void QuestionGenerator::draw_paragraph() {
  ++paragraph_;
  draw_values();
  draw_events();
  text_.clear();
  mentions_.clear();
  for (std::size_t e = 0; e < events_.size(); ++e) {
    const bool decoy = chance(options_.decoys), first = chance(0.5);
    if (decoy && first) write_decoy(e);
    write_event(e);
    if (decoy && !first) write_decoy(e);
    if (chance(0.2)) write_aside();
  }
  text_.pop_back();
  for (std::int64_t i = 0; i < options_.per_paragraph; ++i) ask();
}

}  // namespace discreet::text::internal
