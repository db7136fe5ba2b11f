#include "discreet/dp/clipper.h"

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/pattern.h"
#include "discreet/dp/internal/kernels.h"
#include "discreet/dp/internal/uses.h"

namespace discreet::dp {
namespace {

constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
constexpr std::string_view kGenericKind = "generic";

const void* identity(const at::Tensor& tensor) { return tensor.unsafeGetTensorImpl(); }

/// Rules work in float32 or float64, where the tensors are.
at::Tensor for_rules(const at::Tensor& tensor) {
  if (!tensor.defined()) return tensor;
  at::Tensor here = tensor.detach();
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
  std::size_t layer = 0;
  std::size_t trained = 0;          // parameters that are not frozen
  bool measured = false;            // this part's norms are taken
  bool summed = false;              // and its clipped sum is
};

double ClippedSum::sensitivity() const {
  double squares = 0;
  for (const double bound : bounds_) squares += bound * bound;
  return unit_sensitivity_ * (bounds_.size() == 1 ? bounds_[0] : std::sqrt(squares));
}

SegmentClipper::SegmentClipper(nn::NamedTensors parameters, std::unique_ptr<ClippingRule> rule,
                               std::vector<ClipLayer> layers, RuleOptions options, SegmentHolds holds)
    : parameters_(std::move(parameters)), rule_(std::move(rule)), options_(std::move(options)), holds_(holds),
      deferred_(std::make_unique<internal::DeferredNorms>()) {
  if (options_.kept == nullptr) options_.kept = std::make_shared<KeptMemory>(options_.kept_bytes);
  std::map<std::string, std::size_t> by_name;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    place_[identity(parameters_[i].second)] = i;
    by_name[parameters_[i].first] = i;
  }
  if (!rule_->by_layer()) {
    layer_of_.assign(parameters_.size(), 0);
    layer_sizes_ = {parameters_.size()};
    return;
  }
  if (layers.size() != rule_->bounds().size()) {
    throw internal_error("the clipping rule and the clipper hold other layers");
  }
  layer_of_.assign(parameters_.size(), kNowhere);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    for (const std::string& name : layers[l].parameters) {
      const auto place = by_name.find(name);
      if (place == by_name.end() || layer_of_[place->second] != kNowhere) {
        throw usage_error("parameter '" + name + "' of layer '" + layers[l].name +
                          "' is not trained, or stands in two layers");
      }
      layer_of_[place->second] = l;
    }
    layer_sizes_.push_back(layers[l].parameters.size());
    layer_names_.push_back(layers[l].name);
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (layer_of_[i] != kNowhere) continue;
    throw privacy_refused("parameter '" + parameters_[i].first + "' is in no layer, so nothing bounds it",
                          "Make the layers with dp::find_layers from the parameters that are trained.");
  }
}

SegmentClipper::SegmentClipper(nn::NamedTensors parameters, privacy::ClipNorm clip_norm,
                               RuleOptions options)
    : SegmentClipper(std::move(parameters), make_clipping_rule({.clip_norm = clip_norm.value()}, {}), {},
                     options) {}

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
          "Untie the weights, or share whole layers of one kind; an embedding and its output layer are "
          "tied by nn/layers/tied_embedding.h.");
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
    const std::size_t layer = layer_of_[place->second];
    if (group->trained++ == 0) group->layer = layer;
    if (layer != group->layer) {
      throw privacy_refused("a '" + std::string(kind) + "' layer takes parameters of the layers '" +
                                layer_names_[group->layer] + "' and '" + layer_names_[layer] +
                                "', which are clipped apart",
                            "Put them in one layer, or take a clipping rule over all parameters.");
    }
    owner_[identity(param)] = group.get();
  }
  groups_.push_back(std::move(group));
  return *groups_.back();
}

void SegmentClipper::start_part(std::int64_t segments, bool piece) {
  for (auto& group : groups_) {
    group->expected = 0;
    group->uses.clear();
    group->measured = group->summed = false;
  }
  for (auto& [name, parameter] : parameters_) parameter.mutable_grad() = at::Tensor();
  deferred_->forget();
  squared_.assign(rule_->bounds().size(), std::vector<double>(static_cast<std::size_t>(segments), 0.0));
  const auto make_sinks = [&](std::vector<GradientSink>& sinks) {
    for (const auto& [name, parameter] : parameters_) {
      const bool wide = parameter.scalar_type() == at::kDouble;
      sinks.emplace_back(
          at::empty(parameter.sizes(), at::TensorOptions(wide ? at::kDouble : at::kFloat).device(parameter.device())));
    }
  };
  if (sum_.sinks_.empty()) make_sinks(sum_.sinks_);
  if (piece && pieces_.empty()) make_sinks(pieces_);
  if (rule_->counts()) sum_.counts_.resize(rule_->bounds().size(), 0.0);
  piece_ = piece;
  active_ = true;
}

void SegmentClipper::begin(std::int64_t segments) {
  if (open_) throw internal_error("SegmentClipper::begin before the open segment was closed");
  start_part(segments, false);
}

void SegmentClipper::begin_piece() {
  start_part(1, true);
  if (!open_) {
    for (GradientSink& sink : pieces_) sink.reset();
  }
  open_ = true;
}

void SegmentClipper::expect(std::string_view kind, const std::vector<at::Tensor>& params) {
  if (!active_) throw internal_error("a forward pass was recorded before SegmentClipper::begin");
  ++group_of(kind, params).expected;
  if (kind == kGenericKind) check_generic(params.front());
}

