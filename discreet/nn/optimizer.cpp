#include "discreet/nn/optimizer.h"

#include <cmath>

#include "discreet/core/error.h"

namespace discreet::nn {
namespace {

/// What one element's update needs; the same numbers for float and double.
struct UpdateRule {
  double learning_rate, momentum, beta1, beta2, epsilon, weight_decay;
  double correction1, correction2;  // 1 - beta^t
};

template <class T>
__attribute__((always_inline)) inline void sgd_loop(const UpdateRule& rule, T* __restrict w,
                                                    const T* __restrict g, std::int64_t n) {
  const T rate = static_cast<T>(rule.learning_rate), decay = static_cast<T>(rule.weight_decay);
  for (std::int64_t i = 0; i < n; ++i) w[i] -= rate * (g[i] + decay * w[i]);
}

template <class T>
__attribute__((always_inline)) inline void momentum_loop(const UpdateRule& rule, T* __restrict w,
                                                         T* __restrict m, const T* __restrict g,
                                                         std::int64_t n) {
  const T rate = static_cast<T>(rule.learning_rate), decay = static_cast<T>(rule.weight_decay);
  const T momentum = static_cast<T>(rule.momentum);
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] = momentum * m[i] + g[i] + decay * w[i];
    w[i] -= rate * m[i];
  }
}

/// `coupled`: weight decay goes through the moments (Adam); else it shrinks the weights (AdamW).
template <class T>
__attribute__((always_inline)) inline void adam_loop(const UpdateRule& rule, bool coupled,
                                                     T* __restrict w, T* __restrict m,
                                                     T* __restrict v, const T* __restrict g,
                                                     std::int64_t n) {
  const T beta1 = static_cast<T>(rule.beta1), rest1 = static_cast<T>(1 - rule.beta1);
  const T beta2 = static_cast<T>(rule.beta2), rest2 = static_cast<T>(1 - rule.beta2);
  const T step = static_cast<T>(rule.learning_rate / rule.correction1);
  const T root = static_cast<T>(1 / std::sqrt(rule.correction2));
  const T epsilon = static_cast<T>(rule.epsilon);
  const T decay = static_cast<T>(coupled ? rule.weight_decay : 0);
  const T keep = static_cast<T>(coupled ? 1 : 1 - rule.learning_rate * rule.weight_decay);
  for (std::int64_t i = 0; i < n; ++i) {
    const T gradient = g[i] + decay * w[i];
    m[i] = beta1 * m[i] + rest1 * gradient;
    v[i] = beta2 * v[i] + rest2 * gradient * gradient;
    w[i] = keep * w[i] - step * m[i] / (std::sqrt(v[i]) * root + epsilon);
  }
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define DISCREET_OPTIMIZER_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("no-math-errno")))
#else
#define DISCREET_OPTIMIZER_CLONES
#endif

// One function per element type, as clones by processor cannot be made of a template.
DISCREET_OPTIMIZER_CLONES void update_floats(OptimizerKind kind, const UpdateRule& rule, float* w,
                                             float* m, float* v, const float* g, std::int64_t n) {
  if (kind == OptimizerKind::kSgd) return sgd_loop(rule, w, g, n);
  if (kind == OptimizerKind::kMomentum) return momentum_loop(rule, w, m, g, n);
  adam_loop(rule, kind == OptimizerKind::kAdam, w, m, v, g, n);
}

DISCREET_OPTIMIZER_CLONES void update_doubles(OptimizerKind kind, const UpdateRule& rule, double* w,
                                              double* m, double* v, const double* g,
                                              std::int64_t n) {
  if (kind == OptimizerKind::kSgd) return sgd_loop(rule, w, g, n);
  if (kind == OptimizerKind::kMomentum) return momentum_loop(rule, w, m, g, n);
  adam_loop(rule, kind == OptimizerKind::kAdam, w, m, v, g, n);
}

UpdateRule rule_of(const OptimizerOptions& options, double learning_rate, std::int64_t steps) {
  const double t = static_cast<double>(steps);
  return {learning_rate,        options.momentum, options.beta1, options.beta2, options.epsilon,
          options.weight_decay, 1 - std::pow(options.beta1, t), 1 - std::pow(options.beta2, t)};
}

template <class T>
T* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<T>() : nullptr;
}

