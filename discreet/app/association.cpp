#include "discreet/app/association.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/formats/word_vectors.h"
#include "discreet/stats/bootstrap.h"
#include "discreet/text/unicode.h"

namespace discreet::app {
namespace {

using Index = std::unordered_map<std::string, std::size_t>;

/// A set's words that have vectors.
struct FoundSet {
  stats::WordSet vectors;
  std::vector<std::string> lost;
  std::size_t doubled = 0;  // words that stand in the list more than once; kept
};

FoundSet find_words(const WordList& list, const formats::WordVectors& vectors, const Index& index,
                    bool lowercase) {
  FoundSet found;
  found.vectors.dimension = vectors.dimension;
  std::set<std::string> seen;
  for (const std::string& word : list.words) {
    const std::string key = lowercase ? text::lowercase(word) : word;
    const auto place = index.find(key);
    if (place == index.end()) {
      found.lost.push_back(word);
      continue;
    }
    found.doubled += !seen.insert(key).second;
    const auto row = vectors.row(place->second);
    found.vectors.values.insert(found.vectors.values.end(), row.begin(), row.end());
  }
  return found;
}

/// Bootstrap interval of the effect size, words resampled within each of the four sets.
std::optional<stats::Interval> effect_interval(const FoundSet& x, const FoundSet& y, const FoundSet& a,
                                               const FoundSet& b, const AssociationQuestion& question) {
  if (question.resamples == 0) return std::nullopt;
  // Cosines once; a resample only averages them anew.
  const std::size_t n_a = a.vectors.size(), n_b = b.vectors.size();
  std::vector<std::vector<double>> cosines;  // [targets][n_a + n_b]
  for (const FoundSet* set : {&x, &y}) {
    for (std::size_t i = 0; i < set->vectors.size(); ++i) {
      const stats::WordSet word{set->vectors.dimension, {set->vectors.row(i).begin(), set->vectors.row(i).end()}};
      std::vector<double> row;
      for (const FoundSet* attribute : {&a, &b}) {
        for (std::size_t k = 0; k < attribute->vectors.size(); ++k) {
          const auto other = attribute->vectors.row(k);
          // An association with one word and its opposite is twice its cosine.
          const stats::WordSet one{word.dimension, {other.begin(), other.end()}};
          stats::WordSet opposite = one;
          for (float& value : opposite.values) value = -value;
          row.push_back(stats::association(word, one, opposite)[0] / 2);
        }
      }
      cosines.push_back(std::move(row));
    }
  }
  const std::size_t n_x = x.vectors.size(), n_y = y.vectors.size();
  const auto stratum = [](std::size_t first, std::size_t n) {
    stats::Stratum indices;
    for (std::size_t i = 0; i < n; ++i) indices.push_back(static_cast<std::uint32_t>(first + i));
    return indices;
  };
  const std::vector<stats::Stratum> strata = {stratum(0, n_x), stratum(n_x, n_y), stratum(n_x + n_y, n_a),
                                              stratum(n_x + n_y + n_a, n_b)};
  const auto statistic = [&](std::span<const std::uint32_t> drawn) -> std::optional<double> {
    std::vector<std::uint32_t> of_a, of_b;
    for (const std::uint32_t i : drawn) {
      if (i >= n_x + n_y + n_a) of_b.push_back(i - static_cast<std::uint32_t>(n_x + n_y));
      else if (i >= n_x + n_y) of_a.push_back(i - static_cast<std::uint32_t>(n_x + n_y));
    }
    std::vector<double> s_x, s_y;
    for (const std::uint32_t i : drawn) {
      if (i >= n_x + n_y) continue;
      double mean_a = 0, mean_b = 0;
      for (const std::uint32_t k : of_a) mean_a += cosines[i][k];
      for (const std::uint32_t k : of_b) mean_b += cosines[i][k];
      const double s = mean_a / static_cast<double>(of_a.size()) - mean_b / static_cast<double>(of_b.size());
      (i < n_x ? s_x : s_y).push_back(s);
    }
    return stats::weat(s_x, s_y, {.limit = 0, .samples = 0}).effect_size;
  };
  return stats::bootstrap(strata, statistic,
                          {.resamples = question.resamples, .confidence = question.confidence, .seed = question.permutation.seed})
      .ci;
}

Json set_json(const WordList& list, const FoundSet& found) {
  Json json = {{"name", list.name}, {"words", list.words.size()}, {"found", found.vectors.size()}, {"sha256", list.hash()}};
  if (found.doubled > 0) json["doubled"] = found.doubled;
  return json;
}

Json result_of(const AssociationTest& test, const formats::WordVectors& vectors, const Index& index,
               const AssociationQuestion& question, std::vector<std::string>& caveats) {
  const std::array<const WordList*, 4> lists = {&test.x, &test.y, &test.a, &test.b};
  std::array<FoundSet, 4> sets;
  Json result = {{"test", test.name}};
  Json lost = Json::array(), described = Json::object();
  std::string empty;
  for (std::size_t i = 0; i < 4; ++i) {
    sets[i] = find_words(*lists[i], vectors, index, question.lowercase);
    described[std::string(1, "XYAB"[i])] = set_json(*lists[i], sets[i]);
    for (const std::string& word : sets[i].lost) lost.push_back(word);
    if (sets[i].vectors.size() == 0) empty += (empty.empty() ? "" : ", ") + lists[i]->name;
  }
  for (std::size_t i = 0; i < 4; ++i) {
    const double share = static_cast<double>(sets[i].lost.size()) / static_cast<double>(lists[i]->words.size());
    if (share <= question.most_lost) continue;
    caveats.push_back(fmt::format("{}: {:.0f} % of the words of {} have no vector; the test is about what is left.", test.name, 100 * share,
                                  lists[i]->name));
  }
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = i + 1; j < 4; ++j) {
      const auto shared = std::ranges::count_if(lists[i]->words, [&](const std::string& word) {
        return std::ranges::find(lists[j]->words, word) != lists[j]->words.end();
      });
      if (shared == 0) continue;
      caveats.push_back(fmt::format("{}: {} words stand in both {} and {}.", test.name, shared, lists[i]->name, lists[j]->name));
    }
  }
  const std::array<const char*, 7> figures = {"statistic", "mean_difference", "effect_size", "effect_size_ddof0",
                                              "p_value", "p_value_strict", "p_value_two_sided"};
  if (!empty.empty()) {
    for (const char* figure : figures) core::set_absent(result, figure, "no word has a vector in: " + empty);
    core::set_absent(result, "ci", "no word has a vector in: " + empty);
    result["method"] = nullptr;
  } else {
    const auto& [x, y, a, b] = sets;
    const std::vector<double> s_x = stats::association(x.vectors, a.vectors, b.vectors);
    const std::vector<double> s_y = stats::association(y.vectors, a.vectors, b.vectors);
    const stats::WeatResult weat = stats::weat(s_x, s_y, question.permutation);
    result["statistic"] = weat.sum;
    result["mean_difference"] = weat.difference;
    if (weat.effect_size) {
      result["effect_size"] = *weat.effect_size;
      result["effect_size_ddof0"] = *weat.effect_size_ddof0;
    } else {
      core::set_absent(result, "effect_size", weat.reason);
      core::set_absent(result, "effect_size_ddof0", weat.reason);
    }
    result["p_value"] = weat.test.p_value;
    result["p_value_strict"] = weat.test.p_strict;
    result["p_value_two_sided"] = weat.test.p_two_sided;
    result["method"] = weat.test.exact ? "exact" : "sampled";
    result["partitions"] = {{"all", weat.test.partitions}, {"above", weat.test.above},
                            {"at_least", weat.test.at_least}, {"two_sided", weat.test.two_sided}};
    const auto ci = weat.effect_size ? effect_interval(x, y, a, b, question) : std::nullopt;
    if (ci) {
      result["ci"] = {{"effect_size", {ci->low, ci->high}}};
    } else {
      core::set_absent(result, "ci", question.resamples == 0 ? "no bootstrap was asked for" : "too few resamples have a value");
    }
  }
  result["n"] = sets[0].vectors.size() + sets[1].vectors.size();
  result["sets"] = described;
  result["lost"] = lost;
  return result;
}

}  // namespace

