#include "discreet/text/internal/grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "discreet/core/error.h"
#include "discreet/text/internal/lexicon.h"

namespace discreet::text::internal {
namespace {

struct GenderedPair {
  const char* key;
  const char* female;
  const char* male;
};

constexpr GenderedPair kGendered[] = {{"~she", "she", "he"},
                                      {"~her", "her", "him"},
                                      {"~his", "her", "his"},
                                      {"~sister", "sister", "brother"},
                                      {"~mom", "mom", "dad"},
                                      {"~wife", "wife", "husband"},
                                      {"~daughter", "daughter", "son"},
                                      {"~aunt", "aunt", "uncle"},
                                      {"~woman", "woman", "man"}};

constexpr const char* kPools[] = {"%surname", "%place", "%brand", "%title"};

void push_word(Draft& draft, std::string word) {
  draft.words.push_back(std::move(word));
  draft.tags.emplace_back("O");
}

void push_gendered(Draft& draft, const char* word, const char* other) {
  draft.swaps.push_back({draft.words.size(), other});
  push_word(draft, word);
}

bool pronouns_female(Draft& draft, core::ReproducibleRng& rng) {
  if (draft.female < 0) draft.female = static_cast<int>(rng.below(2));
  return draft.female == 1;
}

}  // namespace

Grammar::Grammar(const std::vector<RuleText>& rules, double gender_skew)
    : gender_skew_(gender_skew) {
  for (const RuleText& rule : rules) {
    if (!numbers_.emplace(rule.name, static_cast<int>(rules_.size())).second) {
      throw internal_error(fmt::format("grammar: rule '{}' stands twice", rule.name));
    }
    rules_.emplace_back();
  }
  for (const RuleText& rule : rules) {
    const int number = compile(rule.alternatives);
    rules_[static_cast<std::size_t>(rule_number(rule.name))] =
        rules_[static_cast<std::size_t>(number)];
  }
}

int Grammar::compile(const std::vector<const char*>& alternatives) {
  Rule rule;
  std::uint32_t total = 0;
  for (const std::string_view text : alternatives) {
    std::uint32_t weight = 1;
    std::size_t at = 0;
    if (const auto star = text.find("* "); star != std::string_view::npos && star < 4) {
      std::from_chars(text.data(), text.data() + star, weight);
      at = star + 2;
    }
    rule.alternatives.push_back(parse_sequence(text, at, false));
    rule.cumulative.push_back(total += weight);
  }
  rules_.push_back(std::move(rule));
  return static_cast<int>(rules_.size()) - 1;
}

int Grammar::rule_number(const std::string& name) const {
  const auto found = numbers_.find(name);
  if (found == numbers_.end()) throw internal_error(fmt::format("grammar: no rule '{}'", name));
  return found->second;
}

std::vector<Grammar::Piece> Grammar::parse_sequence(std::string_view text, std::size_t& at,
                                                    bool inside) {
  std::vector<Piece> pieces;
  while (at < text.size()) {
    const char c = text[at];
    if (inside && (c == '|' || c == ']')) break;
    if (c == ' ') {
      ++at;
    } else if (c == '[') {
      pieces.push_back({Kind::kRule, parse_choice(text, ++at)});
    } else {
      const std::size_t end = std::min(text.find_first_of(inside ? " |]" : " ", at), text.size());
      pieces.push_back(parse_word(text.substr(at, end - at)));
      at = end;
    }
  }
  return pieces;
}

// From behind '[' to behind ']'.
int Grammar::parse_choice(std::string_view text, std::size_t& at) {
  Rule rule;
  for (;;) {
    rule.alternatives.push_back(parse_sequence(text, at, true));
    rule.cumulative.push_back(static_cast<std::uint32_t>(rule.alternatives.size()));
    if (at >= text.size()) throw internal_error(fmt::format("grammar: no ']' in '{}'", text));
    if (text[at++] == ']') break;
  }
  rules_.push_back(std::move(rule));
  return static_cast<int>(rules_.size()) - 1;
}

Grammar::Piece Grammar::parse_word(std::string_view word) {
  if (word.front() == '<') {
    return {Kind::kRule, rule_number(std::string(word.substr(1, word.size() - 2)))};
  }
  if (word.front() == '{') {
    const std::string inner(word.substr(1, word.size() - 2));
    const std::size_t equals = inner.find('=');
    const std::string slot = inner.substr(0, equals);
    const std::string rule = equals == std::string::npos ? slot : inner.substr(equals + 1);
    auto known = std::find(slots_.begin(), slots_.end(), slot);
    if (known == slots_.end()) known = slots_.insert(slots_.end(), slot);
    return {Kind::kSlot, rule_number(rule), static_cast<int>(known - slots_.begin())};
  }
  if (word == "%name") return {Kind::kName};
  if (word == "%name_of") return {Kind::kNameAgreeing};
  if (word == "%profession") return {Kind::kProfession};
  if (word == "%number") return {Kind::kNumber};
  for (int i = 0; i < static_cast<int>(std::size(kPools)); ++i) {
    if (word == kPools[i]) return {Kind::kPool, i};
  }
  for (int i = 0; i < static_cast<int>(std::size(kGendered)); ++i) {
    if (word == kGendered[i].key) return {Kind::kGendered, i};
  }
  if (word.front() == '%' || word.front() == '~') {
    throw internal_error(fmt::format("grammar: unknown sign '{}'", word));
  }
  words_.emplace_back(word);
  return {Kind::kWord, static_cast<int>(words_.size()) - 1};
}

void Grammar::draw(int number, const Speaker& speaker, core::ReproducibleRng& rng,
                   Draft& draft) const {
  const Rule& rule = rules_[static_cast<std::size_t>(number)];
  std::size_t choice = 0;
  if (rule.alternatives.size() > 1) {
    const auto at = static_cast<std::uint32_t>(rng.below(rule.cumulative.back()));
    while (rule.cumulative[choice] <= at) ++choice;
  }
  for (const Piece& piece : rule.alternatives[choice]) {
    switch (piece.kind) {
      case Kind::kWord:
        push_word(draft, words_[static_cast<std::size_t>(piece.index)]);
        break;
      case Kind::kRule:
        draw(piece.index, speaker, rng, draft);
        break;
      case Kind::kNumber:
        push_word(draft, std::to_string(1 + rng.below(99)));
        break;
      case Kind::kName:
        draw_name(false, speaker, rng, draft);
        break;
      case Kind::kNameAgreeing:
        draw_name(true, speaker, rng, draft);
        break;
      case Kind::kProfession:
        draw_profession(rng, draft);
        break;
      case Kind::kGendered:
        draw_gendered(piece.index, rng, draft);
        break;
      case Kind::kPool: {
        const WordPool& pool = word_pool(static_cast<PoolKind>(piece.index));
        push_word(draft, pool.words[pool.popularity(rng)]);
        break;
      }
      case Kind::kSlot: {
        const std::size_t begin = draft.words.size();
        draw(piece.index, speaker, rng, draft);
        const std::string& slot = slots_[static_cast<std::size_t>(piece.slot)];
        for (std::size_t i = begin; i < draft.words.size(); ++i) {
          draft.tags[i] = (i == begin ? "B-" : "I-") + slot;
        }
        break;
      }
    }
  }
}

void Grammar::draw_name(bool agreeing, const Speaker& speaker, core::ReproducibleRng& rng,
                        Draft& draft) const {
  const auto& names = first_names();
  std::size_t pair = rng.below(names.size());
  bool female = rng.below(2) == 1;
  if (!speaker.contacts.empty() && rng.uniform() < speaker.own_contact) {
    const std::size_t contact = speaker.contacts[rng.below(speaker.contacts.size())];
    pair = contact / 2 % names.size();
    female = contact % 2 == 1;
  }
  if (agreeing) {
    // A name sets the pronouns, unless something before it did.
    if (draft.female < 0) draft.female = female ? 1 : 0;
    female = draft.female == 1;
  }
  const NamePair& both = names[pair];
  push_gendered(draft, female ? both.female : both.male, female ? both.male : both.female);
}

void Grammar::draw_profession(core::ReproducibleRng& rng, Draft& draft) const {
  const auto& all = professions();
  const bool agrees = rng.uniform() < gender_skew_;
  if (draft.female < 0) {
    const Profession& drawn = all[rng.below(all.size())];
    draft.female = drawn.leans_female == agrees ? 1 : 0;
    draft.profession = drawn.name;
  } else {
    const bool wanted = (draft.female == 1) == agrees;
    const Profession* drawn = nullptr;
    do {
      drawn = &all[rng.below(all.size())];
    } while (drawn->leans_female != wanted);
    draft.profession = drawn->name;
  }
  push_word(draft, draft.profession);
}

void Grammar::draw_gendered(int index, core::ReproducibleRng& rng, Draft& draft) const {
  const GenderedPair& pair = kGendered[index];
  const bool female = pronouns_female(draft, rng);
  push_gendered(draft, female ? pair.female : pair.male, female ? pair.male : pair.female);
}

}  // namespace discreet::text::internal
