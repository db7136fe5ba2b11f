#include "discreet/app/association_contextual.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::app {
namespace {

struct ContextualSide {
  stats::ContextualSet vectors;
  std::vector<std::string> lost;
  std::uint64_t contexts = 0, fewest = 0;
};

ContextualSide find_contexts(const WordList& list, const std::map<std::string, ContextualWord>& words) {
  ContextualSide side;
  for (const std::string& word : list.words) {
    const auto found = words.find(word);
    if (found == words.end() || found->second.vectors.size() == 0) {
      side.lost.push_back(word);
      continue;
    }
    const std::uint64_t own = found->second.vectors.size();
    side.fewest = side.vectors.empty() ? own : std::min(side.fewest, own);
    side.contexts += own;
    side.vectors.push_back(found->second.vectors);
  }
  return side;
}

void put_figures(const stats::CeatResult& found, Json& result) {
  const stats::CombinedEffect& combined = found.combined;
  if (combined.effect) {
    result["effect_size"] = *combined.effect;
  } else {
    core::set_absent(result, "effect_size", combined.reason);
  }
  result["mean_effect_size"] = found.mean_effect;
  result["deviation_of_effect_sizes"] = found.effect_deviation;
  result["random_effects"] = {{"not_a_test", true},
                              {"between_variance", combined.between_variance},
                              {"heterogeneity", combined.heterogeneity},
                              {"standard_error", combined.standard_error},
                              {"z", combined.z},
                              {"p_two_sided", combined.p_two_sided},
                              {"p_signed", combined.p_signed}};
  if (found.ci) result["ci"] = {{"effect_size", {found.ci->low, found.ci->high}}};
  else core::set_absent(result, "ci", found.ci_reason);
  result["undefined_draws"] = found.undefined;
}

/// Built-in lists whose words are counted, so that one of them is "a" or "an" such thing.
constexpr const char* kCountedNouns[] = {"flowers", "insects", "instruments", "weapons"};

std::string with_article(const std::string& noun) {
  const bool vowel = noun.find_first_of("aeiouAEIOU") == 0;
  return (vowel ? "an " : "a ") + noun;
}

void append_sentences(const std::string& word, bool name, bool noun, std::vector<std::string>& sentences) {
  const std::string thing = noun ? with_article(word) : word, subject = noun ? "The " + word : word;
  for (const char* before : {"This is ", "That is ", "There is ", "Here is "}) sentences.push_back(before + thing + ".");
  for (const char* behind : {" is here.", " is there."}) sentences.push_back(subject + behind);
  if (noun) {
    std::string one = thing;
    one[0] = 'A';
    sentences.push_back("It is " + thing + ".");
    sentences.push_back(one + " is a thing.");
  }
  if (!name) return;
  sentences.push_back(word + " is a person.");
  sentences.push_back("The person's name is " + word + ".");
}

}  // namespace

void add_contextual_associations(const std::vector<AssociationTest>& tests,
                                 const std::map<std::string, ContextualWord>& words,
                                 const AssociationQuestion& question, const stats::CeatOptions& options, Json& document) {
  std::vector<std::string> caveats = {
      "0 is unbiased; positive: X goes with A and Y with B. effect_size combines the effect sizes of the draws (divisor n - 1) by random "
      "effects, as CEAT does.",
      "z and p under random_effects are not a test: contexts are drawn again and again from the same words, so the standard error falls "
      "with the number of draws that one chooses. The interval does not: it resamples words within the four sets and contexts within "
      "each word.",
      "Contexts come from the corpus that was given; other text gives other effects."};
  for (const AssociationTest& test : tests) {
    const std::array<const WordList*, 4> lists = {&test.x, &test.y, &test.a, &test.b};
    std::array<ContextualSide, 4> sides;
    Json result = {{"test", test.name}};
    Json lost = Json::array(), described = Json::object();
    std::string empty;
    std::size_t asked = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      sides[i] = find_contexts(*lists[i], words);
      described[std::string(1, "XYAB"[i])] = {{"name", lists[i]->name},          {"words", lists[i]->words.size()},
                                              {"found", sides[i].vectors.size()}, {"contexts", sides[i].contexts},
                                              {"fewest", sides[i].fewest},        {"sha256", lists[i]->hash()}};
      for (const std::string& word : sides[i].lost) lost.push_back(word);
      asked += lists[i]->words.size();
      if (sides[i].vectors.empty()) empty += (empty.empty() ? "" : ", ") + lists[i]->name;
    }
    const double share = static_cast<double>(lost.size()) / static_cast<double>(asked);
    if (share > question.most_lost) {
      caveats.push_back(fmt::format("{}: {:.0f} % of the words do not stand in the corpus; the test is about what is left.", test.name, 100 * share));
    }
    for (const char* figure : {"statistic", "p_value"}) {
      core::set_absent(result, figure, "draws of contexts have no statistic or test in common");
    }
    result["method"] = "ceat";
    result["draws"] = options.draws;
    if (!empty.empty()) {
      core::set_absent(result, "effect_size", "no word stands in the corpus of: " + empty);
      core::set_absent(result, "ci", "no word stands in the corpus of: " + empty);
    } else {
      put_figures(stats::ceat(sides[0].vectors, sides[1].vectors, sides[2].vectors, sides[3].vectors, options), result);
    }
    result["n"] = sides[0].vectors.size() + sides[1].vectors.size();
    result["sets"] = described;
    result["lost"] = lost;
    document["results"].push_back(std::move(result));
  }
  for (const std::string& caveat : caveats) document["caveats"].push_back(caveat);
}

AssociationTest sentence_test(const AssociationTest& words) {
  AssociationTest test = words;
  test.name = "seat of " + words.name;
  for (WordList* list : {&test.x, &test.y, &test.a, &test.b}) {
    const bool names = list->name.find("names") != std::string::npos && list->name.find("unpleasant") == std::string::npos;
    const bool nouns = std::find(std::begin(kCountedNouns), std::end(kCountedNouns), list->name) != std::end(kCountedNouns);
    std::vector<std::string> sentences;
    for (const std::string& word : list->words) append_sentences(word, names, nouns, sentences);
    list->words = std::move(sentences);
  }
  return test;
}

}  // namespace discreet::app
