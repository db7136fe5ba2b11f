#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/event.h"
#include "discreet/privacy/types.h"

namespace discreet::privacy {

/// What noise that is correlated over the steps rests on (DP-FTRL).
struct MatrixFacts {
  std::string strategy;             ///< In words.
  std::int64_t memory = 0;          ///< Vectors of past noise kept.
  std::int64_t participations = 1;  ///< Steps that one unit takes part in, at most.
  std::int64_t separation = 1;      ///< Steps from one of them to the next, at least.
  /// Standard deviation of the noise in a sum of clipped sums, averaged over all sums, in clip norms; and
  /// what independent noise of the same cost would give.
  double prefix_noise = 0, independent_prefix_noise = 0;
  double draws_per_step = 1;        ///< Normals for one number, on average over the steps, at most.
};

/// Everything a privacy claim rests on. Training fills it from its plan, `privacy statement` from
/// flags; what is left at its default is said in the statement.
struct PrivacyRun {
  std::string mechanism = "dp-sgd";  ///< "dp-sgd", "edp-sgd", …; "none" gives no guarantee.
  std::string clipping = "flat";     ///< How contributions were bounded.
  std::string details;               ///< What else shapes the mechanism: slots, placement, schedule.
  Unit unit = Unit::kExample;
  Relation relation = Relation::kAddOrRemoveOne;
  Sampling sampling = Sampling::kPoisson;
  std::optional<std::uint64_t> units;         ///< Number of units in the data; not private.
  std::optional<double> expected_batch_size;  ///< Public divisor.
  double clip_norm = 0;                       ///< 0: unknown.
  double delta = 0;
  std::string accountant = "rdp";
  /// What was done, in multipliers of the sensitivity for `relation`. Poisson: (z, q, steps); full
  /// batch: (z, 1, steps); shuffled: (z, 1, epochs), as every unit enters once per epoch; fixed order:
  /// (z, 1, passes); cyclic Poisson: (z, q, rounds of all groups).
  std::vector<Phase> phases;
  /// DP-FTRL: phases then count participations, not steps; `steps` says how many steps there were.
  std::optional<MatrixFacts> matrix;
  std::optional<std::int64_t> steps;
  /// The whole event, where phases do not say it all: private selection, releases with correlated
  /// noise, batches that are not Poisson samples, anything else that was released. It is what counts;
  /// `phases` may then be empty.
  std::optional<Event> event;
  /// eDP-SGD: the same with the multipliers that the published method claims; printed beside.
  std::vector<Phase> phases_as_published;
  std::optional<double> target_epsilon;
  std::optional<std::uint64_t> parameters;  ///< Trainable numbers that get noise.

  bool insecure_seed = false;
  bool floating_point_protection = false;
  bool vocabulary_from_private_text = false;
  bool labels_from_private_text = false;
  bool development_data_private = false;  ///< Early stopping or tuning looked at private data.
  bool development_data_public = false;   ///< It looked at data that their owner calls public.
  bool tuned_on_same_data = false;        ///< Other runs on the data were compared.
  bool has_user_column = false;
  bool user_contributions_capped = false;  ///< Unit user: at most k examples of a user per step.
  /// Processes that trained together: each sampled its shard of the units with the same rate, and drew
  /// the noise of its part of the parameters.
  std::uint64_t processes = 1;
  std::optional<std::string> gaps;         ///< Anything else outside the guarantee, in words.
};

/// Puts what was really spent (a ledger's event) in the place of what was planned: as phases, or as the
/// whole event where phases do not say it all.
void set_spent(PrivacyRun& run, const Event& spent);

/// What may be said of a run.
struct PrivacyStatement {
  Event event = Event::composed({});
  Bound epsilon;                   ///< By the run's accountant: an upper bound.
  std::vector<Bound> bounds;       ///< By every accountant that covers the event.
  std::optional<double> as_published;  ///< What the published method would state; not a guarantee.
  /// The same noise if every unit were in every step it could be; absent where that says nothing.
  std::optional<double> unamplified_epsilon;
  std::vector<std::string> caveats;   ///< What the guarantee does not cover.
  std::vector<std::string> warnings;  ///< What is probably a mistake.
  std::string words;                  ///< A paragraph for people.
  Json document;                      ///< discreet.privacy/1
};

/// Four digits, never less than the value: a rounded guarantee must still hold.
std::string rounded_up(double value);

/// The statement of a run.
/// Guarantee: never states an epsilon that is not an upper bound for exactly this unit, relation
/// and sampling. Throws: kPrivacyRefused where no guarantee can be stated (mechanism none, no
/// accountant for the event, a relation that the accountant does not cover, a diagnostic
/// accountant); kUsage for a value out of bounds.
PrivacyStatement state_privacy(const PrivacyRun& run);

/// A run as read back from privacy.json. Throws: kBadData.
PrivacyRun privacy_run_of(const Json& document);

}  // namespace discreet::privacy
