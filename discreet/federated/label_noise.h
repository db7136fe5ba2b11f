#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace discreet::federated {

/// How labels that people give go wrong.
enum class LabelNoiseKind {
  kSymmetric,  ///< Any other class alike.
  kPair,       ///< The next class.
  kConfusion,  ///< By a matrix given.
  kInstance,   ///< Some texts are harder than others, and each has its own wrong class.
};

struct LabelNoise {
  LabelNoiseKind kind = LabelNoiseKind::kSymmetric;
  double rate = 0;                ///< Mean share of wrong labels; of no use to kConfusion.
  std::vector<double> confusion;  ///< [C, C] of kConfusion: row truth, column label; rows sum to 1.
};

/// Throws: kUsage for a rate outside [0, 1], a confusion of another shape or with rows that do not sum
/// to 1 (within 1e-6).
void check_label_noise(const LabelNoise& noise, std::int64_t classes);

/// P(label | truth), [C, C] row by row. kInstance: the mean over texts is not known; kSymmetric's is given.
std::vector<double> transition_matrix(const LabelNoise& noise, std::int64_t classes);

/// The label that this source gives to a text whose right one is `truth`: a function of its arguments,
/// so that a device tells the same in every round. One class alone is never mistaken.
std::int64_t noisy_label(const LabelNoise& noise, std::int64_t truth, std::int64_t classes,
                         std::span<const std::string> words, std::uint64_t seed, const std::string& example);

/// How hard a text is, in [0, 1] and uniform over texts of random words: the rank of a sum of normal
/// weights, one for each word by a keyed hash.
double text_difficulty(std::span<const std::string> words, std::uint64_t seed);

}  // namespace discreet::federated
