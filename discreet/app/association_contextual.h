#pragma once

#include <map>
#include <string>
#include <vector>

#include "discreet/app/association.h"
#include "discreet/stats/ceat.h"

namespace discreet::app {

/// A word's contexts, as vectors and as they were met.
struct ContextualWord {
  stats::WordSet vectors;   ///< [contexts, d]
  std::uint64_t seen = 0;   ///< Occurrences in the corpus.
};

/// Adds a contextual association (CEAT) for each test to a discreet.fairness.association/1 document. Words
/// without a context are lost, and listed; a test with an empty set has null in place of its figures, with
/// a reason.
void add_contextual_associations(const std::vector<AssociationTest>& tests,
                                 const std::map<std::string, ContextualWord>& words,
                                 const AssociationQuestion& question, const stats::CeatOptions& options, Json& document);

/// Sentences for words, bleached templates that say nothing of them: "This is W.", "That is W.", "There is W.", "Here is W.", "W
/// is here.", "W is there."; for names also "W is a person.", "The person's name is W."; the built-in lists of counted
/// nouns (flowers, insects, instruments, weapons) with articles, "It is a W." and "A W is a thing.". Sentences with other
/// parts of speech told apart: give them as lists.
/// Ref: May et al. 2019.
AssociationTest sentence_test(const AssociationTest& words);

}  // namespace discreet::app
