#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "discreet/dp/internal/row_sums.h"
#include "discreet/nn/tape.h"
#include "discreet/nn/torch.h"

namespace discreet::dp {

/// How a rule gets the segments' norms of a matrix product and their clipped sum.
enum class SegmentPlan {
  kAuto,   ///< The cheapest by the cost model, from this batch's lengths and the layer's sizes.
  kKeep,   ///< Instantiate each segment's gradient and keep it; the clipped sum is a weighted sum.
  kTiles,  ///< Instantiate in tiles for the norm alone; the clipped sum is one weighted product.
  kGram,   ///< Norm from products of row pairs; the clipped sum is one weighted product.
};

/// Memory that rules may take beyond what layers recorded, between a part's norms and its clipped sum.
/// All rules of a clipper share one. Bytes.
class KeptMemory {
 public:
  explicit KeptMemory(std::int64_t cap) : left_(cap) {}
  /// False, and nothing taken, if there is not so much left.
  bool take(std::int64_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }
  void give_back(std::int64_t bytes) { left_ += bytes; }

 private:
  std::int64_t left_;
};

/// Performance flags, which cannot change the guarantee, and the result only by rounding; and what the
/// generic rule may cover.
struct RuleOptions {
  SegmentPlan plan = SegmentPlan::kAuto;
  /// Cap on what kKeep may hold, over all layers together.
  std::int64_t kept_bytes = std::int64_t{256} << 20;
  std::shared_ptr<KeptMemory> kept = {};  ///< Of the clipper; null: the rule's own, of kept_bytes.
  /// Patterns of parameters that may be expanded to a copy per segment (nn/layers/expanded.h).
  std::vector<std::string> generic = {};
  /// Cap on what one such parameter may take in a part.
  std::int64_t generic_bytes = std::int64_t{256} << 20;
};

/// Where the clipped sum of one parameter goes. The buffer lives as long as the clipper; `fresh` says
/// that it holds nothing of this logical step yet, so that the first writer need not read it. A table
/// that only rows are added to has no dense sum at all.
class GradientSink {
 public:
  GradientSink() = default;
  explicit GradientSink(at::Tensor buffer) : buffer_(std::move(buffer)) {}
  /// A sink whose sum is what `sum` holds; shares its memory.
  static GradientSink holding(at::Tensor sum) {
    GradientSink sink(std::move(sum));
    sink.state_ = State::kDense;
    return sink;
  }

  bool defined() const { return buffer_.defined(); }
  at::Device device() const { return buffer_.device(); }
  /// Adds left^T right. Shapes: left [N, p], right [N, d], buffer [p, d].
  void add_product(const at::Tensor& left, const at::Tensor& right);
  /// Adds a tensor of the buffer's size.
  void add(const at::Tensor& value);
  /// The buffer to add into element by element; zero where nothing was added yet.
  at::Tensor& accumulator();
  /// The sum so far (zeros if nothing was added).
  const at::Tensor& sum() { return accumulator(); }
  /// Forgets the sum; the memory stays.
  void reset();

  /// For adding rows to a table: row ids[i] is to be added to row places[i] of the tensor returned.
  /// Valid until the next call of any member.
  at::Tensor& rows(std::span<const std::int64_t> ids, std::vector<std::int64_t>& places);

  /// The sum's elements first .. first + size, float32: a pointer to them, or to `scratch` where they
  /// were gathered; null where all of them are zero.
  const float* part(std::int64_t first, std::int64_t size, float* scratch) const;

 private:
  enum class State { kFresh, kRows, kDense };
  at::Tensor buffer_;
  std::shared_ptr<internal::RowSums> rows_;
  State state_ = State::kFresh;
};

/// The gradients of one layer kind, segment by segment, from what its uses recorded.
///
/// One object serves one set of parameters for a whole run; a pass calls `add_squared_norms` once with
/// all uses of these parameters (tied weights: several) and then `add_clipped_sum` once. Between the
/// two the rule holds what the second needs and no more; after it, nothing. Uses of one set of
/// parameters are combined exactly: the gradient of a segment is the sum over all of them before its
/// norm is taken.
///
/// Guarantee: segments do not mix. A segment whose factor is 0 contributes exactly zero, also where
/// its rows hold NaN or infinity.
class SegmentRule {
 public:
  virtual ~SegmentRule() = default;

  /// Adds each segment's squared gradient norm over the parameters that are defined (not frozen).
  /// Norms accumulate in double; a NaN or infinite gradient gives a non-finite norm.
  virtual void add_squared_norms(std::vector<nn::Use> uses, std::span<double> squared) = 0;

  /// Adds sum over segments of factors[s] * gradient of s to `sinks`, one per parameter in the rule's
  /// order, null where frozen.
  virtual void add_clipped_sum(std::span<const double> factors,
                               std::span<GradientSink* const> sinks) = 0;
};

/// What a registered rule's `make` holds; the registry's kind is "segment_rule".
using MakeSegmentRule = std::unique_ptr<SegmentRule> (*)(const RuleOptions&);

/// The rule of a kind. Throws: kPrivacyRefused if no such rule is registered; for kinds that mix the
/// examples of a batch (batch normalisation, in-batch negatives), with the reason and the replacement.
std::unique_ptr<SegmentRule> make_segment_rule(std::string_view kind, const RuleOptions& options);

}  // namespace discreet::dp
