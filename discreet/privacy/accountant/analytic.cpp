#include <cmath>

#include <fmt/format.h>

#include "discreet/privacy/accountant.h"
#include "discreet/privacy/internal/gaussian.h"

namespace discreet {
namespace privacy {
namespace {

/// Exact for Gaussians without sampling: T of them are one of (sum z^-2)^(-1/2).
class AnalyticAccountant final : public Accountant {
 public:
  std::string name() const override { return "analytic"; }

  std::string why_not(const Event& event) const override {
    if (auto reason = internal::why_not_steps(event, {}); !reason.empty()) return reason;
    for (const Phase& phase : flatten(event).phases) {
      if (phase.sampling_rate != 1) {
        return fmt::format("it is exact for Gaussians without sampling only, and a rate is {}",
                           phase.sampling_rate);
      }
    }
    return "";
  }

  Bound epsilon(const Event& event, Delta delta) const override {
    internal::require_support(*this, event);
    return {internal::gaussian_epsilon(mu_of(flatten(event)), delta.value()), BoundKind::kUpper,
            name()};
  }

  Bound delta(const Event& event, Epsilon epsilon) const override {
    internal::require_support(*this, event);
    return {internal::gaussian_delta(mu_of(flatten(event)), epsilon.value()), BoundKind::kUpper,
            name()};
  }

 private:
  /// 1 / (effective multiplier); infinity without noise.
  static double mu_of(const FlatEvent& flat) {
    if (flat.non_private) return HUGE_VAL;
    double sum = 0;
    for (const Phase& phase : flat.phases) {
      sum += static_cast<double>(phase.steps) / (phase.noise_multiplier * phase.noise_multiplier);
    }
    return std::sqrt(sum);
  }
};

}  // namespace
}  // namespace privacy

void register_accountant_analytic(core::Registry& registry) {
  registry.add({"accountant",
                "analytic",
                "Exact for Gaussian noise without sampling (rate 1).",
                "Balle and Wang 2018, Theorem 8",
                {},
                privacy::MakeAccountant([](const privacy::AccountantOptions&) {
                  return std::unique_ptr<privacy::Accountant>(new privacy::AnalyticAccountant);
                })});
}

}  // namespace discreet
