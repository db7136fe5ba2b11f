#pragma once

#include <vector>

#include "discreet/core/random.h"
#include "discreet/text/generation/search.h"

namespace discreet::text::internal {

/// Tokens of a row's prompt, and the most that it may come to have.
struct TextLimits {
  std::int64_t prompt;
  std::int64_t longest;
};
TextLimits limits_of(const NextTokenModel& model, const std::vector<std::int64_t>& prompt,
                     const GenerationOptions& options);

/// What holds with and without sampling: the filters from the repetition penalty to suppressed tokens.
void process(std::span<float> logits, std::span<const std::int64_t> ids, const TextLimits& limits,
             const GenerationOptions& options);
/// What sampling adds; at least `keep` tokens stay.
void warp(std::span<float> logits, const GenerationOptions& options, std::int64_t keep);

/// log_sum_exp of a model's logits. Throws: kBadData where it is not finite.
double finite_total(std::span<const float> logits);

struct Beam {
  std::vector<std::int64_t> ids;  ///< prompt included
  std::int64_t parent = 0;        ///< which beam of the step before it continues
  double score = 0;               ///< sum of filtered log probabilities; ended: normalised by length
  double log_prob = 0;            ///< sum of the model's own
  bool ended = false;             ///< by an end mark
};

/// The beam search of one prompt, as transformers 5 runs it: of the best 2 beams (with E end marks
/// (1 + E) beams) continuations of all running beams, those that end and stand among the first `beams`
/// compete for the result, and the best that go on run.
class BeamSearch {
 public:
  BeamSearch(const std::vector<std::int64_t>& prompt, const TextLimits& limits,
             const GenerationOptions& options, std::uint64_t number);

  /// Running beams, best first; one before the first step.
  const std::vector<Beam>& beams() const { return running_; }
  bool done() const { return done_; }
  /// Logits [beams().size(), V] of the running beams' next tokens.
  void advance(std::span<float> logits);
  /// options.sequences texts, best first; call once, at the end.
  std::vector<GeneratedText> best();

 private:
  struct Candidate {
    std::int64_t beam, token;
    double score, log_prob;
  };
  std::vector<Candidate> candidates(std::span<float> logits);
  void finish(Beam beam);
  bool may_improve() const;

  const GenerationOptions& options_;
  TextLimits limits_;
  std::size_t width_;
  core::ReproducibleRng rng_;
  std::vector<Beam> running_, finished_;
  bool improvable_ = true, done_ = false;
};

}  // namespace discreet::text::internal
