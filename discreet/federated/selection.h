#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/fields.h"
#include "discreet/core/random.h"
#include "discreet/federated/sampling_design.h"

namespace discreet::federated {

struct SelectionOptions {
  std::int64_t cohort = 10;
  std::string design = "successive";  ///< successive, with-replacement, poisson, poisson-waterfill.
  double gamma = 0.5;                 ///< tempered
  double temperature = 0;             ///< softmax, in examples; must be set there.
  std::int64_t least = 1;             ///< threshold, in examples
  double top_share = 0;               ///< threshold: instead of `least`, the most active share.
  double uniform_share = 0.2;         ///< mixture: the uniform part
  std::string signals = "fresh";      ///< divfl, update-norm: fresh or last-seen
  std::int64_t candidates = 0;        ///< power-of-choice; 0: three times the cohort.
  double exploration = 0.9, exploration_decay = 0.98, least_exploration = 0.3;  ///< oort
  double preferred_seconds = 0, slowness_penalty = 2;  ///< oort; 0 seconds: speed plays no part.
  double public_rate = 0;         ///< Chance per example under privacy, fixed before the run.
  std::int64_t activity_cap = 0;  ///< Examples beyond this count for nothing under privacy.
};

const core::Fields<SelectionOptions>& selection_fields();

/// What is known of the N devices that are there now. A strategy reads only what it needs; signals
/// from models cost what `SelectionCost` says, and are private values.
struct SelectionInput {
  std::span<const double> activity;  ///< [N] examples that each holds now; 0: never selected.
  std::span<const double> loss;      ///< [N] last known mean loss, NaN: unknown.
  std::span<const double> root_mean_square_loss;  ///< [N], NaN: unknown.
  std::span<const double> update_norm;            ///< [N], NaN: unknown.
  std::span<const double> seconds;                ///< [N] of a round.
  std::span<const float> gradients;               ///< [N, d] row by row; a row of NaN: unknown.
  std::int64_t gradient_size = 0;                 ///< d
  std::int64_t round = 0;                         ///< From 1.
  bool want_inclusion = true;  ///< Inclusion probabilities cost more than the draw itself.
};

/// What a strategy asks beyond the training itself, for one round.
struct SelectionCost {
  double models_down = 0;    ///< Times the model's bytes.
  double numbers_up = 0;     ///< Times 4 bytes.
  double examples_read = 0;  ///< Forward passes.
  double gradients = 0;      ///< Examples through forward and backward passes.
};

struct Selection {
  std::vector<std::int64_t> clients;  ///< Rising; several times where drawn with replacement.
  Inclusion inclusion;                ///< Of all N devices.
  double expected_cohort = 0;         ///< Public: what a fixed denominator uses.
  SelectionCost cost;
  std::vector<std::string> notes;
};

/// What signals of `numbers` numbers cost that are made of gradients. Fresh ones: every device is sent the model
/// and reads its data. Last seen: the selected `clients` tell theirs for later rounds, and have the model anyhow.
SelectionCost cost_of_signals(const SelectionInput& input, const SelectionOptions& options,
                              std::span<const std::int64_t> clients, std::int64_t numbers);

/// A strategy is either weights for a design, or a choice of its own.
struct SelectionRule {
  std::vector<double> (*weights)(const SelectionInput&, const SelectionOptions&) = nullptr;
  std::vector<std::int64_t> (*choose)(const SelectionInput&, const SelectionOptions&,
                                      core::ReproducibleRng&, SelectionCost&) = nullptr;
  bool reads_models = false;  ///< Needs losses, norms or gradients.
  /// Whether a device's weight, up to a factor common to all, depends on what others hold. Null: it does not.
  bool (*compares)(const SelectionOptions&) = nullptr;
};

/// The strategy of that name (kind "selection"). Throws: kUsage naming the nearest.
const SelectionRule& selection_rule(const std::string& strategy);

/// Chooses the cohort of a round, by the strategy of that name (kind "selection"). A function of its
/// arguments and of `seed` and `input.round`.
/// Throws: kUsage for options that the strategy cannot work with or signals that are missing.
Selection select_clients(const std::string& strategy, const SelectionInput& input,
                         const SelectionOptions& options, std::uint64_t seed);

/// Base probabilities p_k, sum 1. Only for strategies with weights.
std::vector<double> selection_probabilities(const std::string& strategy,
                                            const SelectionInput& input,
                                            const SelectionOptions& options);

/// What an accountant may use of a way of selecting, under adding or removing a device and under replacing one.
struct SelectionPrivacy {
  enum class Kind { kPoisson, kFixedSize, kNoAmplification };
  Kind kind = Kind::kNoAmplification;
  double sampling_rate = 1;          ///< Poisson: the public bound on every device's rate; else 1.
  /// How far one device moves the sum of a cohort's clipped updates, in clip norms, however the draws that it
  /// changes are coupled with those that it does not: 1 where devices are drawn by themselves (add/remove), 2
  /// where a device takes one other's place, 2 cohorts where it may change who all of them are.
  double sensitivity = 1;
  std::vector<double> device_rate;   ///< Poisson: [N] of the devices there now. Not private!
  std::string reason;                ///< In words, for statements and `--dry-run`.
};

/// Throws: kPrivacyRefused for strategies that read models, and where the rates depend on other
/// devices' data: activity-based Poisson selection needs `public_rate` and `activity_cap`.
SelectionPrivacy selection_privacy(const std::string& strategy, const SelectionInput& input,
                                   const SelectionOptions& options);

/// Rates min(1, public_rate * min(n_k, activity_cap)): they depend on the device's own data alone.
std::vector<double> public_rates(std::span<const double> activity, const SelectionOptions& options);

/// How updates of a round are added up.
enum class AggregationWeights {
  kExamples,         ///< n_k / sum of n over those that reported
  kUniform,          ///< 1 / number of those that reported
  kHorvitzThompson,  ///< n_k / (n pi_k), n over all devices: unbiased for the mean over all examples
  kHajek,            ///< n_k/pi_k, divided by their sum: biased, steadier
  kFixed,            ///< v_k / expected sum of v: the denominator does not depend on who reported
};

struct AggregationInput {
  std::span<const double> examples;   ///< [S] n_k of those that reported
  std::span<const double> inclusion;  ///< [S] pi_k
  double all_examples = 0;            ///< n of all devices
  double expected_cohort = 0;
};

/// Factors [S] for the updates of those that reported. Throws: kUsage if an inclusion probability is
/// 0 or unknown where it is needed; kBadData without any examples.
std::vector<double> aggregation_weights(AggregationWeights kind, const AggregationInput& input);

}  // namespace discreet::federated
