#include <cmath>

#include "discreet/privacy/accountant.h"
#include "discreet/privacy/internal/gaussian.h"

namespace discreet {
namespace privacy {
namespace {

/// The central limit of Gaussian differential privacy. It lies below the true value on ordinary
/// settings, so it is a diagnostic and never a guarantee: `Bound::guarantee` refuses it.
class GdpAccountant final : public Accountant {
 public:
  std::string name() const override { return "gdp"; }

  std::string why_not(const Event& event) const override {
    return internal::why_not_steps(event, {});
  }

  Bound epsilon(const Event& event, Delta delta) const override {
    internal::require_support(*this, event);
    return diagnostic(internal::gaussian_epsilon(mu_of(flatten(event)), delta.value()));
  }

  Bound delta(const Event& event, Epsilon epsilon) const override {
    internal::require_support(*this, event);
    return diagnostic(internal::gaussian_delta(mu_of(flatten(event)), epsilon.value()));
  }

 private:
  static double mu_of(const FlatEvent& flat) {
    if (flat.non_private) return HUGE_VAL;
    double sum = 0;
    for (const Phase& phase : flat.phases) {
      const double z = phase.noise_multiplier, q = phase.sampling_rate;
      sum += q * q * static_cast<double>(phase.steps) * std::expm1(1 / (z * z));
    }
    return std::sqrt(sum);
  }

  Bound diagnostic(double value) const {
    Bound bound{value, BoundKind::kDiagnostic, name()};
    bound.warnings.push_back("a limit for many steps, not an upper bound: no guarantee");
    return bound;
  }
};

}  // namespace
}  // namespace privacy

void register_accountant_gdp(core::Registry& registry) {
  registry.add({"accountant",
                "gdp",
                "Central limit of Gaussian privacy: a diagnostic, no guarantee.",
                "Bu, Dong, Long and Su 2019, Corollary 4",
                {},
                privacy::MakeAccountant([](const privacy::AccountantOptions&) {
                  return std::unique_ptr<privacy::Accountant>(new privacy::GdpAccountant);
                })});
}

}  // namespace discreet
