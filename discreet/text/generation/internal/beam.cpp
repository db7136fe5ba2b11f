#include "discreet/text/generation/internal/beam.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "discreet/core/error.h"
#include "discreet/text/generation/filters.h"

namespace discreet::text::internal {

TextLimits limits_of(const NextTokenModel& model, const std::vector<std::int64_t>& prompt,
                     const GenerationOptions& options) {
  const auto length = static_cast<std::int64_t>(prompt.size());
  const std::int64_t longest = std::min(length + options.max_new_tokens, model.longest());
  if (options.max_length <= 0) return {length, longest};
  if (length >= options.max_length) {
    throw bad_data("a prompt has " + std::to_string(length) + " tokens, max_length is " +
                       std::to_string(options.max_length),
                   "Set max_new_tokens instead.");
  }
  return {length, std::min(longest, options.max_length)};
}

void process(std::span<float> logits, std::span<const std::int64_t> ids, const TextLimits& limits,
             const GenerationOptions& options) {
  const auto length = static_cast<std::int64_t>(ids.size());
  if (options.repetition_penalty != 1) penalise_repetition(logits, ids, options.repetition_penalty);
  forbid_repeated_ngrams(logits, ids, options.no_repeat_ngram_size);
  forbid_words(logits, ids, options.forbidden_words);
  const bool too_short = length < options.min_length || length - limits.prompt < options.min_new_tokens;
  if (too_short) forbid_tokens(logits, options.end);
  if (options.forced_first >= 0 && length == 1) force_tokens(logits, {{options.forced_first}});
  if (!options.forced_last.empty() && length == limits.longest - 1) {
    force_tokens(logits, options.forced_last);
  }
  forbid_tokens(logits, options.suppressed);
}

void warp(std::span<float> logits, const GenerationOptions& options, std::int64_t keep) {
  if (options.temperature != 1) scale_by_temperature(logits, options.temperature);
  if (options.top_k > 0) keep_top_k(logits, std::max(options.top_k, keep));
  if (options.top_p < 1) keep_top_p(logits, options.top_p, keep);
  if (options.min_p > 0) keep_min_p(logits, options.min_p, keep);
  if (options.typical_p < 1) keep_typical(logits, options.typical_p, keep);
}

double finite_total(std::span<const float> logits) {
  const double total = log_sum_exp(logits);
  if (std::isfinite(total)) return total;
  throw bad_data("the model's logits are not finite", "See whether the model's weights are sound.");
}

BeamSearch::BeamSearch(const std::vector<std::int64_t>& prompt, const TextLimits& limits,
                       const GenerationOptions& options, std::uint64_t number)
    : options_(options),
      limits_(limits),
      width_(static_cast<std::size_t>(options.beams)),
      rng_(options.seed, "generate/" + std::to_string(number)) {
  running_.push_back({.ids = prompt});
}

std::vector<BeamSearch::Candidate> BeamSearch::candidates(std::span<float> logits) {
  const std::size_t vocabulary = logits.size() / running_.size();
  const std::size_t marks = options_.end.size();
  const auto least = static_cast<std::int64_t>(marks == 0 ? 2 : 1 + marks);
  std::vector<Candidate> all;
  all.reserve(logits.size());
  std::vector<float> plain;
  for (std::size_t b = 0; b < running_.size(); ++b) {
    const std::span<float> row = logits.subspan(b * vocabulary, vocabulary);
    const double total = finite_total(row);
    for (float& logit : row) logit = static_cast<float>(logit - total);
    plain.assign(row.begin(), row.end());
    process(row, running_[b].ids, limits_, options_);
    if (options_.sample) warp(row, options_, least);
    for (std::size_t t = 0; t < vocabulary; ++t) {
      if (!std::isfinite(row[t])) continue;
      all.push_back({static_cast<std::int64_t>(b), static_cast<std::int64_t>(t),
                     running_[b].score + row[t], running_[b].log_prob + plain[t]});
    }
  }
  const std::size_t wanted = std::min(all.size(), std::max<std::size_t>(2, 1 + marks) * width_);
  const auto top = all.begin() + static_cast<std::ptrdiff_t>(wanted);
  if (options_.sample) {
    // The highest of score + Gumbel noise are a draw without replacement (Kool et al. 2019).
    std::vector<std::pair<double, std::size_t>> keys(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      keys[i] = {all[i].score - std::log(-std::log(rng_.uniform() + 0x1p-54)), i};
    }
    std::partial_sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(wanted), keys.end(),
                      [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<Candidate> drawn;
    for (std::size_t i = 0; i < wanted; ++i) drawn.push_back(all[keys[i].second]);
    std::ranges::stable_sort(drawn, std::greater<>(), &Candidate::score);
    return drawn;
  }
  std::partial_sort(all.begin(), top, all.end(), [](const Candidate& a, const Candidate& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.beam != b.beam ? a.beam < b.beam : a.token < b.token;
  });
  all.erase(top, all.end());
  return all;
}

void BeamSearch::finish(Beam beam) {
  const auto tokens = static_cast<double>(static_cast<std::int64_t>(beam.ids.size()) - limits_.prompt);
  beam.score /= std::pow(tokens, options_.length_penalty);
  finished_.push_back(std::move(beam));
  std::ranges::stable_sort(finished_, std::greater<>(), &Beam::score);
  if (finished_.size() > width_) finished_.pop_back();
}

bool BeamSearch::may_improve() const {
  if (running_.empty()) return false;
  if (finished_.size() < width_) return true;
  const auto length = static_cast<std::int64_t>(running_.front().ids.size());
  const bool longest = options_.early_stopping == EarlyStopping::kNever && options_.length_penalty > 0;
  const auto tokens = static_cast<double>((longest ? limits_.longest : length) - limits_.prompt);
  return running_.front().score / std::pow(tokens, options_.length_penalty) > finished_.back().score;
}

void BeamSearch::advance(std::span<float> logits) {
  const std::vector<Candidate> best = candidates(logits);
  // Fullness is judged before this step, as the reference does: one step may replace several.
  const bool closed = !improvable_ || (finished_.size() == width_ &&
                                       options_.early_stopping == EarlyStopping::kTrue);
  std::vector<Beam> next;
  bool any_goes_on = false;
  for (std::size_t i = 0; i < best.size(); ++i) {
    const Candidate& candidate = best[i];
    Beam beam = running_[static_cast<std::size_t>(candidate.beam)];
    beam.ids.push_back(candidate.token);
    beam.parent = candidate.beam;
    beam.score = candidate.score;
    beam.log_prob = candidate.log_prob;
    beam.ended = std::ranges::count(options_.end, candidate.token) > 0;
    const bool stops = beam.ended || static_cast<std::int64_t>(beam.ids.size()) >= limits_.longest;
    any_goes_on = any_goes_on || !stops;
    if (!stops) {
      if (next.size() < width_) next.push_back(std::move(beam));
    } else if (i < width_ && !closed) {
      finish(std::move(beam));
    }
  }
  running_ = std::move(next);
  improvable_ = improvable_ && may_improve();
  const bool full = finished_.size() == width_ && options_.early_stopping == EarlyStopping::kTrue;
  done_ = !improvable_ || full || !any_goes_on;
}

std::vector<GeneratedText> BeamSearch::best() {
  // Where fewer ended than are asked for, those that still ran stand behind.
  for (Beam& beam : running_) {
    if (finished_.size() >= static_cast<std::size_t>(options_.sequences)) break;
    const auto tokens = static_cast<double>(static_cast<std::int64_t>(beam.ids.size()) - limits_.prompt);
    beam.score /= std::pow(tokens, options_.length_penalty);
    finished_.push_back(std::move(beam));
  }
  std::vector<GeneratedText> out;
  for (Beam& beam : finished_) {
    if (out.size() == static_cast<std::size_t>(options_.sequences)) break;
    out.push_back({{beam.ids.begin() + limits_.prompt, beam.ids.end()},
                   beam.log_prob, beam.score, beam.ended});
  }
  return out;
}

}  // namespace discreet::text::internal
