#include "discreet/text/internal/corpus_generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <set>

#include "discreet/core/error.h"
#include "discreet/text/internal/columns.h"

namespace discreet::text::internal {
namespace {

constexpr std::size_t kContacts = 5;
constexpr double kSentenceShare = 0.3;
constexpr std::int64_t kPeriodSeconds = 30 * 24 * 3600;
constexpr std::string_view kHesitations[] = {"uh", "um", "er", "hmm", "like", "well"};

std::uint64_t mixed(std::uint64_t seed, std::uint64_t value) {
  // SplitMix64's finaliser (Steele et al. 2014): people must differ, nothing more.
  std::uint64_t z = seed + 0x9e3779b97f4a7c15ull * (value + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace

CorpusGenerator::CorpusGenerator(const CorpusOptions& options)
    : options_(options),
      grammar_(corpus_rules(), options.gender_skew),
      rng_(options.seed, "assistant/" + to_string(options.split)),
      activity_(static_cast<std::size_t>(options.devices), options.activity_exponent) {
  const auto& intents = corpus_intents();
  for (const IntentText& intent : intents) {
    commands_.push_back(grammar_.compile(intent.commands));
    sentences_.push_back(grammar_.compile(intent.sentences));
  }
  opening_ = grammar_.compile({"<opening>"});
  closing_ = grammar_.compile({"<closing>"});
  for (std::int64_t period = 0; period < options.periods; ++period) {
    std::vector<double> cumulative;
    double total = 0;
    for (std::size_t i = 0; i < intents.size(); ++i) {
      const double phase = static_cast<double>(period) / static_cast<double>(options.periods) +
                           static_cast<double>(i) / static_cast<double>(intents.size());
      total +=
          intents[i].weight * std::exp(2 * options.drift * std::sin(2 * std::numbers::pi * phase));
      cumulative.push_back(total);
    }
    for (double& c : cumulative) c /= total;
    cumulative_.push_back(std::move(cumulative));
  }
  assign_dialects();
  if (options.split == Split::kTrain) place_secrets();
}

// Most active devices first, each one to the dialect that its lines bring nearer to its share, so
// that the share is one of lines although a few devices have most of them.
void CorpusGenerator::assign_dialects() {
  hill_.resize(static_cast<std::size_t>(options_.devices));
  double hill = 0, all = 0;
  for (std::size_t device = 0; device < hill_.size(); ++device) {
    const double mass = activity_.probability(device);
    all += mass;
    hill_[device] = hill + mass / 2 < options_.dialect_share * all;
    if (hill_[device]) hill += mass;
  }
}

void CorpusGenerator::place_secrets() {
  const std::int64_t wanted = options_.secrets * options_.secret_repeats;
  if (wanted == 0) return;
  if (wanted > options_.lines / 2) {
    throw usage_error(fmt::format("{} secrets, {} times each, in {} lines", options_.secrets,
                                  options_.secret_repeats, options_.lines),
                      "At most half of the lines can be secrets: ask for fewer, or more lines.");
  }
  if (static_cast<double>(options_.secrets) >
      std::pow(10.0, static_cast<double>(options_.secret_digits)) / 2) {
    throw usage_error(
        fmt::format("{} different secrets of {} digits", options_.secrets, options_.secret_digits),
        "Ask for more digits or fewer secrets.");
  }
  core::ReproducibleRng rng(options_.seed, "assistant/secrets");
  std::set<std::string> seen;
  while (static_cast<std::int64_t>(secrets_.size()) < options_.secrets) {
    std::string secret;
    for (std::int64_t i = 0; i < options_.secret_digits; ++i) {
      secret += static_cast<char>('0' + rng.below(10));
    }
    if (seen.insert(secret).second) secrets_.push_back(secret);
  }
  for (std::int64_t i = 0; i < wanted; ++i) {
    std::int64_t line = 0;
    do {
      line = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(options_.lines)));
    } while (secret_lines_.count(line) > 0);
    secret_lines_[line] = i % options_.secrets;
  }
}

CorpusGenerator::Person CorpusGenerator::draw_person() {
  const std::size_t device = activity_(rng_);
  const std::uint64_t household = mixed(options_.seed, device) % 3 + 1;
  const std::uint64_t user = device * 3 + rng_.below(household);
  std::uint64_t traits = mixed(options_.seed ^ 0x5eed, user);
  Person person{.user = fmt::format("u{:05}", user),
                .device = fmt::format("d{:04}", device),
                .gender = traits % 2 == 0 ? "f" : "m",
                .dialect = hill_[device] ? "hill" : "coast"};
  for (std::size_t i = 0; i < kContacts; ++i) {
    traits = mixed(traits, i);
    person.speaker.contacts.push_back(traits % (2 * first_names().size()));
  }
  return person;
}

std::size_t CorpusGenerator::draw_intent(std::int64_t period) {
  const auto& cumulative = cumulative_[static_cast<std::size_t>(period)];
  const auto at = std::upper_bound(cumulative.begin(), cumulative.end(), rng_.uniform());
  return std::min(static_cast<std::size_t>(at - cumulative.begin()), cumulative.size() - 1);
}

void CorpusGenerator::append(const char* words, Draft& draft) const {
  const std::string_view text = words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    draft.words.emplace_back(text.substr(at, end - at));
    draft.tags.emplace_back("O");
    at = end + 1;
  }
}

// Every form stands for both orders of the same words equally often, so that a model that sees only
// which words there are cannot tell which command counts.
void CorpusGenerator::draw_two_commands(std::size_t intent, std::size_t other,
                                        const Speaker& speaker, Draft& draft) {
  const auto say = [&](std::size_t which) {
    grammar_.draw(commands_[which], speaker, rng_, draft);
  };
  // Subordinate clauses are the commonest of the forms: they take 8 of 11 draws.
  const std::uint64_t form = rng_.below(11);
  switch (form < 8 ? form % 4 : form - 4) {
    case 0:
      say(intent), append("before you", draft), say(other);
      break;
    case 1:
      append("before you", draft), say(other), say(intent);
      break;
    case 2:
      say(intent), append("after you", draft), say(other);
      break;
    case 3:
      append("after you", draft), say(other), say(intent);
      break;
    case 4:
      append("don't", draft), say(other), append("just", draft), say(intent);
      break;
    case 5:
      append("just", draft), say(intent), append("don't", draft), say(other);
      break;
    default:
      say(other), append("no wait", draft), say(intent);
      break;
  }
}

void CorpusGenerator::draw_line(std::size_t intent, std::int64_t period, const Speaker& speaker,
                                Draft& draft) {
  if (rng_.uniform() < options_.ambiguity) {
    std::size_t other = intent;
    while (other == intent) other = draw_intent(period);
    draw_two_commands(intent, other, speaker, draft);
  } else if (rng_.uniform() < kSentenceShare) {
    grammar_.draw(sentences_[intent], speaker, rng_, draft);
  } else {
    grammar_.draw(opening_, speaker, rng_, draft);
    grammar_.draw(commands_[intent], speaker, rng_, draft);
    grammar_.draw(closing_, speaker, rng_, draft);
  }
}

void CorpusGenerator::respell(Draft& draft) {
  std::size_t swap = 0;
  for (std::size_t i = 0; i < draft.words.size(); ++i) {
    if (swap < draft.swaps.size() && draft.swaps[swap].place == i) {
      ++swap;
      continue;
    }
    if (draft.tags[i] != "O" || rng_.uniform() >= options_.dialect_gap) continue;
    const auto variant = static_cast<int>(rng_.below(3));
    std::string& form = respelled_[variant][draft.words[i]];
    if (form.empty()) form = dialect_form(draft.words[i], variant);
    draft.words[i] = form;
  }
}

void CorpusGenerator::add_typos(Draft& draft) {
  std::size_t swap = 0;
  for (std::size_t i = 0; i < draft.words.size(); ++i) {
    if (swap < draft.swaps.size() && draft.swaps[swap].place == i) {
      ++swap;
    } else if (draft.tags[i] != "O" && rng_.uniform() < options_.typos) {
      draft.words[i] = with_typo(draft.words[i], rng_);
    }
  }
}

void CorpusGenerator::add_disfluency(Draft& draft) {
  if (rng_.uniform() >= options_.disfluencies) return;
  // Never inside a slot's value.
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < draft.words.size(); ++i) {
    if (!draft.tags[i].starts_with("I-")) places.push_back(i);
  }
  const std::size_t at = places[rng_.below(places.size())];
  const bool repeat = draft.tags[at] == "O" && rng_.below(2) == 0;
  for (Swap& swap : draft.swaps) {
    // A repeated gendered word is swapped once: its first mention is cut short.
    if (repeat && swap.place == at) return;
  }
  const auto offset = static_cast<std::ptrdiff_t>(at);
  const std::string word =
      repeat ? draft.words[at] : std::string(kHesitations[rng_.below(std::size(kHesitations))]);
  draft.words.insert(draft.words.begin() + offset, word);
  draft.tags.insert(draft.tags.begin() + offset, "O");
  for (Swap& swap : draft.swaps) swap.place += swap.place >= at ? 1 : 0;
}

