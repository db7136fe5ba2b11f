#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "discreet/app/generation_data.h"
#include "discreet/core/document.h"
#include "discreet/core/json.h"

namespace discreet::app {

/// What a classifier said of each generation.
struct ClassifierLabels {
  std::string role;                    ///< "sentiment", "toxicity", "regard"
  std::vector<std::string> classes;
  std::vector<std::size_t> labels;     ///< [generations] its most likely class
  core::InputFile input;               ///< The classifier.
  std::string caveat{};                ///< What is known of it: its accuracy, if it is a run of ours.
};

struct GenerationQuestion {
  std::filesystem::path vectors{};     ///< Word vectors for polarity by embedding; empty: left out.
  bool lowercase = true;               ///< Of words looked up there.
  std::filesystem::path hurtful{};     ///< Words, one a line, for HONEST; empty: left out.
  std::filesystem::path word_lists{};  ///< {"group": [words]} in place of the words of men and women.
  std::filesystem::path targets{};     ///< Words, one a line, for stereotypical association; empty: 40 occupations.
  std::uint64_t seed = 0, resamples = 500;
  double confidence = 0.95;
  std::uint64_t least = 10;            ///< Shares over fewer generations are called small.
};

/// Fairness of generations: a discreet.fairness.generation/1 document.
///
/// `results` holds, per domain where there are several and over all: gender polarity by words and by
/// embedding (weighted average, maximum), by group and its largest gap; HONEST; demographic representation;
/// stereotypical association; co-occurrence; neutrality, skew and stereotype where records say whose work it
/// is said to be; shares of each classifier's classes by group, and their gaps. Each has n, direction,
/// reference and an interval, or null with a reason.
Json generation_document(const std::vector<GenerationRecord>& records, const std::vector<ClassifierLabels>& labels,
                         const GenerationQuestion& question, const std::vector<core::InputFile>& inputs,
                         const Json& configuration);

}  // namespace discreet::app
