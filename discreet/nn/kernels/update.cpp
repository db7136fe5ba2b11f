#include "discreet/nn/kernels/update.h"

#include <cmath>

#include "discreet/nn/kernels/math.h"

namespace discreet::nn::kernels {
namespace {

template <class T>
DISCREET_INLINE void sgd_loop(const UpdateRule& rule, T* __restrict w, const T* __restrict g,
                              std::int64_t n) {
  const T rate = static_cast<T>(rule.learning_rate), decay = static_cast<T>(rule.weight_decay);
  for (std::int64_t i = 0; i < n; ++i) w[i] -= rate * (g[i] + decay * w[i]);
}

/// Nesterov moves by the gradient plus momentum times the new buffer.
template <class T>
DISCREET_INLINE void momentum_loop(const UpdateRule& rule, T* __restrict w, T* __restrict m,
                                   const T* __restrict g, std::int64_t n) {
  const T rate = static_cast<T>(rule.learning_rate), decay = static_cast<T>(rule.weight_decay);
  const T momentum = static_cast<T>(rule.momentum);
  const bool nesterov = rule.kind == OptimizerKind::kNesterov;
  const T of_buffer = nesterov ? momentum : T{1}, of_gradient = nesterov ? T{1} : T{0};
  for (std::int64_t i = 0; i < n; ++i) {
    const T gradient = g[i] + decay * w[i];
    m[i] = momentum * m[i] + gradient;
    w[i] -= rate * (of_buffer * m[i] + of_gradient * gradient);
  }
}

template <class T>
DISCREET_INLINE void adam_loop(const UpdateRule& rule, T* __restrict w, T* __restrict m,
                               T* __restrict v, const T* __restrict g, std::int64_t n) {
  const bool coupled = rule.kind == OptimizerKind::kAdam;
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

template <class T>
DISCREET_INLINE void adam_bc_loop(const UpdateRule& rule, T* __restrict w, T* __restrict m,
                                  T* __restrict v, const T* __restrict g, std::int64_t n) {
  const T beta1 = static_cast<T>(rule.beta1), rest1 = static_cast<T>(1 - rule.beta1);
  const T beta2 = static_cast<T>(rule.beta2), rest2 = static_cast<T>(1 - rule.beta2);
  const T step = static_cast<T>(rule.learning_rate / rule.correction1);
  const T corrected = static_cast<T>(1 / rule.correction2);
  const T noise = static_cast<T>(rule.noise), floor = static_cast<T>(rule.floor);
  const T keep = static_cast<T>(1 - rule.learning_rate * rule.weight_decay);
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] = beta1 * m[i] + rest1 * g[i];
    v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
    const T left = v[i] * corrected - noise;
    w[i] = keep * w[i] - step * m[i] / std::sqrt(left > floor ? left : floor);
  }
}

template <class T>
DISCREET_INLINE void update_loop(const UpdateRule& rule, T* w, T* m, T* v, const T* g,
                                 std::int64_t n) {
  switch (rule.kind) {
    case OptimizerKind::kSgd:
      return sgd_loop(rule, w, g, n);
    case OptimizerKind::kMomentum:
    case OptimizerKind::kNesterov:
      return momentum_loop(rule, w, m, g, n);
    case OptimizerKind::kAdam:
    case OptimizerKind::kAdamW:
      return adam_loop(rule, w, m, v, g, n);
    case OptimizerKind::kAdamBc:
      return adam_bc_loop(rule, w, m, v, g, n);
  }
}

}  // namespace

DISCREET_CLONES void update(const UpdateRule& rule, float* w, float* m, float* v, const float* g,
                            std::int64_t n) {
  update_loop(rule, w, m, v, g, n);
}

DISCREET_CLONES void update(const UpdateRule& rule, double* w, double* m, double* v,
                            const double* g, std::int64_t n) {
  update_loop(rule, w, m, v, g, n);
}

}  // namespace discreet::nn::kernels
