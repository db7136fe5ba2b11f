#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/privacy/types.h"

namespace discreet::privacy {

/// Which random number of runs a private selection draws. Ref: Papernot and Steinke 2022.
struct RunCount {
  /// Of the truncated negative binomial: 0 is logarithmic, 1 geometric; infinity is Poisson.
  double shape = 1;
  double mean = 1;  ///< Expected number of runs, >= 1.
  bool operator==(const RunCount&) const = default;
};

/// Where the multiplier of a matrix mechanism comes from; stated, not used in accounting.
struct MatrixProvenance {
  std::string strategy;             ///< "tree", "banded", "blt", …
  std::int64_t steps = 0;           ///< Releases.
  std::int64_t participations = 1;  ///< Most steps that one unit enters.
  std::int64_t separation = 0;      ///< Fewest steps between two of them; 0: one participation.
  double sensitivity = 1;           ///< L2, over all participations, in clip norms.
  bool operator==(const MatrixProvenance&) const = default;
};

/// What a mechanism did to the data, as an immutable tree; copies share nodes. Mechanisms make
/// events, accountants read them, and the meaning of a kind never changes.
///
/// Multipliers count sensitivities for the relation of the claim. A sampling kind limits the
/// relations for which it may be counted at all: see `why_not_relation`.
class Event {
 public:
  enum class Kind {
    kGaussian,
    kLaplace,
    kPureDp,
    kPoissonSampled,
    kTruncatedPoissonSampled,
    kSampledWithoutReplacement,
    kShuffledEpoch,
    kMatrixMechanism,
    kCyclicPoissonBanded,
    kRepeatAndSelect,
    kSelfComposed,
    kComposed,
    kNonPrivate,
    kUnsupported
  };

  /// Gaussian noise of `noise_multiplier` sensitivities on a sum over all units.
  static Event gaussian(NoiseMultiplier noise_multiplier);
  /// Laplace noise on one number: scale over L1 sensitivity is `noise_multiplier`.
  static Event laplace(NoiseMultiplier noise_multiplier);
  /// Any mechanism that is epsilon-DP without a delta.
  static Event pure_dp(Epsilon epsilon);
  /// `event` on a batch that each unit entered independently with probability `sampling_rate`.
  static Event poisson_sampled(SamplingRate sampling_rate, Event event);
  /// The same, but of a batch above `cap` units a uniformly random `cap` are kept; `units` is the
  /// public number of units. Throws: kUsage unless 1 <= cap and 1 <= units.
  static Event truncated_poisson_sampled(SamplingRate sampling_rate, std::int64_t units,
                                         std::int64_t cap, Event event);
  /// `event` on a uniformly random batch of exactly `batch` of `units` units. Throws: kUsage unless
  /// 0 <= batch <= units.
  static Event sampled_without_replacement(std::int64_t units, std::int64_t batch, Event event);
  /// One epoch over a partition into batches, `event` once on each: every unit enters exactly one.
  /// No amplification by the shuffle is claimed, so it costs what `event` costs.
  static Event shuffled_epoch(Event event);
  /// Correlated noise on all prefix sums. `noise_multiplier` is the standard deviation over the
  /// sensitivity of the whole sequence, over all participations, so that it costs what one Gaussian
  /// of that multiplier costs, without any assumption about sampling. Ref: Denisov et al. 2022;
  /// Choquette-Choo et al. 2023.
  static Event matrix_mechanism(NoiseMultiplier noise_multiplier, MatrixProvenance provenance);
  /// A banded matrix whose columns have norm 1 (`noise_multiplier`: noise over that one column),
  /// with the units split into `bands` groups taken in turn, each by Poisson sampling with rate
  /// `sampling_rate` *within the group*: costs what ceil(steps/bands) sampled Gaussians cost.
  /// Throws: kUsage for bands < 1 or steps < 0. Ref: Choquette-Choo et al. 2024, "Amplified banded
  /// matrix factorization".
  static Event cyclic_poisson_banded(NoiseMultiplier noise_multiplier, SamplingRate sampling_rate,
                                     std::int64_t steps, std::int64_t bands);
  /// `event` run a random number of times, each time with hyper-parameters drawn at random, and
  /// only the best outcome released. Throws: kUsage for a mean below 1 or a negative shape.
  static Event repeat_and_select(RunCount runs, Event event);
  /// `event` repeated `count` times, adaptively. Throws: kUsage if count < 0.
  static Event self_composed(Event event, std::int64_t count);
  /// All of `events`, adaptively; none is the event that reveals nothing.
  static Event composed(std::vector<Event> events);
  /// Something was released without protection: every epsilon is infinite.
  static Event non_private();
  /// A mechanism that exists but that no accountant here covers; `what` names it.
  static Event unsupported(std::string what);

