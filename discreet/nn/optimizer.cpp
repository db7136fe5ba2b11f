#include "discreet/nn/optimizer.h"

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"

namespace discreet::nn {
namespace {

struct KindRow {
  OptimizerKind kind;
  const char* name;
  bool has_first, has_second, decoupled;  // moments kept; weight decay beside them
};
constexpr KindRow kKinds[] = {{OptimizerKind::kSgd, "sgd", false, false, false},
                              {OptimizerKind::kMomentum, "momentum", true, false, false},
                              {OptimizerKind::kNesterov, "nesterov", true, false, false},
                              {OptimizerKind::kAdam, "adam", true, true, false},
                              {OptimizerKind::kAdamW, "adamw", true, true, true},
                              {OptimizerKind::kAdamBc, "adam-bc", true, true, true}};

const KindRow& row_of(OptimizerKind kind) {
  for (const KindRow& row : kKinds) {
    if (row.kind == kind) return row;
  }
  throw internal_error("an optimizer without a row");
}

using kernels::UpdateRule;

/// `noise`: the moving average of the noise's variance, as the moments stand, not corrected.
UpdateRule rule_of(const OptimizerOptions& options, double learning_rate, std::int64_t steps,
                   double noise) {
  const double t = static_cast<double>(steps);
  UpdateRule rule{options.kind,         learning_rate,
                  options.momentum,     options.beta1,
                  options.beta2,        options.epsilon,
                  options.weight_decay, 1 - std::pow(options.beta1, t),
                  1 - std::pow(options.beta2, t), 0, 0};
  if (options.kind == OptimizerKind::kAdamBc) {
    rule.noise = noise / rule.correction2;
    const double least = options.floor > 0 ? options.floor
                                           : second_moment_floor(rule.noise, options.beta2, steps);
    rule.floor = std::max(least, options.epsilon * options.epsilon);
  }
  return rule;
}

template <class T>
T* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<T>() : nullptr;
}

}  // namespace

OptimizerKind parse_optimizer(const std::string& name) {
  std::string known;
  for (const KindRow& row : kKinds) {
    if (name == row.name) return row.kind;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw usage_error("unknown optimizer '" + name + "'", "There are: " + known + ".");
}

std::string optimizer_name(OptimizerKind kind) { return row_of(kind).name; }

double second_moment_floor(double noise_variance, double beta2, std::int64_t steps) {
  const double power = std::pow(beta2, static_cast<double>(steps));
  const double squared_weights = (1 - beta2) * (1 + power) / ((1 + beta2) * (1 - power));
  return noise_variance * std::sqrt(2 * squared_weights);
}

double Optimizer::noise_of(std::size_t parameter) const {
  return noise_.defined() ? noise_.const_data_ptr<double>()[parameter] : 0;
}

Optimizer::Optimizer(NamedTensors parameters, OptimizerOptions options)
    : parameters_(std::move(parameters)), options_(options),
      first_(parameters_.size()), second_(parameters_.size()), still_(parameters_.size()) {
  const KindRow& row = row_of(options_.kind);
  if (options_.kind == OptimizerKind::kAdamBc) {
    noise_ = at::zeros({static_cast<std::int64_t>(parameters_.size())}, at::kDouble);
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i].second;
    rates_.push_back(options_.rate_of ? options_.rate_of(parameters_[i].first) : 1.0);
    if (!parameter.is_contiguous()) {
      throw internal_error("parameter '" + parameters_[i].first + "' is not contiguous");
    }
    if (row.has_first) first_[i] = at::zeros(parameter.sizes(), parameter.options().requires_grad(false));
    if (row.has_second) second_[i] = at::zeros_like(first_[i]);
  }
}

void Optimizer::step(std::span<const at::Tensor> gradients, double learning_rate,
                     std::span<const double> noise_variances) {
  if (gradients.size() != parameters_.size()) {
    throw internal_error("the optimizer got " + std::to_string(gradients.size()) +
                         " gradients for " + std::to_string(parameters_.size()) + " parameters");
  }
  begin_step(learning_rate, noise_variances);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i].defined()) update(i, gradients[i]);
  }
}

void Optimizer::update(std::size_t parameter, const at::Tensor& gradient) {
  // What must not move is put back: whole tensors are moved at once, on any device.
  std::vector<std::pair<at::Tensor, at::Tensor>> kept;
  for (const Range& range : still_[parameter]) {
    for (const at::Tensor& moving : {parameters_[parameter].second, first_[parameter], second_[parameter]}) {
      if (!moving.defined()) continue;
      const at::Tensor part = moving.detach().view({-1}).narrow(0, range.first, range.size);
      kept.emplace_back(part, part.clone());
    }
  }
  update_tensor(parameter, gradient);
  for (const auto& [part, value] : kept) part.copy_(value);
}

void Optimizer::keep_still(std::size_t parameter, std::int64_t first, std::int64_t size) {
  if (parameter >= parameters_.size() || first < 0 || size < 0 ||
      first + size > parameters_[parameter].second.numel()) {
    throw internal_error("the optimizer was told to keep still what it does not have");
  }
  if (size == 0) return;
  std::vector<Range>& ranges = still_[parameter];
  ranges.push_back({first, size});
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i - 1].first + ranges[i - 1].size <= ranges[i].first) continue;
    throw internal_error("the optimizer was told twice to keep the same elements still");
  }
}