std::vector<AssociationTest> association_tests(const AssociationQuestion& question) {
  std::vector<AssociationTest> tests;
  for (const std::string& name : question.tests) tests.push_back(built_in_test(name));
  if (question.word_lists.empty()) {
    if (tests.empty()) throw usage_error("no association test was asked for", "Give --test weat6, or --word-lists FILE.");
    return tests;
  }
  const auto lists = read_word_lists(question.word_lists);
  const bool sentence_form = lists.count("targ1") + lists.count("targ2") + lists.count("attr1") + lists.count("attr2") == 4;
  std::vector<std::string> targets = question.targets, attributes = question.attributes;
  if (targets.empty() && attributes.empty() && sentence_form) {
    targets = {"targ1", "targ2"};
    attributes = {"attr1", "attr2"};
  }
  if (targets.size() != 2 || attributes.size() != 2) {
    throw usage_error(fmt::format("a test needs two target and two attribute lists, got {} and {}", targets.size(), attributes.size()),
                      "For example: --targets science,arts --attributes male,female");
  }
  const auto list = [&](const std::string& name) {
    const auto found = lists.find(name);
    if (found != lists.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [known, words] : lists) names.push_back(known);
    throw usage_error(fmt::format("{} has no list '{}'", question.word_lists.string(), name),
                      fmt::format("It has: {}", fmt::join(names, ", ")));
  };
  AssociationTest test{fmt::format("{}-{}-{}-{}", targets[0], targets[1], attributes[0], attributes[1]),
                       list(targets[0]), list(targets[1]), list(attributes[0]), list(attributes[1])};
  tests.push_back(std::move(test));
  return tests;
}

