#include "discreet/app/ops/internal/run_counterfactuals.h"

#include <cmath>

#include <fmt/format.h>

#include "discreet/core/document.h"
#include "discreet/mitigate/words/swapper.h"
#include "discreet/text/unicode.h"

namespace discreet::app {
namespace {

mitigate::SwapLists swap_lists(const std::string& swap) {
  mitigate::SwapLists lists = mitigate::default_gender_lists();
  if (swap == "gender") return lists;
  mitigate::WordPairs given;
  mitigate::read_pairs(swap, mitigate::PairConflict::kError, true, given, lists.left_out);
  // A file's pair replaces what the project's own lists say of its words.
  for (mitigate::WordPairs* own : {&lists.pairs, &lists.one_way, &lists.names}) {
    std::erase_if(*own, [&](const auto& pair) {
      for (const auto& [a, b] : given) {
        if (pair.first == a || pair.first == b || pair.second == a || pair.second == b) return true;
      }
      return false;
    });
  }
  lists.pairs.insert(lists.pairs.end(), given.begin(), given.end());
  return lists;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

Counterfactuals counterfactual_copies(const Encoder& encoder, const EncodedData& data, const std::string& swap) {
  const mitigate::Swapper swapper(swap_lists(swap));
  mitigate::SwapCounts counts = swapper.no_counts();
  Counterfactuals found;
  std::vector<text::Example> copies;
  std::string swapped;
  for (std::size_t i = 0; i < data.examples.size(); ++i) {
    const text::Example& example = data.examples[i];
    const std::string words = joined(example.words);
    // A source of words joins them by spaces itself: such words are kept apart as they are.
    const bool by_words = example.text.empty() || text::lowercase(example.text) == words;
    swapped.clear();
    swapper.swap(by_words ? words : example.text, swapped, counts);
    if (swapped == (by_words ? words : example.text)) continue;
    text::Example copy = example;
    copy.tags.clear();
    copy.text = swapped;
    copy.words = by_words ? text::split_spaces(swapped) : std::vector<std::string>{};
    text::tokenize_example(*encoder.tokenizer, copy);
    copies.push_back(std::move(copy));
    found.original.push_back(static_cast<std::int64_t>(i));
  }
  found.words_changed = counts.changed();
  if (!copies.empty()) found.copies = encode(encoder, std::move(copies));
  return found;
}

CounterfactualChanges counterfactual_changes(const Scores& scores, const Scores& of_copies,
                                             const Counterfactuals& copies, std::size_t classes) {
  CounterfactualChanges changes;
  for (std::size_t c = 0; c < copies.original.size(); ++c) {
    const auto i = static_cast<std::size_t>(copies.original[c]);
    const auto predicted = static_cast<std::size_t>(scores.intents[i]);
    changes.gap.push_back(std::abs(static_cast<double>(scores.intent_probabilities[i * classes + predicted]) -
                                   of_copies.intent_probabilities[c * classes + predicted]));
    changes.flip.push_back(scores.intents[i] != of_copies.intents[c] ? 1 : 0);
  }
  return changes;
}

void add_counterfactual_results(const CounterfactualChanges& changes, const Counterfactuals& copies,
                                std::size_t examples, const stats::BootstrapOptions& options, Json& document) {
  const std::size_t n = changes.gap.size();
  const std::vector<stats::Stratum> strata = {stats::whole_sample(n)};
  const auto estimates = stats::bootstrap_many(
      strata, 2,
      [&](std::span<const std::uint32_t> indices, std::span<std::optional<double>> out) {
        if (indices.empty()) return;
        double gap = 0, flips = 0;
        for (const std::uint32_t i : indices) {
          gap += changes.gap[i];
          flips += changes.flip[i];
        }
        out[0] = gap / static_cast<double>(indices.size());
        out[1] = flips / static_cast<double>(indices.size());
      },
      options);
  std::size_t flips = 0;
  for (const std::uint8_t flip : changes.flip) flips += flip;
  for (std::size_t m = 0; m < 2; ++m) {
    Json result = {{"metric", m == 0 ? "counterfactual_token_fairness_gap" : "counterfactual_flip_rate"}};
    if (estimates[m].value) result["value"] = *estimates[m].value;
    else core::set_absent(result, "value", "no example has a word that the lists exchange");
    if (estimates[m].ci) result["ci"] = {estimates[m].ci->low, estimates[m].ci->high};
    else core::set_absent(result, "ci", "too few resamples have a value");
    result["n_groups"] = 0;
    result["n"] = n;
    result["copies"] = n;
    if (m == 1) result["flips"] = flips;
    document["results"].push_back(result);
  }
  document["caveats"].push_back(fmt::format(
      "Counterfactual figures are over the {} of {} examples in which the lists exchange a word ({} words), by the probability of the "
      "class predicted for the original. Words that tell a group but stand in no list are not exchanged: 0 is no proof of fairness.",
      n, examples, copies.words_changed));
}

}  // namespace discreet::app
