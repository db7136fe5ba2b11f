#include "discreet/dp/rule.h"

#include "discreet/core/error.h"
#include "discreet/core/registry.h"

namespace discreet::dp {

void GradientSink::add_product(const at::Tensor& left, const at::Tensor& right) {
  at::NoGradGuard no_grad;
  if (fresh_) {
    at::mm_out(buffer_, left.t(), right);
    fresh_ = false;
  } else {
    buffer_.addmm_(left.t(), right);
  }
}

void GradientSink::add(const at::Tensor& value) {
  at::NoGradGuard no_grad;
  if (fresh_) {
    buffer_.copy_(value.reshape(buffer_.sizes()));
    fresh_ = false;
  } else {
    buffer_.add_(value.reshape(buffer_.sizes()));
  }
}

at::Tensor& GradientSink::accumulator() {
  if (fresh_) buffer_.zero_();
  fresh_ = false;
  return buffer_;
}

std::unique_ptr<SegmentRule> make_segment_rule(std::string_view kind, const RuleOptions& options) {
  const core::Registry& registry = core::registry();
  const std::string name(kind);
  if (!registry.contains("segment_rule", name)) {
    throw privacy_refused("no clipping rule for layers of kind '" + name + "'",
                          "Freeze the layer, or add a rule in dp/segment/.");
  }
  return registry.make<MakeSegmentRule>("segment_rule", name)(options);
}

}  // namespace discreet::dp