const std::vector<std::pair<std::string, OptimizerKind>>& optimizer_kinds() {
  static const std::vector<std::pair<std::string, OptimizerKind>> kinds = {
      {"sgd", OptimizerKind::kSgd},
      {"momentum", OptimizerKind::kMomentum},
      {"adam", OptimizerKind::kAdam},
      {"adamw", OptimizerKind::kAdamW}};
  return kinds;
}

}  // namespace

OptimizerKind parse_optimizer(const std::string& name) {
  for (const auto& [known, kind] : optimizer_kinds()) {
    if (known == name) return kind;
  }
  throw usage_error("unknown optimizer '" + name + "'", "Use sgd, momentum, adam or adamw.");
}

std::string optimizer_name(OptimizerKind kind) {
  for (const auto& [name, known] : optimizer_kinds()) {
    if (known == kind) return name;
  }
  throw internal_error("an optimizer without a name");
}

Optimizer::Optimizer(NamedTensors parameters, OptimizerOptions options)
    : parameters_(std::move(parameters)), options_(options),
      first_(parameters_.size()), second_(parameters_.size()) {
  const bool has_first = options_.kind != OptimizerKind::kSgd;
  const bool has_second =
      options_.kind == OptimizerKind::kAdam || options_.kind == OptimizerKind::kAdamW;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i].second;
    if (!parameter.is_contiguous()) {
      throw internal_error("parameter '" + parameters_[i].first + "' is not contiguous");
    }
    if (has_first) first_[i] = at::zeros(parameter.sizes(), parameter.options().requires_grad(false));
    if (has_second) second_[i] = at::zeros_like(first_[i]);
  }
}

void Optimizer::step(std::span<const at::Tensor> gradients, double learning_rate) {
  if (gradients.size() != parameters_.size()) {
    throw internal_error("the optimizer got " + std::to_string(gradients.size()) +
                         " gradients for " + std::to_string(parameters_.size()) + " parameters");
  }
  begin_step(learning_rate);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i].defined()) update_tensor(i, gradients[i]);
  }
}

void Optimizer::begin_step(double learning_rate) {
  ++steps_;
  learning_rate_ = learning_rate;
}

void Optimizer::update(std::size_t parameter, std::int64_t first,
                       std::span<const float> gradient) {
  const auto at_first = [first](float* data) { return data == nullptr ? nullptr : data + first; };
  update_floats(options_.kind, rule_of(options_, learning_rate_, steps_),
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
  const UpdateRule rule = rule_of(options_, learning_rate_, steps_);
  if (w.is_cpu() && gradient.is_cpu() && w.scalar_type() == gradient.scalar_type() &&
      (w.scalar_type() == at::kFloat || w.scalar_type() == at::kDouble)) {
    const at::Tensor dense = gradient.contiguous();
    if (w.scalar_type() == at::kFloat) {
      update_floats(options_.kind, rule, w.data_ptr<float>(), data_or_null<float>(m),
                    data_or_null<float>(v), dense.data_ptr<float>(), w.numel());
    } else {
      update_doubles(options_.kind, rule, w.data_ptr<double>(), data_or_null<double>(m),
                     data_or_null<double>(v), dense.data_ptr<double>(), w.numel());
    }
    return;
  }
  const bool coupled = options_.kind != OptimizerKind::kAdamW;
  const at::Tensor g = coupled && options_.weight_decay != 0
                           ? gradient.add(w, options_.weight_decay) : gradient;
  if (options_.kind == OptimizerKind::kSgd) {
    w.sub_(g, learning_rate_);
  } else if (options_.kind == OptimizerKind::kMomentum) {
    m.mul_(options_.momentum).add_(g);
    w.sub_(m, learning_rate_);
  } else {
    if (!coupled) w.mul_(1 - learning_rate_ * options_.weight_decay);
    m.mul_(rule.beta1).add_(g, 1 - rule.beta1);
    v.mul_(rule.beta2).addcmul_(g, g, 1 - rule.beta2);
    const at::Tensor scale = v.sqrt().div_(std::sqrt(rule.correction2)).add_(rule.epsilon);
    w.addcdiv_(m, scale, -learning_rate_ / rule.correction1);
  }
}

NamedTensors Optimizer::state() const {
  NamedTensors state = {{"steps", at::full({1}, steps_, at::kLong)}};
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const std::string& name = parameters_[i].first;
    if (options_.kind == OptimizerKind::kMomentum) {
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
