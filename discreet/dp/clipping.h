#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/privacy/types.h"

namespace discreet::dp {

/// Parameters that are clipped together by rules that clip layers apart. Every parameter stands in
/// exactly one layer; parameters that one use of a layer kind shares stand in the same.
struct ClipLayer {
  std::string name;
  std::vector<std::string> parameters;
  std::int64_t values = 0;  ///< Numbers in them.
};

/// What one segment holds, which decides how far one unit moves its clipped gradient.
enum class SegmentHolds {
  kOneUnit,      ///< The segment is the unit: its clipped gradient comes or goes.
  kMeanOfUnits,  ///< A slot (eDP-SGD): one unit can turn the mean, and so its clipped form, around.
};

/// L2 sensitivity, in clip norms, of a sum of clipped segments: 1 where a segment is one unit that is
/// added, removed or zeroed; 2 where it is exchanged, and for means of several units in any relation.
/// Ref: Ponomareva et al. 2023, "How to DP-fy ML", section 5.6, for micro-batches.
double unit_sensitivity(privacy::Relation relation, SegmentHolds holds);

/// Options of all rules; each reads what it needs.
struct ClippingOptions {
  std::string rule = "flat";
  double clip_norm = 1;              ///< C, of all layers together; where adaptive rules begin.
  std::string weights = "uniform";   ///< By layer: "uniform" C/sqrt(L), "size" C sqrt(p_l / sum p).
  std::vector<double> clip_norms;    ///< By layer: the bounds themselves, in the order of the layers.
  double quantile = 0.5;             ///< Adaptive: the bound goes where this share of norms is below.
  double quantile_rate = 0.2;        ///< Adaptive: step on the logarithm of the bound.
  double count_noise = 0;            ///< Adaptive: standard deviation on each count; 0: chosen.
  std::int64_t quantile_steps = 0;   ///< Adaptive: steps in which bounds move; 0: all.
};

/// How norms of segments become factors: one file in dp/clipping/ for each rule, registered under kind
/// "clipping".
///
/// Guarantee: with n the norm of a segment's gradient of layer l, factor(l, n) n <= bounds()[l] up to
/// rounding. So a sum of clipped segments has L2 sensitivity unit_sensitivity * sqrt(sum of bounds^2),
/// and unit_sensitivity * bounds()[l] in layer l.
/// Bounds stay as they are within a logical step; only `adapt` moves them, by numbers that have noise.
class ClippingRule {
 public:
  virtual ~ClippingRule() = default;

  /// True: each layer is clipped by its own norm. False: one norm over all parameters.
  virtual bool by_layer() const { return false; }
  /// Bound of each layer; of all parameters together if not by layer.
  const std::vector<double>& bounds() const { return bounds_; }
  /// 0 where the norm is not finite.
  virtual double factor(std::size_t layer, double norm) const = 0;

  /// Adaptive rules: true if the step's counts of segments with norm <= bound are to be released, one
  /// for each bound, recentred: each segment counts +1/2 or -1/2.
  virtual bool counts() const { return false; }
  /// Moves the bounds by noisy recentred counts over `expected_segments` segments. A function of
  /// released numbers alone.
  virtual void adapt(std::span<const double> noisy_counts, double expected_segments);

  /// What a checkpoint must hold: released numbers only.
  Json state() const;
  /// Throws: kBadData if it is not of this rule.
  void load(const Json& state);

 protected:
  explicit ClippingRule(std::vector<double> bounds) : bounds_(std::move(bounds)) {}
  std::vector<double> bounds_;
};

/// What a registered rule's `make` holds.
using MakeClippingRule = std::unique_ptr<ClippingRule> (*)(const ClippingOptions& options,
                                                           std::span<const ClipLayer> layers);

/// `layers` may be empty for rules that do not clip by layer.
/// Throws: kUsage on an unknown rule, an option out of bounds, or missing layers.
std::unique_ptr<ClippingRule> make_clipping_rule(const ClippingOptions& options,
                                                 std::span<const ClipLayer> layers);

/// min(1, C / (norm + 1e-6)), and 0 where the norm is not finite. Ref: Abadi et al. 2016, Algorithm 1.
double clip_factor(double norm, double clip_norm);

/// The bounds C_l with sqrt(sum C_l^2) = C that `options` asks for; `clip_norms` as they are given.
/// Throws: kUsage if there are no layers, or another number of them than of clip_norms.
std::vector<double> layer_bounds(const ClippingOptions& options, std::span<const ClipLayer> layers);

}  // namespace discreet::dp
