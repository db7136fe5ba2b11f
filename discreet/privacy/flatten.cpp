#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "discreet/privacy/event.h"

namespace discreet::privacy {
namespace {

/// What happens to one batch: the sum of z^-2 over its Gaussians, and pure epsilons added up.
struct OneBatch {
  double inverse_squares = 0;
  double single = 0;  ///< The multiplier, if there is one Gaussian: without rounding.
  int gaussians = 0;
  double pure = 0;
  bool non_private = false;
  std::string unsupported;

  double multiplier() const { return gaussians == 1 ? single : 1 / std::sqrt(inverse_squares); }
};

void add_gaussian(double z, double times, OneBatch& sum) {
  sum.inverse_squares += times / (z * z);
  sum.gaussians += times == 1 ? 1 : 2;
  sum.single = z;
}

void add_one_batch(const Event& event, double times, OneBatch& sum) {
  if (times == 0) return;
  switch (event.kind()) {
    case Event::Kind::kGaussian:
    case Event::Kind::kMatrixMechanism:
      return add_gaussian(event.noise_multiplier(), times, sum);
    case Event::Kind::kLaplace:
      sum.pure += times / event.noise_multiplier();
      return;
    case Event::Kind::kPureDp:
      sum.pure += times * event.epsilon();
      return;
    case Event::Kind::kSelfComposed:
      return add_one_batch(event.children()[0], times * static_cast<double>(event.count()), sum);
    case Event::Kind::kComposed:
      for (const Event& child : event.children()) add_one_batch(child, times, sum);
      return;
    case Event::Kind::kNonPrivate:
      sum.non_private = true;
      return;
    case Event::Kind::kUnsupported:
      sum.unsupported = event.what().empty() ? "an event without a name" : event.what();
      return;
    default:
      sum.unsupported = fmt::format("'{}' inside of sampling", name(event.kind()));
      return;
  }
}

void merge_other(FlatEvent& flat, const Event& event, std::int64_t times) {
  for (OtherStep& known : flat.others) {
    if (!(known.event == event)) continue;
    if (__builtin_add_overflow(known.times, times, &known.times)) {
      flat.unsupported = "more than 2^63 steps";
    }
    return;
  }
  flat.others.push_back({event, times});
}

/// Less noise counts as none and more as this much, which bounds the cost from above; the accountants'
/// squares stay finite.
constexpr double kLeastNoise = 1e-100, kMostNoise = 1e100;

void add_phase(FlatEvent& flat, Phase phase) {
  if (phase.steps == 0 || phase.sampling_rate == 0 || std::isinf(phase.noise_multiplier)) return;
  if (phase.noise_multiplier < kLeastNoise) {
    flat.non_private = true;
    return;
  }
  phase.noise_multiplier = std::min(phase.noise_multiplier, kMostNoise);
  for (Phase& known : flat.phases) {
    if (known.noise_multiplier != phase.noise_multiplier) continue;
    if (known.sampling_rate != phase.sampling_rate) continue;
    if (__builtin_add_overflow(known.steps, phase.steps, &known.steps)) {
      flat.unsupported = "more than 2^63 steps";
    }
    return;
  }
  flat.phases.push_back(phase);
}

void add_pure(FlatEvent& flat, double epsilon, std::int64_t times) {
  if (epsilon == 0) return;
  if (std::isinf(epsilon)) {
    flat.non_private = true;
  } else {
    merge_other(flat, Event::pure_dp(Epsilon(epsilon)), times);
  }
}

/// A kind of sampling with one batch's events inside.
void add_sampled(const Event& event, std::int64_t times, FlatEvent& flat) {
  const bool by_rate = event.kind() != Event::Kind::kSampledWithoutReplacement;
  const double rate = by_rate ? event.sampling_rate()
                              : static_cast<double>(event.batch()) /
                                    static_cast<double>(event.units());
  if (rate == 0) return;
  OneBatch batch;
  add_one_batch(event.children()[0], 1, batch);
  if (!batch.unsupported.empty()) flat.unsupported = batch.unsupported;
  if (batch.non_private || std::isinf(batch.pure)) flat.non_private = true;
  if (!batch.unsupported.empty() || flat.non_private) return;
  const bool plain = event.kind() == Event::Kind::kPoissonSampled || rate == 1;
  if (batch.pure > 0) {
    if (batch.gaussians > 0 || !plain) {
      flat.unsupported =
          batch.gaussians > 0
              ? "Gaussian noise and a pure epsilon on one sampled batch"
              : fmt::format("a pure epsilon inside of '{}'", name(event.kind()));
      return;
    }
    return add_pure(flat, std::log1p(rate * std::expm1(batch.pure)), times);
  }
  if (batch.gaussians == 0 || std::isinf(batch.multiplier())) return;
  // All units in every batch: but above the cap some are left out, and which depends on the others.
  const bool capped = event.kind() == Event::Kind::kTruncatedPoissonSampled;
  if (!capped && plain) return add_phase(flat, {batch.multiplier(), rate, times});
  if (capped && event.batch() >= event.units()) {
    return add_phase(flat, {batch.multiplier(), rate, times});
  }
  if (batch.multiplier() < kLeastNoise) {
    flat.non_private = true;
    return;
  }
  const Event inside = Event::gaussian(NoiseMultiplier(std::min(batch.multiplier(), kMostNoise)));
  merge_other(flat,
              capped ? Event::truncated_poisson_sampled(SamplingRate(rate), event.units(),
                                                        event.batch(), inside)
                     : Event::sampled_without_replacement(event.units(), event.batch(), inside),
              times);
}

void add_selection(const Event& event, std::int64_t times, FlatEvent& flat) {
  const FlatEvent inside = flatten(event.children()[0]);
  if (!inside.unsupported.empty()) flat.unsupported = inside.unsupported;
  if (inside.non_private) flat.non_private = true;
  if (!inside.unsupported.empty() || inside.non_private || inside.empty()) return;
  merge_other(flat, event, times);
}

void flatten_into(const Event& event, std::int64_t times, FlatEvent& flat) {
  if (times == 0) return;
  switch (event.kind()) {
    case Event::Kind::kGaussian:
    case Event::Kind::kMatrixMechanism:
      return add_phase(flat, {event.noise_multiplier(), 1.0, times});
    case Event::Kind::kLaplace:
      if (event.noise_multiplier() == 0) {
        flat.non_private = true;
      } else {
        merge_other(flat, event, times);
      }
      return;
    case Event::Kind::kPureDp:
      return add_pure(flat, event.epsilon(), times);
    case Event::Kind::kPoissonSampled:
    case Event::Kind::kTruncatedPoissonSampled:
    case Event::Kind::kSampledWithoutReplacement:
      return add_sampled(event, times, flat);
    case Event::Kind::kShuffledEpoch:
      return flatten_into(event.children()[0], times, flat);
    case Event::Kind::kCyclicPoissonBanded: {
      const std::int64_t rounds = event.steps() / event.bands() + (event.steps() % event.bands() != 0);
      std::int64_t product;
      if (__builtin_mul_overflow(times, rounds, &product)) {
        flat.unsupported = "more than 2^63 steps";
        return;
      }
      return add_phase(flat, {event.noise_multiplier(), event.sampling_rate(), product});
    }
    case Event::Kind::kRepeatAndSelect:
      return add_selection(event, times, flat);
    case Event::Kind::kSelfComposed: {
      std::int64_t product;
      if (__builtin_mul_overflow(times, event.count(), &product)) {
        flat.unsupported = "more than 2^63 steps";
        return;
      }
      return flatten_into(event.children()[0], product, flat);
    }
    case Event::Kind::kComposed:
      for (const Event& child : event.children()) flatten_into(child, times, flat);
      return;
    case Event::Kind::kNonPrivate:
      flat.non_private = true;
      return;
    case Event::Kind::kUnsupported:
      flat.unsupported = event.what().empty() ? "an event without a name" : event.what();
      return;
  }
}

}  // namespace

std::int64_t FlatEvent::steps() const {
  std::int64_t sum = 0;
  const auto add = [&](std::int64_t more) {
    if (__builtin_add_overflow(sum, more, &sum)) sum = std::numeric_limits<std::int64_t>::max();
  };
  for (const Phase& phase : phases) add(phase.steps);
  for (const OtherStep& other : others) add(other.times);
  return sum;
}

FlatEvent flatten(const Event& event) {
  FlatEvent flat;
  flatten_into(event, 1, flat);
  return flat;
}

std::string why_not_relation(const Event& event, Relation relation) {
  const auto refused = [&](const char* which, const char* why) {
    return fmt::format("{} with relation '{}': {}", which, name(relation), why);
  };
  switch (event.kind()) {
    case Event::Kind::kCyclicPoissonBanded:
      if (relation != Relation::kZeroOut) {
        return refused("groups of units in turn",
                       "a unit's group may depend on how many units there are; state zero_out");
      }
      break;
    case Event::Kind::kPoissonSampled:
      if (relation == Relation::kReplaceOne && event.sampling_rate() > 0 &&
          event.sampling_rate() < 1) {
        return refused("Poisson batches",
                       "no accountant here covers the pair; state add_or_remove_one or zero_out");
      }
      break;
    case Event::Kind::kTruncatedPoissonSampled:
      if (relation != Relation::kZeroOut) {
        return refused("truncated Poisson batches",
                       "the bound needs a public number of units; state zero_out");
      }
      break;
    case Event::Kind::kSampledWithoutReplacement:
      if (relation != Relation::kReplaceOne) {
        return refused("batches of fixed size without replacement",
                       "the amplification is proven for replace_one only");
      }
      break;
    case Event::Kind::kShuffledEpoch:
      if (relation == Relation::kAddOrRemoveOne) {
        return refused("shuffled batches of fixed size",
                       "one unit more or less moves others to other batches, and the contribution "
                       "is not bounded; state replace_one or zero_out");
      }
      break;
    default:
      break;
  }
  for (const Event& child : event.children()) {
    if (auto reason = why_not_relation(child, relation); !reason.empty()) return reason;
  }
  return "";
}

}  // namespace discreet::privacy
