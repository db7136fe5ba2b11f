#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/config.h"
#include "discreet/nn/batch.h"

namespace discreet::nn {
class Model;
}  // namespace discreet::nn

namespace discreet::audit {

/// One place of an example whose token the attacker does not know.
struct SecretPlace {
  std::int64_t row = -1;        ///< Of the example's tokens; -1: nothing reads it (a language model's last).
  std::int64_t label_row = -1;  ///< Of its tags: where a language model predicts it; -1 otherwise.
  std::vector<std::int64_t> ids;                      ///< [k] the candidates' tokens.
  std::vector<std::vector<std::int64_t>> characters;  ///< [k], or empty where the model reads none.
};

/// What an attacker with the model in hand knows, and what is sought: the code, one candidate for each
/// place, under which the loss of the labels is smallest.
struct ExtractionProblem {
  std::shared_ptr<nn::Model> model;
  nn::EncodedExamples example;  ///< One; any candidates at the places; labels as the attacker takes them.
  std::vector<SecretPlace> places;
  bool next_token = false;  ///< The tokens are the labels (a language model).

  /// Number of codes; infinity where a double cannot count them.
  double space() const;
};

using Code = std::vector<std::int64_t>;  ///< [n] numbers of candidates.

/// The example's whole loss under each code, in evaluation mode and without gradients: the tags' or the
/// class's negative log-likelihood, summed over tokens.
///
/// Shapes: M codes; returns [M]. Cost: batches of at most 32,768 tokens. Throws: kInternal for a code that
/// does not fit.
std::vector<double> code_losses(const ExtractionProblem& problem, std::span<const Code> codes);

/// The loss of every code, by its number: the last place fastest. Throws: kUsage if there are more than
/// `limit`.
std::vector<double> all_losses(const ExtractionProblem& problem, double limit);
Code code_of_number(const ExtractionProblem& problem, std::uint64_t number);
std::uint64_t number_of_code(const ExtractionProblem& problem, const Code& code);

/// 1 + how many others have a loss that is no larger: of equals the one asked for stands last.
std::uint64_t exposure_rank(std::span<const double> losses, std::uint64_t number);

/// The losses of any examples, as `code_losses` has them; NaN where a tag or class is not known (-1).
std::vector<double> example_losses(nn::Model& model, const nn::EncodedExamples& data);

/// What an attack came to.
struct Extraction {
  Code code;
  double loss = 0;               ///< Of that code, not relaxed.
  std::int64_t iterations = 0;   ///< Gradient steps, sweeps or places.
  std::int64_t evaluations = 0;  ///< Examples that went through the model.
};

/// An attack, as it stands in the registry (kind "extraction").
struct ExtractionAttack {
  /// Why it cannot attack this, in words that end a sentence; empty if it can.
  std::string (*missing)(const ExtractionProblem& problem) = nullptr;
  /// `options` holds a table under the attack's name. Leaves the model as it was.
  /// Throws: kUsage for an option out of bounds.
  Extraction (*run)(const ExtractionProblem& problem, const core::Config& options, std::uint64_t seed) = nullptr;
};

}  // namespace discreet::audit
