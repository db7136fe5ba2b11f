#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "discreet/app/internal/budget.h"
#include "discreet/core/json.h"
#include "discreet/privacy/event.h"
#include "discreet/privacy/noise.h"

namespace discreet::app {

/// What a question about devices' data may cost.
struct ReleasePrivacy {
  std::optional<double> noise_multiplier, epsilon;  ///< One of them; neither: exact, no guarantee.
  double delta = 0;                                 ///< Needed with either.
  std::string accountant = "prv";
  std::optional<std::int64_t> insecure_seed;  ///< Repeatable, and no guarantee.
  Budget budget;

  bool is_private() const { return noise_multiplier || epsilon; }
};

ReleasePrivacy release_privacy_from(const Json& request);

/// The multiplier that was given, or the smallest whose event costs at most epsilon; 0 without privacy. The ledger,
/// if there is one, is charged with that event, on account of `what`: ask once, before anything is looked at.
/// Throws: kPrivacyRefused if it can't be reached or paid for.
double release_multiplier(const ReleasePrivacy& privacy, const std::string& what,
                          const std::function<privacy::Event(double)>& event);

std::unique_ptr<privacy::NoiseSource> release_noise(const ReleasePrivacy& privacy, const std::string& stream);

/// Adds "private", "epsilon", "delta", "event", "statement" and, where there is none, a caveat to `document`.
void state_release(const ReleasePrivacy& privacy, const privacy::Event& event, const std::string& what,
                   Json& document);

}  // namespace discreet::app
