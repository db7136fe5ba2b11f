#include "discreet/dp/rule.h"

#include "discreet/core/error.h"
#include "discreet/core/registry.h"

namespace discreet::dp {
namespace {

/// Kinds that can have no rule: what one example gives depends on the others of its batch, so that
/// bounding each example's gradient bounds nothing.
struct MixingKind {
  std::string_view kind, reason, instead;
};
constexpr MixingKind kMixingKinds[] = {
    {"batch_norm", "its statistics run over all examples of the batch",
     "Take group_norm (statistics of one example) or layer_norm (of one row)."},
    {"sync_batch_norm", "its statistics run over all examples of all processes",
     "Take group_norm (statistics of one example) or layer_norm (of one row)."},
    {"in_batch_contrastive", "the other examples of the batch are its negatives",
     "Draw the negatives from a public list, or let each example hold its own pairs."},
    {"load_balancing", "its loss is a function of how the whole batch is routed",
     "Leave the balancing loss out, or compute it within each example."},
};

}  // namespace

void GradientSink::add_product(const at::Tensor& left, const at::Tensor& right) {
  at::NoGradGuard no_grad;
  if (state_ == State::kFresh) {
    at::mm_out(buffer_, left.t(), right);
    state_ = State::kDense;
  } else {
    accumulator().addmm_(left.t(), right);
  }
}

void GradientSink::add(const at::Tensor& value) {
  at::NoGradGuard no_grad;
  if (state_ == State::kFresh) {
    buffer_.copy_(value.reshape(buffer_.sizes()));
    state_ = State::kDense;
  } else {
    accumulator().add_(value.reshape(buffer_.sizes()));
  }
}

at::Tensor& GradientSink::accumulator() {
  at::NoGradGuard no_grad;
  if (state_ != State::kDense) buffer_.zero_();
  if (state_ == State::kRows) {
    rows_->add_to(buffer_);
    rows_->clear();
  }
  state_ = State::kDense;
  return buffer_;
}

void GradientSink::reset() {
  if (state_ == State::kRows) rows_->clear();
  state_ = State::kFresh;
}

at::Tensor& GradientSink::rows(std::span<const std::int64_t> ids,
                               std::vector<std::int64_t>& places) {
  if (state_ == State::kDense) {
    places.assign(ids.begin(), ids.end());
    return buffer_;
  }
  if (rows_ == nullptr) {
    rows_ = std::make_shared<internal::RowSums>(buffer_.size(0), buffer_.size(1),
                                                buffer_.scalar_type());
  }
  state_ = State::kRows;
  places.resize(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) places[i] = rows_->place(ids[i]);
  return rows_->sums();
}

const float* GradientSink::part(std::int64_t first, std::int64_t size, float* scratch) const {
  if (state_ == State::kFresh) return nullptr;
  if (state_ == State::kDense) return buffer_.const_data_ptr<float>() + first;
  return rows_->read(first, size, scratch) ? scratch : nullptr;
}

std::unique_ptr<SegmentRule> make_segment_rule(std::string_view kind, const RuleOptions& options) {
  const core::Registry& registry = core::registry();
  const std::string name(kind);
  for (const MixingKind& mixing : kMixingKinds) {
    if (mixing.kind != kind) continue;
    throw privacy_refused("'" + name + "' cannot be trained privately: " + std::string(mixing.reason),
                          std::string(mixing.instead));
  }
  if (!registry.contains("segment_rule", name)) {
    throw privacy_refused("no clipping rule for layers of kind '" + name + "'",
                          "Freeze the layer, or add a rule in dp/segment/.");
  }
  return registry.make<MakeSegmentRule>("segment_rule", name)(options);
}

}  // namespace discreet::dp
