#include "discreet/text/generation/filters.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <unordered_set>

#include "discreet/core/error.h"

namespace discreet::text {
namespace {

constexpr float kRuledOut = -std::numeric_limits<float>::infinity();

void check_token(std::int64_t token, std::span<const float> logits, const char* what) {
  if (token >= 0 && token < static_cast<std::int64_t>(logits.size())) return;
  throw usage_error(std::string(what) + " names token " + std::to_string(token) +
                        ", the vocabulary has " + std::to_string(logits.size()),
                    "Give token ids of this model's tokenizer.");
}

/// Places of the tokens that are not ruled out.
std::vector<std::size_t> places_left(std::span<const float> logits) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] != kRuledOut) places.push_back(i);
  }
  return places;
}

/// Rules out every place of `places` from `kept` on.
void rule_out_from(std::span<float> logits, const std::vector<std::size_t>& places, std::size_t kept) {
  for (std::size_t i = kept; i < places.size(); ++i) logits[places[i]] = kRuledOut;
}

}  // namespace

void penalise_repetition(std::span<float> logits, std::span<const std::int64_t> ids, double penalty) {
  const std::unordered_set<std::int64_t> seen(ids.begin(), ids.end());
  const auto factor = static_cast<float>(penalty);
  for (const std::int64_t id : seen) {
    if (id < 0 || id >= static_cast<std::int64_t>(logits.size())) continue;
    float& logit = logits[static_cast<std::size_t>(id)];
    logit = logit < 0 ? logit * factor : logit / factor;
  }
}

void forbid_repeated_ngrams(std::span<float> logits, std::span<const std::int64_t> ids,
                            std::int64_t size) {
  const auto length = static_cast<std::int64_t>(ids.size());
  if (size <= 0 || length + 1 < size) return;
  const auto tail = ids.last(static_cast<std::size_t>(size - 1));
  for (std::int64_t begin = 0; begin + size <= length; ++begin) {
    const auto run = ids.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
    if (!std::ranges::equal(run.first(tail.size()), tail)) continue;
    const std::int64_t next = run.back();
    if (next >= 0 && next < static_cast<std::int64_t>(logits.size())) {
      logits[static_cast<std::size_t>(next)] = kRuledOut;
    }
  }
}

void forbid_words(std::span<float> logits, std::span<const std::int64_t> ids,
                  std::span<const std::vector<std::int64_t>> words) {
  for (const std::vector<std::int64_t>& word : words) {
    if (word.empty()) throw usage_error("a forbidden word has no tokens");
    for (const std::int64_t token : word) check_token(token, logits, "a forbidden word");
    const std::size_t before = word.size() - 1;
    if (before > ids.size()) continue;
    if (std::equal(word.begin(), word.end() - 1, ids.end() - static_cast<std::ptrdiff_t>(before))) {
      logits[static_cast<std::size_t>(word.back())] = kRuledOut;
    }
  }
}

void forbid_tokens(std::span<float> logits, std::span<const std::int64_t> forbidden) {
  for (const std::int64_t token : forbidden) {
    check_token(token, logits, "a forbidden token");
    logits[static_cast<std::size_t>(token)] = kRuledOut;
  }
}

void force_tokens(std::span<float> logits, std::span<const std::int64_t> allowed) {
  for (const std::int64_t token : allowed) check_token(token, logits, "a forced token");
  std::ranges::fill(logits, kRuledOut);
  for (const std::int64_t token : allowed) logits[static_cast<std::size_t>(token)] = 0;
}

void scale_by_temperature(std::span<float> logits, double temperature) {
  const auto scale = static_cast<float>(temperature);
  for (float& logit : logits) logit /= scale;
}

void keep_top_k(std::span<float> logits, std::int64_t k) {
  if (k <= 0 || k >= static_cast<std::int64_t>(logits.size())) return;
  std::vector<float> sorted(logits.begin(), logits.end());
  const auto last = sorted.begin() + (k - 1);
  std::nth_element(sorted.begin(), last, sorted.end(), std::greater<>());
  const float bound = *last;
  for (float& logit : logits) {
    if (logit < bound) logit = kRuledOut;
  }
}

void keep_top_p(std::span<float> logits, double p, std::int64_t keep) {
  std::vector<std::size_t> places = places_left(logits);
  const double total = log_sum_exp(logits);
  const auto higher = [&](std::size_t a, std::size_t b) {
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
  };
  // The head of the distribution is short: more is sorted only where it does not reach p.
  double reached = 0;
  std::size_t kept = 0, sorted = 0;
  while (kept < places.size() && (reached < p || static_cast<std::int64_t>(kept) < keep)) {
    if (kept == sorted) {
      const auto from = places.begin() + static_cast<std::ptrdiff_t>(sorted);
      sorted = std::min(places.size(), std::max<std::size_t>(64, 4 * sorted));
      std::partial_sort(from, places.begin() + static_cast<std::ptrdiff_t>(sorted), places.end(), higher);
    }
    reached += std::exp(static_cast<double>(logits[places[kept]]) - total);
    ++kept;
  }
  rule_out_from(logits, places, kept);
}

void keep_min_p(std::span<float> logits, double share, std::int64_t keep) {
  std::vector<std::size_t> places = places_left(logits);
  if (places.empty()) return;
  const std::size_t first = std::min(places.size(), static_cast<std::size_t>(std::max<std::int64_t>(keep, 1)));
  std::partial_sort(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(first), places.end(),
                    [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  const double bound = static_cast<double>(logits[places.front()]) + std::log(share);
  for (std::size_t i = first; i < places.size(); ++i) {
    if (static_cast<double>(logits[places[i]]) < bound) logits[places[i]] = kRuledOut;
  }
}

void keep_typical(std::span<float> logits, double mass, std::int64_t keep) {
  std::vector<std::size_t> places = places_left(logits);
  if (places.empty()) return;
  const double total = log_sum_exp(logits);
  double entropy = 0;
  for (const std::size_t i : places) {
    const double log_p = logits[i] - total;
    entropy -= log_p * std::exp(log_p);
  }
  const auto distance = [&](std::size_t i) { return std::abs(-(logits[i] - total) - entropy); };
  std::ranges::stable_sort(places, {}, distance);
  double reached = 0;
  std::size_t last = 0;  // the place at which the mass is reached
  for (; last < places.size(); ++last) {
    reached += std::exp(logits[places[last]] - total);
    if (reached >= mass) break;
  }
  last = std::min(last, places.size() - 1);
  std::size_t kept = last + 1;
  while (kept < places.size() && distance(places[kept]) <= distance(places[last])) ++kept;
  rule_out_from(logits, places, std::max(kept, static_cast<std::size_t>(keep)));
}

double log_sum_exp(std::span<const float> logits) {
  float highest = kRuledOut;
  for (const float logit : logits) highest = std::max(highest, logit);
  if (!std::isfinite(highest)) return highest;
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  return highest + std::log(sum);
}

std::int64_t most_likely(std::span<const float> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

std::int64_t draw_token(std::span<const float> logits, core::ReproducibleRng& rng) {
  const double uniform = rng.uniform();
  const double total = log_sum_exp(logits);
  if (!std::isfinite(total)) {
    throw bad_data("no token is left to draw, or the model's logits are not finite",
                   "Loosen the filters; see whether the model's weights are sound.");
  }
  double reached = 0;
  std::int64_t last = -1;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] == kRuledOut) continue;
    reached += std::exp(static_cast<double>(logits[i]) - total);
    last = static_cast<std::int64_t>(i);
    if (uniform < reached) break;
  }
  return last;  // by rounding the sum may end below 1
}

}  // namespace discreet::text