void SegmentClipper::check_generic(const at::Tensor& parameter) const {
  const std::string& name = parameters_[place_.at(identity(parameter))].first;
  const auto segments = static_cast<std::int64_t>(squared_.front().size());
  if (!core::matches_any(options_.generic, name)) {
    throw privacy_refused(
        "parameter '" + name + "' is used in ordinary operations, which no clipping rule covers",
        "Freeze it, or name it in privacy.generic_rule: it then takes a copy per example or user.");
  }
  // A copy and its gradient as the layer has them, and the gradient in double.
  const std::int64_t bytes = segments * parameter.numel() * (2 * parameter.element_size() + 8);
  if (bytes <= options_.generic_bytes) return;
  throw privacy_refused(
      "parameter '" + name + "' would take " + std::to_string(bytes) + " bytes, for " +
          std::to_string(segments) + " copies of " + std::to_string(parameter.numel()) +
          " values and their gradients; the cap is " + std::to_string(options_.generic_bytes),
      "Freeze it, raise privacy.generic_mib, or work in smaller parts: train.physical_tokens.");
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
  {
    const internal::DeferredNorms::Scope scope(*deferred_);
    group.rule->add_squared_norms(std::move(group.uses), squared_[group.layer]);
  }
  group.uses.clear();
  group.measured = true;
  // A layer that is complete needs nobody else's norms.
  const bool complete = rule_->by_layer() && group.trained == layer_sizes_[group.layer];
  if (!complete || piece_) return;
  deferred_->add_up();
  add_clipped(group, factors_of(group.layer), sum_.sinks_);
}

std::vector<double> SegmentClipper::factors_of(std::size_t layer) const {
  std::vector<double> factors;
  factors.reserve(squared_[layer].size());
  for (const double squared : squared_[layer]) {
    factors.push_back(rule_->factor(layer, std::sqrt(squared)));
  }
  return factors;
}

void SegmentClipper::add_clipped(Group& group, std::span<const double> factors,
                                 std::vector<GradientSink>& sinks) {
  std::vector<GradientSink*> targets;
  for (const std::size_t place : group.places) {
    targets.push_back(place == kNowhere ? nullptr : &sinks[place]);
  }
  group.rule->add_clipped_sum(factors, targets);
  group.summed = true;
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
  deferred_->add_up();
  active_ = false;
  if (piece_) {
    const std::vector<double> whole{1.0};
    for (auto& group : groups_) {
      if (group->measured && !group->summed) add_clipped(*group, whole, pieces_);
    }
    return;
  }
  for (std::size_t layer = 0; layer < squared_.size(); ++layer) {
    std::vector<double> factors;
    for (auto& group : groups_) {
      if (!group->measured || group->summed || group->layer != layer) continue;
      if (factors.empty()) factors = factors_of(layer);
      add_clipped(*group, factors, sum_.sinks_);
    }
  }
  count_segments();
}

/// Norms over all layers and what is known of the part's segments, from `squared_`.
void SegmentClipper::count_segments() {
  const std::size_t segments = squared_.front().size();
  const std::vector<double>& bounds = rule_->bounds();
  norms_.resize(segments);
  for (std::size_t s = 0; s < segments; ++s) {
    double total = 0;
    bool clipped = false;
    for (std::size_t layer = 0; layer < squared_.size(); ++layer) {
      const double norm = std::sqrt(squared_[layer][s]);
      total += squared_[layer][s];
      clipped = clipped || norm > bounds[layer];
      if (!sum_.counts_.empty()) sum_.counts_[layer] += norm <= bounds[layer] ? 0.5 : -0.5;
    }
    norms_[s] = std::sqrt(total);
    sum_.non_finite_ += !std::isfinite(norms_[s]);
    sum_.clipped_ += clipped && std::isfinite(norms_[s]);
  }
  sum_.segments_ += static_cast<std::int64_t>(segments);
}

void SegmentClipper::close() {
  if (!open_ || active_) throw internal_error("SegmentClipper::close without finished pieces");
  open_ = false;
  squared_.assign(rule_->bounds().size(), std::vector<double>(1, 0.0));
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const at::Tensor& gradient = pieces_[i].sum();
    squared_[layer_of_[i]][0] +=
        !gradient.is_cpu() ? gradient.square().sum(at::kDouble).item<double>()
        : gradient.scalar_type() == at::kDouble
            ? internal::squared_norm(internal::view<double>(gradient))
            : internal::squared_norm(internal::view<float>(gradient));
  }
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const double factor = factors_of(layer_of_[i])[0];
    if (factor != 0) sum_.sinks_[i].accumulator().add_(pieces_[i].sum(), factor);
  }
  count_segments();
}

void SegmentClipper::add_empty(std::int64_t segments) {
  if (open_ || active_) throw internal_error("SegmentClipper::add_empty within a part");
  if (segments == 0) return;
  start_part(segments, false);
  active_ = false;
  count_segments();
}

ClippedSum SegmentClipper::take() {
  if (active_ || open_) throw internal_error("SegmentClipper::take before finish");
  if (sum_.sinks_.empty() || (rule_->counts() && sum_.counts_.empty())) {
    begin(0);
    active_ = false;
  }
  ClippedSum sum = std::move(sum_);
  sum.unit_sensitivity_ = dp::unit_sensitivity(sum.relation_, holds_);
  sum.bounds_ = rule_->bounds();
  sum.layer_of_ = layer_of_;
  sum_ = {};
  return sum;
}

void SegmentClipper::recycle(ClippedSum sum) {
  if (!sum.released_counts_.empty()) rule_->adapt(sum.released_counts_, sum.expected_segments_);
  for (GradientSink& sink : sum.sinks_) sink.reset();
  sum_.sinks_ = std::move(sum.sinks_);
}

}  // namespace discreet::dp