void Optimizer::begin_step(double learning_rate, std::span<const double> noise_variances) {
  if (noise_variances.size() > 1 && noise_variances.size() != parameters_.size()) {
    throw internal_error("the optimizer got " + std::to_string(noise_variances.size()) +
                         " noise variances for " + std::to_string(parameters_.size()) + " parameters");
  }
  ++steps_;
  learning_rate_ = learning_rate;
  if (!noise_.defined()) return;
  auto* average = noise_.data_ptr<double>();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const double variance = noise_variances.empty()       ? 0
                            : noise_variances.size() == 1 ? noise_variances[0]
                                                          : noise_variances[i];
    average[i] = options_.beta2 * average[i] + (1 - options_.beta2) * variance;
  }
}

void Optimizer::update(std::size_t parameter, std::int64_t first, std::span<const float> gradient) {
  const std::int64_t end = first + static_cast<std::int64_t>(gradient.size());
  std::int64_t done = first;
  const auto move_up_to = [&](std::int64_t last) {
    if (last <= done) return;
    update_moving(parameter, done,
                  gradient.subspan(static_cast<std::size_t>(done - first), static_cast<std::size_t>(last - done)));
  };
  for (const Range& range : still_[parameter]) {
    if (range.first >= end) break;
    move_up_to(range.first);
    done = std::max(done, range.first + range.size);
  }
  move_up_to(end);
}

void Optimizer::update_moving(std::size_t parameter, std::int64_t first, std::span<const float> gradient) {
  const auto at_first = [first](float* data) { return data == nullptr ? nullptr : data + first; };
  kernels::update(rule_of(options_, learning_rate_ * rates_[parameter], steps_, noise_of(parameter)),
                  at_first(data_or_null<float>(parameters_[parameter].second)),
                  at_first(data_or_null<float>(first_[parameter])),
                  at_first(data_or_null<float>(second_[parameter])), gradient.data(),
                  static_cast<std::int64_t>(gradient.size()));
}

void Optimizer::update_tensor(std::size_t parameter, const at::Tensor& gradient) {
  at::NoGradGuard no_grad;
  at::Tensor w = parameters_[parameter].second.detach();
  at::Tensor& m = first_[parameter];
  at::Tensor& v = second_[parameter];
  const double learning_rate = learning_rate_ * rates_[parameter];
  const UpdateRule rule = rule_of(options_, learning_rate, steps_, noise_of(parameter));
  if (w.is_cpu() && gradient.is_cpu() && w.scalar_type() == gradient.scalar_type() &&
      (w.scalar_type() == at::kFloat || w.scalar_type() == at::kDouble)) {
    const at::Tensor dense = gradient.contiguous();
    if (w.scalar_type() == at::kFloat) {
      kernels::update(rule, w.data_ptr<float>(), data_or_null<float>(m),
                      data_or_null<float>(v), dense.data_ptr<float>(), w.numel());
    } else {
      kernels::update(rule, w.data_ptr<double>(), data_or_null<double>(m),
                      data_or_null<double>(v), dense.data_ptr<double>(), w.numel());
    }
    return;
  }
  const KindRow& row = row_of(options_.kind);
  const at::Tensor g = !row.decoupled && options_.weight_decay != 0
                           ? gradient.add(w, options_.weight_decay) : gradient;
  if (!row.has_first) {
    w.sub_(g, learning_rate);
  } else if (!row.has_second) {
    m.mul_(options_.momentum).add_(g);
    if (options_.kind == OptimizerKind::kNesterov) {
      w.sub_(g.add(m, options_.momentum), learning_rate);
    } else {
      w.sub_(m, learning_rate);
    }
  } else {
    if (row.decoupled) w.mul_(1 - learning_rate * options_.weight_decay);
    m.mul_(rule.beta1).add_(g, 1 - rule.beta1);
    v.mul_(rule.beta2).addcmul_(g, g, 1 - rule.beta2);
    const at::Tensor scale =
        options_.kind == OptimizerKind::kAdamBc
            ? v.div(rule.correction2).sub_(rule.noise).clamp_min_(rule.floor).sqrt_()
            : v.sqrt().div_(std::sqrt(rule.correction2)).add_(rule.epsilon);
    w.addcdiv_(m, scale, -learning_rate / rule.correction1);
  }
}

NamedTensors Optimizer::state() const {
  NamedTensors state = {{"steps", at::full({1}, steps_, at::kLong)}};
  if (noise_.defined()) state.emplace_back("noise_variance", noise_);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const std::string& name = parameters_[i].first;
    if (first_[i].defined() && !second_[i].defined()) {
      state.emplace_back(name + ".momentum", first_[i]);
    } else if (first_[i].defined()) {
      state.emplace_back(name + ".exp_avg", first_[i]);
      state.emplace_back(name + ".exp_avg_sq", second_[i]);
    }
  }
  return state;
}

void Optimizer::load(const NamedTensors& state) {
  // Found and checked first, copied after, so that a bad state leaves the optimiser as it was.
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;
  for (const auto& [name, target] : this->state()) {
    const at::Tensor* source = nullptr;
    for (const auto& [known, tensor] : state) {
      if (known == name) source = &tensor;
    }
    if (source == nullptr) {
      throw bad_data("the optimizer state has no tensor '" + name + "'",
                     "It was written by another optimizer or for another model.");
    }
    if (source->sizes() != target.sizes()) {
      throw bad_data("the optimizer state's tensor '" + name + "' has another size than the model's");
    }
    copies.emplace_back(target, *source);
  }
  steps_ = copies.front().second.to(at::kCPU, at::kLong).data_ptr<std::int64_t>()[0];
  for (std::size_t i = 1; i < copies.size(); ++i) copies[i].first.copy_(copies[i].second);
}

}  // namespace discreet::nn
