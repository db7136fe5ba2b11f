#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/config.h"
#include "discreet/core/random.h"
#include "discreet/mitigate/words/word_space.h"

namespace discreet::mitigate {

/// Replaces words by random words near them.
class Perturbation {
 public:
  virtual ~Perturbation() = default;

  /// A replacement for each of `words` (numbers in the space), drawn independently.
  virtual std::vector<std::size_t> replace(std::span<const std::size_t> words, core::SecureRng& rng) = 0;

  /// The exact distribution over the space of what replaces `word`; absent where it is not known in closed form.
  virtual std::optional<std::vector<double>> distribution(std::size_t word) = 0;

  /// Whether P(out | w) <= exp(epsilon d(w, w')) P(out | w') is proven for all words.
  virtual bool proven() const = 0;
  /// What is guaranteed of one word, or why nothing is; ends a sentence that begins "Each word: ".
  virtual std::string statement() const = 0;
};

/// `options` has a table under the mechanism's name. Throws: kUsage for options, kPrivacyRefused where the
/// mechanism does not exist for this epsilon.
using MakePerturbation = std::unique_ptr<Perturbation> (*)(const WordSpace& space, double epsilon,
                                                           const core::Config& options);

/// Words whose distances are made together: the vectors come from memory once for all of them.
inline constexpr std::size_t kQueriesAtOnce = 64;

/// Equal words share their distances: calls `act` once for each distinct one, with its distances to all words of the space and
/// where it stands in `words`.
void each_distinct_word(const WordSpace& space, std::span<const std::size_t> words,
                        const std::function<void(std::span<const float> distances, std::span<const std::size_t> places)>& act);

/// Standard normal, and Gamma(shape, 1) for shape >= 1, from secure bits. Ref: Marsaglia and Tsang 2000.
double secure_normal(core::SecureRng& rng);
double secure_gamma(double shape, core::SecureRng& rng);
/// Uniform in the open interval (0, 1).
double secure_open_uniform(core::SecureRng& rng);

}  // namespace discreet::mitigate
