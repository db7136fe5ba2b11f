#include "discreet/dp/clipper.h"

#include <cmath>

#include "discreet/core/error.h"

namespace discreet::dp {
namespace {

const void* identity(const at::Tensor& tensor) { return tensor.unsafeGetTensorImpl(); }

/// Rules work on the CPU in float32 or float64.
at::Tensor for_rules(const at::Tensor& tensor) {
  if (!tensor.defined()) return tensor;
  at::Tensor here = tensor.detach().to(at::kCPU);
  const bool narrow = here.is_floating_point() && here.scalar_type() != at::kDouble;
  return narrow ? here.to(at::kFloat) : here;
}

}  // namespace

/// The uses of one set of parameters.
struct SegmentClipper::Group {
  std::string kind;
  std::vector<at::Tensor> params;
  std::vector<std::size_t> places;  // of params in parameters_; kNowhere where frozen
  std::unique_ptr<SegmentRule> rule;
  std::size_t expected = 0;         // uses announced in this part's forward pass
  std::vector<nn::Use> uses;        // recorded and not measured yet
  bool measured = false;
};

namespace {
constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
}  // namespace

double clip_factor(double norm, double clip_norm) {
  if (!std::isfinite(norm)) return 0;
  return std::min(1.0, clip_norm / (norm + 1e-6));
}

SegmentClipper::SegmentClipper(nn::NamedTensors parameters, privacy::ClipNorm clip_norm,
                               RuleOptions options)
    : parameters_(std::move(parameters)), clip_norm_(clip_norm.value()), options_(options) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    place_[identity(parameters_[i].second)] = i;
  }
}

SegmentClipper::~SegmentClipper() = default;

SegmentClipper::Group& SegmentClipper::group_of(std::string_view kind,
                                                const std::vector<at::Tensor>& params) {
  Group* known = nullptr;
  for (const at::Tensor& param : params) {
    if (!param.defined()) continue;
    const auto owner = owner_.find(identity(param));
    if (owner != owner_.end()) known = owner->second;
  }
  if (known != nullptr) {
    bool same = known->kind == kind && known->params.size() == params.size();
    for (std::size_t i = 0; same && i < params.size(); ++i) same = params[i].is_same(known->params[i]);
    if (same) return *known;
    for (const at::Tensor& param : params) {
      if (!param.defined() || owner_.count(identity(param)) == 0) continue;
      throw privacy_refused(
          "parameter '" + parameters_[place_.at(identity(param))].first + "' is shared by a '" +
              known->kind + "' layer and a '" + std::string(kind) +
              "' layer that do not share all of their parameters",
          "Untie the weights, or share whole layers of one kind.");
    }
  }
  auto group = std::make_unique<Group>();
  group->kind = kind;
  group->params = params;
  group->rule = make_segment_rule(kind, options_);
  for (const at::Tensor& param : params) {
    group->places.push_back(kNowhere);
    if (!param.defined()) continue;
    const auto place = place_.find(identity(param));
    if (place == place_.end()) {
      throw privacy_refused("a '" + std::string(kind) + "' layer has a trainable parameter that is "
                            "not in the list of those to be trained",
                            "Freeze it, or hand it to the clipper.");
    }
    group->places.back() = place->second;
    owner_[identity(param)] = group.get();
  }
  groups_.push_back(std::move(group));
  return *groups_.back();
}

void SegmentClipper::begin(std::int64_t segments) {
  for (auto& group : groups_) {
    group->expected = 0;
    group->uses.clear();
    group->measured = false;
  }
  for (auto& [name, parameter] : parameters_) parameter.mutable_grad() = at::Tensor();
  squared_.assign(static_cast<std::size_t>(segments), 0.0);
  if (sum_.sinks_.empty()) {
    for (const auto& [name, parameter] : parameters_) {
      const bool wide = parameter.scalar_type() == at::kDouble;
      sum_.sinks_.emplace_back(at::empty(parameter.sizes(), wide ? at::kDouble : at::kFloat));
    }
  }
  active_ = true;
}

void SegmentClipper::expect(std::string_view kind, const std::vector<at::Tensor>& params) {
  if (!active_) throw internal_error("a forward pass was recorded before SegmentClipper::begin");
  ++group_of(kind, params).expected;
}

void SegmentClipper::record(nn::Use use) {
  if (!active_) throw internal_error("a backward pass was recorded after SegmentClipper::finish");
  Group& group = group_of(use.kind, use.params);
  if (group.measured) {
    throw internal_error("a layer of kind '" + group.kind + "' recorded more uses than it announced");
  }
  for (at::Tensor& input : use.inputs) input = for_rules(input);
  for (at::Tensor& gradient : use.gradients) gradient = for_rules(gradient);
  group.uses.push_back(std::move(use));
  // Shared parameters wait for their last use, since their gradients add up before the norm.
  if (group.uses.size() == group.expected) measure(group);
}

void SegmentClipper::measure(Group& group) {
  group.rule->add_squared_norms(std::move(group.uses), squared_);
  group.uses.clear();
  group.measured = true;
}

void SegmentClipper::check_covered() const {
  for (const auto& [name, parameter] : parameters_) {
    const bool covered = owner_.count(identity(parameter)) != 0;
    if (covered && !parameter.grad().defined()) continue;
    throw privacy_refused(
        "parameter '" + name + "' " +
            (covered ? "got an ordinary gradient beside its layer's recorded one"
                     : "has no clipping rule: no layer recorded its use"),
        "Freeze it, or use it only through layers with a rule (discreet list segment_rule).");
  }
}

void SegmentClipper::finish() {
  if (!active_) throw internal_error("SegmentClipper::finish without begin");
  check_covered();
  // Uses that never reached the loss have no gradient; what was recorded is complete by now.
  for (auto& group : groups_) {
    if (!group->measured && !group->uses.empty()) measure(*group);
  }
  norms_.resize(squared_.size());
  std::vector<double> factors(squared_.size());
  for (std::size_t s = 0; s < squared_.size(); ++s) {
    norms_[s] = std::sqrt(squared_[s]);
    factors[s] = factor(norms_[s]);
    sum_.clipped_ += factors[s] < 1 && std::isfinite(norms_[s]);
    sum_.non_finite_ += !std::isfinite(norms_[s]);
  }
  sum_.segments_ += static_cast<std::int64_t>(squared_.size());
  for (auto& group : groups_) {
    if (!group->measured) continue;
    std::vector<GradientSink*> sinks;
    for (const std::size_t place : group->places) {
      sinks.push_back(place == kNowhere ? nullptr : &sum_.sinks_[place]);
    }
    group->rule->add_clipped_sum(factors, sinks);
    group->measured = false;
  }
  active_ = false;
}

double SegmentClipper::factor(double norm) const { return clip_factor(norm, clip_norm_); }

ClippedSum SegmentClipper::take() {
  if (active_) throw internal_error("SegmentClipper::take before finish");
  if (sum_.sinks_.empty()) {
    begin(0);
    active_ = false;
  }
  ClippedSum sum = std::move(sum_);
  sum.sensitivity_ = clip_norm_ * privacy::sensitivity_factor(sum.relation_);
  sum_ = {};
  return sum;
}

void SegmentClipper::recycle(ClippedSum sum) {
  for (GradientSink& sink : sum.sinks_) sink.reset();
  sum_.sinks_ = std::move(sum.sinks_);
}

}  // namespace discreet::dp