  Kind kind() const;
  double noise_multiplier() const;  ///< kGaussian, kLaplace, kMatrixMechanism, kCyclicPoissonBanded
  double epsilon() const;           ///< kPureDp
  double sampling_rate() const;     ///< The Poisson kinds and kCyclicPoissonBanded.
  std::int64_t units() const;       ///< kTruncatedPoissonSampled, kSampledWithoutReplacement
  std::int64_t batch() const;       ///< The same two: the cap, the size.
  std::int64_t steps() const;       ///< kCyclicPoissonBanded
  std::int64_t bands() const;       ///< kCyclicPoissonBanded
  RunCount runs() const;            ///< kRepeatAndSelect
  const MatrixProvenance& provenance() const;  ///< kMatrixMechanism
  std::int64_t count() const;                  ///< kSelfComposed
  const std::string& what() const;             ///< kUnsupported
  const std::vector<Event>& children() const;  ///< The events inside; empty for leaves.

  /// {"kind":"self_composed","count":100,"event":{"kind":"poisson_sampled","sampling_rate":0.01,
  /// "event":{"kind":"gaussian","noise_multiplier":1.0}}}; a kind that is not known to this version
  /// reads back as unsupported. Throws (from_json): kBadData.
  Json to_json() const;
  static Event from_json(const Json& json);

  bool operator==(const Event& other) const;

 private:
  struct Node;
  explicit Event(std::shared_ptr<const Node> node);
  const Node& node_of(Kind kind, const char* what) const;
  std::shared_ptr<const Node> node_;
};

/// "gaussian", "poisson_sampled", …: as in JSON.
std::string_view name(Event::Kind kind);

/// Empty if the cost of `event` may be stated for `relation`, else why not. Poisson batches:
/// add-or-remove-one and zero-out; truncated ones, and groups in turn: zero-out, as the number of units
/// is public; batches of fixed size: replace-one; shuffled epochs: replace-one and zero-out; the rest: any.
std::string why_not_relation(const Event& event, Relation relation);

/// `steps` Poisson-sampled Gaussians of one noise multiplier and one rate.
struct Phase {
  double noise_multiplier = 0;
  double sampling_rate = 0;
  std::int64_t steps = 0;
  bool operator==(const Phase&) const = default;
};

/// Phases as documents write them: noise_multiplier, sampling_rate and steps of each.
Json phases_json(const std::vector<Phase>& phases);

/// The event of DP-SGD whose noise or rate changes between phases; a rate of 1 is written as a
/// plain Gaussian. Throws: kUsage for a value out of bounds.
Event event_of(const std::vector<Phase>& phases);

/// A step that is no sampled Gaussian, and how often it was taken.
struct OtherStep {
  Event event;  ///< Of kind laplace, pure_dp, repeat_and_select, or a kind of sampling that is not
                ///< Poisson, with one Gaussian inside.
  std::int64_t times = 0;
};

/// An event reduced to what accountants need.
struct FlatEvent {
  /// Groups in order of first appearance; equal multiplier and rate are merged, groups that reveal
  /// nothing (no steps or rate 0) are gone.
  std::vector<Phase> phases;
  /// Everything else, equal ones merged. An accountant that reads `phases` alone must refuse them.
  std::vector<OtherStep> others;
  /// Something inside is not private, or noise of multiplier 0 was added: epsilon is infinite.
  bool non_private = false;
  /// Why it cannot be reduced; empty if it can.
  std::string unsupported;

  bool empty() const { return phases.empty() && others.empty(); }
  std::int64_t steps() const;  ///< Of phases and others.
};

/// Sampled compositions of Gaussians count as one Gaussian of (sum z^-2)^(-1/2): releasing several
/// Gaussians of one batch equals one release of their concatenation. A pure epsilon on a Poisson
/// sample is one of ln(1 + q (exp(epsilon) - 1)) (Balle, Barthe and Gaboardi 2018, Theorem 8). A
/// matrix mechanism is one Gaussian, a shuffled epoch what is inside it. Never throws.
FlatEvent flatten(const Event& event);

/// (sum over parts of (sensitivity/std)^2)^(-1/2): several Gaussians of one batch as one. Several
/// layers with their own clip bound C_l, sensitivity k*C_l and noise nu_l: parts (k*C_l, nu_l).
/// Returns infinity for no parts or only zero sensitivities. Throws: kUsage for negative numbers.
double effective_multiplier(const std::vector<double>& sensitivities,
                            const std::vector<double>& stds);

/// Adaptive clipping splits a step's multiplier `total` between the gradients and the noisy count of
/// units below the threshold: returns the gradients' (total^-2 - (2 count_std)^-2)^(-1/2). The count
/// sums 1[norm <= C] - 1/2, so that its sensitivity is 1/2 for add-or-remove-one and zero-out.
/// Throws: kPrivacyRefused if total >= 2 count_std, as nothing is left; kUsage for numbers out of
/// bounds. Ref: Andrew, Thakkar, McMahan and Ramaswamy 2021, Theorem 1.
double adaptive_clipping_multiplier(double total, double count_std);

/// The event of such a step: both releases on one batch. Its cost is that of `total` above.
Event adaptive_clipping_step(SamplingRate sampling_rate, NoiseMultiplier gradients,
                             double count_std);

}  // namespace discreet::privacy
