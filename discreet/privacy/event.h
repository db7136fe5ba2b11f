#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/privacy/types.h"

namespace discreet::privacy {

/// What a mechanism did to the data, as an immutable tree; copies share nodes. Mechanisms make
/// events, accountants read them, and the meaning of a kind never changes.
class Event {
 public:
  enum class Kind {
    kGaussian,
    kPoissonSampled,
    kSelfComposed,
    kComposed,
    kNonPrivate,
    kUnsupported
  };

  /// Gaussian noise of `noise_multiplier` sensitivities on a sum over all units.
  static Event gaussian(NoiseMultiplier noise_multiplier);
  /// `event` on a batch that each unit entered independently with probability `sampling_rate`.
  static Event poisson_sampled(SamplingRate sampling_rate, Event event);
  /// `event` repeated `count` times, adaptively. Throws: kUsage if count < 0.
  static Event self_composed(Event event, std::int64_t count);
  /// All of `events`, adaptively; none is the event that reveals nothing.
  static Event composed(std::vector<Event> events);
  /// Something was released without protection: every epsilon is infinite.
  static Event non_private();
  /// A mechanism that exists but that no accountant here covers; `what` names it.
  static Event unsupported(std::string what);

  Kind kind() const;
  double noise_multiplier() const;             ///< kGaussian
  double sampling_rate() const;                ///< kPoissonSampled
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
  std::shared_ptr<const Node> node_;
};

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

/// An event reduced to what the accountants of sampled Gaussians need.
struct FlatEvent {
  /// Groups in order of first appearance; equal multiplier and rate are merged, groups that reveal
  /// nothing (no steps or rate 0) are gone.
  std::vector<Phase> phases;
  /// Something inside is not private, or noise of multiplier 0 was added: epsilon is infinite.
  bool non_private = false;
  /// Why it cannot be reduced; empty if it can.
  std::string unsupported;

  std::int64_t steps() const;
};

/// Sampled compositions of Gaussians count as one Gaussian of (sum z^-2)^(-1/2): releasing several
/// Gaussians of one batch equals one release of their concatenation. Never throws.
FlatEvent flatten(const Event& event);

/// (sum over parts of (sensitivity/std)^2)^(-1/2): several Gaussians of one batch as one. Several
/// layers with their own clip bound C_l, sensitivity k*C_l and noise nu_l: parts (k*C_l, nu_l).
/// Returns infinity for no parts or only zero sensitivities. Throws: kUsage for negative numbers.
double effective_multiplier(const std::vector<double>& sensitivities,
                            const std::vector<double>& stds);

}  // namespace discreet::privacy
