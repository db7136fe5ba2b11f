#pragma once

#include <cstdint>

namespace discreet::nn {

/// The update rules; weight decay is decoupled from the moments in kAdamW and kAdamBc.
enum class OptimizerKind { kSgd, kMomentum, kNesterov, kAdam, kAdamW, kAdamBc };

namespace kernels {

/// What one element's update needs; the same numbers for float and double.
struct UpdateRule {
  OptimizerKind kind;
  double learning_rate, momentum, beta1, beta2, epsilon, weight_decay;
  double correction1, correction2;  // 1 - beta^t
  double noise, floor;              // kAdamBc: taken out of the corrected second moment; what is kept
};

/// One step of `n` elements: weights w, first and second moments m and v (null where the kind keeps
/// none), gradient g. None of them may overlap.
void update(const UpdateRule& rule, float* w, float* m, float* v, const float* g, std::int64_t n);
void update(const UpdateRule& rule, double* w, double* m, double* v, const double* g, std::int64_t n);

}  // namespace kernels
}  // namespace discreet::nn