Json association_configuration(const AssociationQuestion& question) {
  return {{"tests", question.tests}, {"targets", question.targets}, {"attributes", question.attributes},
          {"lowercase", question.lowercase}, {"limit", question.permutation.limit},
          {"samples", question.permutation.samples}, {"seed", question.permutation.seed},
          {"resamples", question.resamples}, {"confidence", question.confidence}};
}

void add_associations(const std::vector<AssociationTest>& tests, const formats::WordVectors& vectors,
                      const AssociationQuestion& question, Json& document) {
  const Index index = vectors.index();
  std::vector<std::string> caveats = {
      "0 is unbiased; positive: X goes with A and Y with B. effect_size divides by the standard deviation with n - 1, "
      "which is the published form; effect_size_ddof0 by that with n.",
      "p_value counts relabellings at least as large, p_value_strict larger ones alone. They say whether the words at hand differ, "
      "not whether a model's behaviour does.",
      "The interval resamples words within the four sets: it is about other words of the same kind, as far as these stand for them."};
  for (const AssociationTest& test : tests) {
    document["results"].push_back(result_of(test, vectors, index, question, caveats));
  }
  for (const std::string& caveat : caveats) document["caveats"].push_back(caveat);
}

Json associations_of_vectors(const std::filesystem::path& path, const AssociationQuestion& question) {
  const std::vector<AssociationTest> tests = association_tests(question);
  std::unordered_set<std::string> wanted;
  for (const AssociationTest& test : tests) {
    for (const WordList* list : {&test.x, &test.y, &test.a, &test.b}) {
      for (const std::string& word : list->words) wanted.insert(question.lowercase ? text::lowercase(word) : word);
    }
  }
  core::DocumentStart start;
  start.schema = "discreet.fairness.association/1";
  start.configuration = association_configuration(question);
  start.inputs.push_back(core::describe_input("vectors", path));
  if (!question.word_lists.empty()) start.inputs.push_back(core::describe_input("word_lists", question.word_lists));
  Json document = core::make_document(start);

  const formats::WordVectors vectors =
      formats::read_word_vectors(path, {.wanted = [&](const std::string& word) { return wanted.count(word) > 0; }});
  add_associations(tests, vectors, question, document);
  return document;
}

}  // namespace discreet::app
