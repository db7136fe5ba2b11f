#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "discreet/dp/rule.h"
#include "discreet/nn/optimizer.h"
#include "discreet/privacy/types.h"

namespace discreet::dp {

/// The sum of clipped segment gradients of one logical step. It carries what the noise needs to know
/// about it; only the plan (dp/plan.h) unwraps it.
///
/// Guarantee: adding or removing one segment moves `sum` by at most `sensitivity` in L2 norm, over all
/// parameters together, up to the relative rounding 1e-6.
class ClippedSum {
 public:
  double sensitivity() const { return sensitivity_; }
  privacy::Relation relation() const { return relation_; }

  // Functions of the data, `not private` wherever they are shown.
  std::int64_t segments() const { return segments_; }
  std::int64_t clipped() const { return clipped_; }
  std::int64_t non_finite() const { return non_finite_; }

 private:
  friend class SegmentClipper;
  friend class PrivatePlan;
  std::vector<GradientSink> sinks_;
  double sensitivity_ = 0;
  privacy::Relation relation_ = privacy::Relation::kAddOrRemoveOne;
  std::int64_t segments_ = 0;
  std::int64_t clipped_ = 0;
  std::int64_t non_finite_ = 0;
};

/// The clip factor of a segment with gradient norm `norm`: min(1, C / (norm + 1e-6)), and 0 where the
/// norm is not finite. Ref: Abadi et al. 2016, Algorithm 1.
double clip_factor(double norm, double clip_norm);

/// Clips the gradient of every segment to one norm over all parameters (flat clipping), in one backward
/// pass. Use, for each physical part of a logical step:
///
///     { nn::RecordingScope scope(clipper);  clipper.begin(segments);
///       loss_sum = model.loss(batch);  loss_sum.backward(); }
///     clipper.finish();
///
/// and then `take()`. A part must hold whole segments. The loss must be the SUM of the examples' losses,
/// each a function of its own example.
///
/// Throws (kPrivacyRefused, naming the parameter): a trainable parameter that no use with a registered
/// rule covered in the forward pass, one that got an ordinary gradient, or one that uses of two kinds
/// share.
class SegmentClipper : public nn::Recorder {
 public:
  /// `parameters`: everything that the optimiser moves. Frozen ones must not be in the list.
  SegmentClipper(nn::NamedTensors parameters, privacy::ClipNorm clip_norm,
                 RuleOptions options = {});
  ~SegmentClipper() override;

  void expect(std::string_view kind, const std::vector<at::Tensor>& params) override;
  void record(nn::Use use) override;

  /// Starts a physical part with this many segments.
  void begin(std::int64_t segments);
  /// After the part's backward pass: norms, factors, and the part's clipped sum.
  void finish();
  /// Norms of the last finished part's segments, before clipping; not private.
  std::span<const double> norms() const { return norms_; }
  /// The logical step's clipped sum, empty batches included; the clipper starts the next step. Hand it
  /// back with `recycle` to reuse its memory.
  ClippedSum take();
  void recycle(ClippedSum sum);

 protected:
  /// The factor of a segment; virtual so that tests can plant a defect and see the audit find it.
  virtual double factor(double norm) const;

 private:
  struct Group;
  Group& group_of(std::string_view kind, const std::vector<at::Tensor>& params);
  void measure(Group& group);
  void check_covered() const;

  nn::NamedTensors parameters_;
  std::map<const void*, std::size_t> place_;  // parameter's identity → place in parameters_
  double clip_norm_;
  RuleOptions options_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::map<const void*, Group*> owner_;
  std::vector<double> squared_;
  std::vector<double> norms_;
  ClippedSum sum_;
  bool active_ = false;
};

}  // namespace discreet::dp
