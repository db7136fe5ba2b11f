#include <set>
#include <string>

#include <fmt/format.h>

#include "discreet/app/internal/federated_checks.h"
#include "discreet/core/error.h"

namespace discreet::app {
namespace {

void check_noise(const FederatedSettings& f, const Settings& s) {
  const FederatedOptions& own = f.own;
  if (own.noise == "central") {
    if (own.least_survivors == 0 && own.colluders == 0) return;
    throw usage_error("federated.least_survivors and colluders belong to federated.noise = \"distributed\"");
  }
  if (s.privacy.clipping != "flat" || s.privacy.mechanism != "dp-sgd") {
    throw usage_error(fmt::format("federated.noise = \"{}\" is independent noise on clipped updates", own.noise),
                      "Set privacy.mechanism = \"dp-sgd\" and privacy.clipping = \"flat\".");
  }
  if (own.selection != "uniform") {
    throw privacy_refused(fmt::format("federated.noise = \"{}\" with federated.selection = \"{}\": the server sees who takes "
                                      "part, and that depends on what each holds",
                                      own.noise, own.selection),
                          "Take selection uniform, or noise central.");
  }
  if (own.noise == "local") return;
  if (!own.secure_aggregation) {
    throw privacy_refused("federated.noise = \"distributed\": a share of the noise hides a client only within the "
                          "sum, which a server without secure aggregation looks behind",
                          "Set federated.secure_aggregation = true, or take noise central or local.");
  }
  if (own.least_survivors <= own.colluders) {
    throw privacy_refused(fmt::format("federated.least_survivors = {} with {} colluders: nobody is left whose noise "
                                      "is a secret",
                                      own.least_survivors, own.colluders),
                          "Set federated.least_survivors above federated.colluders.");
  }
}

/// Keys of [privacy] that say how `discreet train` is private.
void check_private_keys(const PrivacyOptions& p) {
  const PrivacyOptions none;
  const std::pair<const char*, bool> others[] = {
      {"noise_schedule", p.noise_schedule != none.noise_schedule},
      {"noise_floor", p.noise_floor != none.noise_floor},
      {"quantile_steps", p.quantile_steps != none.quantile_steps},
      {"max_examples_per_user", p.max_examples_per_user != none.max_examples_per_user},
      {"generic_rule", !p.generic_rule.empty()}};
  for (const auto& [key, given] : others) {
    if (!given) continue;
    throw usage_error(fmt::format("privacy.{} is for `discreet train`: a federation's rounds do not follow it", key),
                      "Leave it out: every round has the same noise, and all of a client's update is clipped.");
  }
}

}  // namespace

void check_federated_privacy(const FederatedSettings& f, const Settings& s) {
  if (!s.privacy.is_private()) {
    if (f.own.sampling_rate > 0) {
      throw usage_error("federated.sampling_rate belongs to private runs",
                        "Set federated.cohort, or a privacy mechanism.");
    }
    if (f.own.noise != "central") throw usage_error("federated.noise belongs to private runs");
    return;
  }
  const bool ftrl = s.privacy.mechanism == "dp-ftrl";
  const bool adaptive = s.privacy.clipping == "adaptive";
  if ((s.privacy.mechanism != "dp-sgd" && !ftrl) || (s.privacy.clipping != "flat" && !adaptive)) {
    throw usage_error("a private federation clips each client's whole update: privacy.mechanism = "
                      "\"dp-sgd\" or \"dp-ftrl\" with privacy.clipping = \"flat\" or \"adaptive\"",
                      "Other mechanisms are for `discreet train`.");
  }
  if (s.privacy.unit != "user") {
    throw usage_error("the unit of a private federation is the client, not the example",
                      "Set privacy.unit = \"user\".");
  }
  check_private_keys(s.privacy);
  if (f.labels.labels == "weak" && f.labels.label_model == "em") {
    throw privacy_refused("federated.label_model = \"em\" in a private run: the label model is fitted without noise to the votes of "
                          "all clients, so that one of them moves the labels, and with them the updates, of all others",
                          "Set federated.label_model = \"majority\", which looks at a text's own votes alone.");
  }
  static const std::set<std::string> kSums = {"fedavg",     "fedprox", "fedavgm", "fedadam", "fedyogi",
                                              "fedadagrad", "diloco",  "reptile", "partial"};
  if (kSums.count(f.own.strategy) == 0) {
    throw privacy_refused(fmt::format("federated.strategy = \"{}\" uses more of the clients than the noisy "
                                      "sum of their updates",
                                      f.own.strategy),
                          "Take fedavg, fedprox, fedavgm, fedadam, fedyogi, fedadagrad, diloco, reptile or partial.");
  }
  if (federated::make_compressor(f.own.compression)->reveals_support()) {
    throw privacy_refused(fmt::format("federated.compression = \"{}\" in a private run: which coordinates are sent "
                                      "tells what was typed",
                                      f.own.compression),
                          "Take rand-k, qsgd, int8 or none: what they send is clipped after rounding.");
  }
  if (f.own.weights != "examples" && f.own.weights != "uniform") {
    throw privacy_refused("federated.weights by chances of selection: their denominator depends on who is "
                          "there",
                          "Leave federated.weights out: private updates count alike.");
  }
  if (f.own.over_selection > 1 || f.own.deadline > 0) {
    throw privacy_refused("who is among the first to report depends on what all of them hold: no sampling rate "
                          "can be stated",
                          "Leave federated.over_selection and deadline out.");
  }
  if (f.own.active_share < 1) {
    throw privacy_refused("federated.active_share in a private run: the clock goes on by what clients hold, and with it who is "
                          "there in later rounds, so that one client changes the cohorts of others",
                          "Leave federated.active_share out.");
  }
  check_noise(f, s);
  const bool uniform = f.own.selection == "uniform";
  if (ftrl) {
    if (!uniform || f.own.sampling_rate > 0 || s.privacy.ftrl_sampling != "fixed-order") {
      throw privacy_refused("a federation with dp-ftrl asks its clients in a fixed public order",
                            "Leave federated.selection, sampling_rate and privacy.ftrl_sampling out.");
    }
    return;
  }
  if (uniform && f.own.sampling_rate > 0) return;
  if (f.own.noise != "central") return;  // protects whoever is selected
  if (uniform) {
    throw privacy_refused(
        "a cohort of fixed size has no bound for adding or removing a client",
        "Set federated.sampling_rate: every client is then drawn by itself, and federated.cohort is the "
        "public divisor.");
  }
  federated::SelectionOptions by_size = f.selection;  // what would be stated; refuses what reads models
  by_size.design = "poisson";
  by_size.public_rate = by_size.activity_cap = 1;
  federated::selection_privacy(f.own.selection, {}, by_size);
  if (f.selection.design != "poisson" || f.selection.public_rate <= 0 || f.selection.activity_cap < 1) {
    throw privacy_refused(
        fmt::format("federated.selection = \"{}\": each client's chance depends on what all others hold, "
                    "so no sampling rate can be stated",
                    f.own.selection),
        "Set federated.design = \"poisson\" with federated.public_rate and federated.activity_cap, fixed "
        "before the run; or selection uniform with federated.sampling_rate.");
  }
}

}  // namespace discreet::app