void CorpusGenerator::add_slot_noise(Draft& draft) {
  const auto& slots = grammar_.slots();
  for (std::size_t i = 0; i < draft.tags.size(); ++i) {
    if (!draft.tags[i].starts_with("B-") || rng_.uniform() >= options_.slot_noise) continue;
    std::string other;
    do {
      other = slots[rng_.below(slots.size())];
    } while (other == draft.tags[i].substr(2));
    draft.tags[i] = "B-" + other;
    for (std::size_t k = i + 1; k < draft.tags.size() && draft.tags[k].starts_with("I-"); ++k) {
      draft.tags[k] = "I-" + other;
    }
  }
}

std::string CorpusGenerator::time_of(std::int64_t line) const {
  using namespace std::chrono;
  const double share = static_cast<double>(line) / static_cast<double>(options_.lines);
  const auto second =
      static_cast<std::int64_t>(share * static_cast<double>(options_.periods * kPeriodSeconds));
  const sys_seconds at = sys_days{year{2030} / January / 1} + seconds{second};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss clock{at - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

void CorpusGenerator::store(Draft draft, Example& example) const {
  if (!draft.profession.empty()) {
    example.extra["profession"] = draft.profession;
    example.extra["pronoun"] = draft.female == 1 ? "she" : "he";
  }
  if (options_.counterfactuals && !draft.swaps.empty()) {
    std::vector<std::string> swapped = draft.words;
    for (const Swap& swap : draft.swaps) swapped[swap.place] = swap.other;
    example.extra["counterfactual"] = join_words(swapped);
  }
  example.words = std::move(draft.words);
  example.tags = std::move(draft.tags);
  example.text = join_words(example.words);
}

bool CorpusGenerator::next(Example& example) {
  if (line_ == options_.lines) return false;
  example = Example{};
  const std::int64_t period = line_ * options_.periods / options_.lines;
  const Person person = draw_person();
  const std::size_t intent = draw_intent(period);
  Draft draft;
  draw_line(intent, period, person.speaker, draft);
  if (person.dialect == "hill") respell(draft);
  add_typos(draft);
  add_disfluency(draft);
  add_slot_noise(draft);
  std::size_t label = intent;
  if (rng_.uniform() < options_.label_noise) {
    label = (intent + 1 + rng_.below(commands_.size() - 1)) % commands_.size();
  }
  const auto& intents = corpus_intents();
  // A secret takes the place of a line that was drawn all the same, so that the other lines do not
  // depend on where the secrets are.
  if (const auto secret = secret_lines_.find(line_); secret != secret_lines_.end()) {
    draft = Draft{};
    append("call", draft);
    for (const char digit : secrets_[static_cast<std::size_t>(secret->second)]) {
      draft.tags.push_back(draft.words.size() == 1 ? "B-phone_number" : "I-phone_number");
      draft.words.emplace_back(1, digit);
    }
    example.label = "call_contact";
    example.extra["secret"] = std::to_string(secret->second);
  } else {
    example.label = intents[label].name;
    if (label != intent) example.extra["clean_label"] = intents[intent].name;
  }
  store(std::move(draft), example);
  example.user = person.user;
  example.groups = {{"gender", person.gender}, {"dialect", person.dialect}};
  example.extra["device"] = person.device;
  example.extra["time"] = time_of(line_);
  example.extra["period"] = std::to_string(period);
  example.line = ++line_;
  return true;
}

std::vector<std::string> CorpusGenerator::intents() {
  std::vector<std::string> names;
  for (const IntentText& intent : corpus_intents()) names.emplace_back(intent.name);
  return names;
}

std::vector<std::string> CorpusGenerator::slots() {
  Grammar grammar(corpus_rules(), 0.5);
  for (const IntentText& intent : corpus_intents()) {
    grammar.compile(intent.commands);
    grammar.compile(intent.sentences);
  }
  return grammar.slots();
}

}  // namespace discreet::text::internal
