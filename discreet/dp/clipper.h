#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "discreet/dp/clipping.h"
#include "discreet/dp/rule.h"
#include "discreet/nn/optimizer.h"
#include "discreet/privacy/types.h"

namespace discreet::nn {
class DataParallel;
}  // namespace discreet::nn

namespace discreet::dp::internal {
class DeferredNorms;
}  // namespace discreet::dp::internal

namespace discreet::dp {

/// The sum of clipped segment gradients of one logical step. It carries what the noise needs to know
/// about it; only the plan (dp/plan.h) unwraps it.
///
/// Guarantee: adding or removing one unit moves the gradients of layer l by at most
/// `unit_sensitivity() * bounds()[l]` in L2 norm, and those of all layers together by at most
/// `sensitivity()`, up to the relative rounding 1e-6; each of the counts moves by at most
/// `unit_sensitivity() / 2`.
class ClippedSum {
 public:
  double sensitivity() const;
  double unit_sensitivity() const { return unit_sensitivity_; }
  /// Clip norm of each layer; one number if all parameters were clipped together.
  const std::vector<double>& bounds() const { return bounds_; }
  privacy::Relation relation() const { return relation_; }

  // Functions of the data, `not private` wherever they are shown.
  std::int64_t segments() const { return segments_; }
  std::int64_t clipped() const { return clipped_; }
  std::int64_t non_finite() const { return non_finite_; }

 private:
  friend class SegmentClipper;
  friend class PrivatePlan;
  friend class StackedPrivateTrainer;
  std::vector<GradientSink> sinks_;
  std::vector<std::size_t> layer_of_;  // of each sink in bounds_
  std::vector<double> bounds_;
  std::vector<double> counts_;           // recentred; empty unless the rule asks for them
  std::vector<double> released_counts_;  // with noise, from the plan
  double expected_segments_ = 0;         // from the plan, with the counts
  double unit_sensitivity_ = 1;
  privacy::Relation relation_ = privacy::Relation::kAddOrRemoveOne;
  std::int64_t segments_ = 0;
  std::int64_t clipped_ = 0;
  std::int64_t non_finite_ = 0;
  nn::DataParallel* parallel_ = nullptr;  // where the sum of all processes is; null: in sinks_
};

/// Clips the gradient of every segment by a rule, in one backward pass. Use, for each physical part of
/// a logical step:
///
///     { nn::RecordingScope scope(clipper);  clipper.begin(segments);
///       loss_sum = model.loss(batch);  loss_sum.backward(); }
///     clipper.finish();
///
/// and then `take()`. A part holds whole segments; a segment that is too large for one part comes in
/// pieces, each a part of its own between `begin_piece` and `finish`, with `close` after the last. The
/// loss must be a SUM over the examples, each term a function of its own example.
/// A rule that clips layers apart lets go of a layer's activations and output gradients as soon as its
/// uses are recorded.
///
/// Throws (kPrivacyRefused, naming the parameter): a trainable parameter that no use with a registered
/// rule covered in the forward pass, one that got an ordinary gradient, or one that uses of two kinds
/// share; one of kind "generic" that RuleOptions::generic does not name, or whose copies would take more
/// than generic_bytes.
class SegmentClipper : public nn::Recorder {
 public:
  /// `parameters`: everything that the optimiser moves. Frozen ones must not be in the list. `layers`:
  /// what a rule by layer clips apart; empty for other rules.
  SegmentClipper(nn::NamedTensors parameters, std::unique_ptr<ClippingRule> rule,
                 std::vector<ClipLayer> layers = {}, RuleOptions options = {},
                 SegmentHolds holds = SegmentHolds::kOneUnit);
  /// Flat clipping.
  SegmentClipper(nn::NamedTensors parameters, privacy::ClipNorm clip_norm,
                 RuleOptions options = {});
  ~SegmentClipper() override;

  void expect(std::string_view kind, const std::vector<at::Tensor>& params) override;
  void record(nn::Use use) override;

  /// Starts a physical part with this many segments.
  void begin(std::int64_t segments);
  /// After the part's backward pass: norms, factors, and the part's clipped sum.
  void finish();
  /// Starts a part that holds a piece of one segment; its gradient adds up until `close`.
  void begin_piece();
  /// Clips the segment whose pieces are through.
  void close();
  /// Segments without an example: gradient zero, but they are segments (slots that nobody fell into).
  void add_empty(std::int64_t segments);

  /// Norms of the last finished part's segments over all layers, before clipping; not private.
  std::span<const double> norms() const { return norms_; }
  /// The logical step's clipped sum, empty batches included; the clipper starts the next step. Hand it
  /// back with `recycle` once it was released, to reuse its memory; the rule then adapts to what was
  /// released of its counts.
  ClippedSum take();
  void recycle(ClippedSum sum);

  ClippingRule& rule() { return *rule_; }
  const ClippingRule& rule() const { return *rule_; }

 private:
  struct Group;
  Group& group_of(std::string_view kind, const std::vector<at::Tensor>& params);
  void start_part(std::int64_t segments, bool piece);
  void measure(Group& group);
  void add_clipped(Group& group, std::span<const double> factors, std::vector<GradientSink>& sinks);
  std::vector<double> factors_of(std::size_t layer) const;
  void count_segments();
  void check_generic(const at::Tensor& parameter) const;
  void check_covered() const;

  nn::NamedTensors parameters_;
  std::map<const void*, std::size_t> place_;  // parameter's identity → place in parameters_
  std::unique_ptr<ClippingRule> rule_;
  std::vector<std::size_t> layer_of_;         // by place
  std::vector<std::size_t> layer_sizes_;      // parameters in each layer
  std::vector<std::string> layer_names_;
  RuleOptions options_;
  SegmentHolds holds_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::map<const void*, Group*> owner_;
  std::vector<std::vector<double>> squared_;  // [layer][segment]
  std::unique_ptr<internal::DeferredNorms> deferred_;  // to be added there
  std::vector<double> norms_;
  ClippedSum sum_;
  std::vector<GradientSink> pieces_;          // of the open segment
  bool active_ = false;
  bool piece_ = false;  // the part is a piece
  bool open_ = false;   // pieces of a segment that was not closed yet
};

}  // namespace discreet::dp
