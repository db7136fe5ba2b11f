#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discreet/app/ops/run_model.h"
#include "discreet/stats/counterfactual_gap.h"

namespace discreet::app {

/// Copies of those examples in which a swapper changes a word.
struct Counterfactuals {
  EncodedData copies;
  std::vector<std::int64_t> original;  ///< Of each copy: its example's place. Rising.
  std::uint64_t words_changed = 0;
};

/// `swap`: "gender" for the built-in lists, else a file of pairs beside them (mitigate/words/swap_lists.h).
/// Texts are exchanged as they are; of an example that came as words, these words.
/// Throws: kBadData for a file of pairs in which a word has two partners.
Counterfactuals counterfactual_copies(const Encoder& encoder, const EncodedData& data, const std::string& swap);

/// |f(x) - f(x')| of each copy, f the probability of the class that the model predicts for the original; and whether
/// the predicted class changes.
struct CounterfactualChanges {
  std::vector<double> gap;
  std::vector<std::uint8_t> flip;
};
CounterfactualChanges counterfactual_changes(const Scores& scores, const Scores& of_copies,
                                             const Counterfactuals& copies, std::size_t classes);

/// Appends counterfactual_token_fairness_gap and counterfactual_flip_rate to the results of a
/// discreet.fairness.groups/1 document, with intervals over examples, and what they rest on to its caveats.
/// Ref: Garg et al. 2019.
void add_counterfactual_results(const CounterfactualChanges& changes, const Counterfactuals& copies,
                                std::size_t examples, const stats::BootstrapOptions& options, Json& document);

}  // namespace discreet::app
