#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/app/word_lists.h"
#include "discreet/core/json.h"
#include "discreet/formats/word_vectors.h"
#include "discreet/stats/weat.h"

namespace discreet::app {

/// What `fairness association` asks of vectors.
struct AssociationQuestion {
  std::vector<std::string> tests;        ///< Built-in ones; or
  std::filesystem::path word_lists;      ///< lists of a file, of which
  std::vector<std::string> targets;      ///< two are X and Y,
  std::vector<std::string> attributes;   ///< and two A and B.
  bool lowercase = false;                ///< Look words up in lower case.
  double most_lost = 0.2;                ///< Above this share of lost words a caveat stands.
  stats::PermutationOptions permutation;
  std::uint64_t resamples = 1000;        ///< Of the bootstrap over words; 0: no interval.
  double confidence = 0.95;
};

/// The tests that a question names. Throws: kUsage for an unknown test or list, or too few lists.
std::vector<AssociationTest> association_tests(const AssociationQuestion& question);

/// The question as a document's configuration has it.
Json association_configuration(const AssociationQuestion& question);

/// Adds a result for each test, and what must be known of them, to a document. A word's vector is looked up
/// by its spelling.
void add_associations(const std::vector<AssociationTest>& tests, const formats::WordVectors& vectors,
                      const AssociationQuestion& question, Json& document);

/// Association tests on a file of word vectors: a discreet.fairness.association/1 document.
///
/// Words are looked up exactly. Lost words are listed; a test with an empty set has null in place of
/// its figures, with a reason. Throws: kUsage for an unknown test or list, or too few lists; kBadData
/// naming file and line for what are no vectors.
Json associations_of_vectors(const std::filesystem::path& vectors, const AssociationQuestion& question);

}  // namespace discreet::app
