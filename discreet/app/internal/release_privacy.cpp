#include "discreet/app/internal/release_privacy.h"

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/calibrate.h"
#include "discreet/privacy/statement.h"

namespace discreet::app {

ReleasePrivacy release_privacy_from(const Json& request) {
  ReleasePrivacy privacy;
  if (request.contains("noise_multiplier")) privacy.noise_multiplier = request["noise_multiplier"].get<double>();
  if (request.contains("epsilon")) privacy.epsilon = request["epsilon"].get<double>();
  privacy.delta = request.value("delta", privacy.delta);
  privacy.accountant = request.value("accountant", privacy.accountant);
  if (request.contains("insecure_seed")) privacy.insecure_seed = request["insecure_seed"].get<std::int64_t>();
  privacy.budget = budget_of(request, privacy.delta, privacy::Unit::kUser);  // A device.
  if (!privacy.budget.ledger.empty() && (!privacy.is_private() || privacy.insecure_seed)) {
    throw privacy_refused(privacy.budget.ledger + ": an answer without a guarantee cannot be charged to a budget",
                          "Give --epsilon or --noise-multiplier, and no --insecure-seed, or leave --ledger out.");
  }
  if (privacy.noise_multiplier && privacy.epsilon) {
    throw usage_error("--epsilon and --noise-multiplier exclude each other", "Give one of them.");
  }
  if (!privacy.is_private() && (request.contains("delta") || request.contains("insecure_seed") || request.contains("accountant"))) {
    throw usage_error("--delta, --accountant and --insecure-seed say how noise is counted and drawn, and no noise is asked for",
                      "Give --epsilon or --noise-multiplier too, or leave them out for exact sums.");
  }
  if (privacy.is_private() && !(privacy.delta > 0 && privacy.delta < 1)) {
    throw privacy_refused(fmt::format("noise with delta {:g}: Gaussian noise has a guarantee for a delta between 0 and 1 alone", privacy.delta),
                          "Give --delta, well below one over the number of devices.");
  }
  if (privacy.noise_multiplier && !(*privacy.noise_multiplier > 0)) {
    throw usage_error(fmt::format("a noise multiplier of {}", *privacy.noise_multiplier), "Leave it out for exact sums.");
  }
  return privacy;
}

double release_multiplier(const ReleasePrivacy& privacy, const std::string& what,
                          const std::function<privacy::Event(double)>& event) {
  if (!privacy.is_private()) return 0;
  double multiplier = privacy.noise_multiplier.value_or(0);
  if (privacy.epsilon) {
    const auto accountant = privacy::make_accountant(privacy.accountant);
    multiplier = privacy::calibrate_noise_multiplier({*privacy.epsilon, privacy.delta, accountant.get()}, event).value;
  }
  charge_budget(privacy.budget, what, event(multiplier), false);
  return multiplier;
}

std::unique_ptr<privacy::NoiseSource> release_noise(const ReleasePrivacy& privacy, const std::string& stream) {
  if (privacy.insecure_seed || !privacy.is_private()) {
    return std::make_unique<privacy::InsecureNoise>(
        static_cast<std::uint64_t>(privacy.insecure_seed.value_or(1)), stream);
  }
  return std::make_unique<privacy::SecureNoise>();
}

void state_release(const ReleasePrivacy& privacy, const privacy::Event& event, const std::string& what, Json& document) {
  document["private"] = privacy.is_private() && !privacy.insecure_seed;
  if (!privacy.is_private()) {
    core::set_absent(document, "epsilon", "the sums are exact");
    core::set_absent(document, "delta", "the sums are exact");
    document["caveats"].push_back("The sums are exact: the devices' examples are not on the server, but nothing bounds what the numbers tell of them.");
    return;
  }
  const auto accountant = privacy::make_accountant(privacy.accountant);
  const privacy::Bound bound = accountant->epsilon(event, privacy::Delta(privacy.delta));
  document["epsilon"] = core::number(bound.guarantee());
  document["delta"] = privacy.delta;
  document["accountant"] = privacy.accountant;
  document["event"] = event.to_json();
  document["statement"] = fmt::format(
      "{} is ({}, {})-differentially private for adding or removing one device with all its examples, by the {} accountant. "
      "Who sees single messages, or the number of devices, is outside of this claim.",
      what, privacy::rounded_up(bound.value), privacy::rounded_up(privacy.delta), privacy.accountant);
  if (privacy.insecure_seed) {
    document["caveats"].push_back("--insecure-seed: the noise can be computed again, so nothing is guaranteed.");
  }
}

}  // namespace discreet::app
