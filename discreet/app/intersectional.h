#pragma once

#include <filesystem>

#include "discreet/core/json.h"

namespace discreet::app {

/// Intersectional bias detection on word vectors: a discreet.fairness.intersectional/1 document with one
/// result per word of `question`.
///
/// `question`: a JSON file {"groups": {"AF": [words], "AM": […], …}, "group": "AF", "constituents":
/// [{"group": ["AF", "AM"], "other": ["EF", "EM"]}, …], "words": [candidates]}; without constituents nothing is
/// emergent. Lost words are listed; a group without a vector is an error.
/// Throws: kBadData naming what the file lacks or misspells.
Json intersectional_of_vectors(const std::filesystem::path& vectors, const std::filesystem::path& question,
                               double threshold, bool lowercase);

}  // namespace discreet::app
