#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "discreet/privacy/accountant.h"
#include "discreet/privacy/internal/rdp.h"

namespace discreet {
namespace privacy {
namespace {

class RdpAccountant final : public Accountant {
 public:
  explicit RdpAccountant(const AccountantOptions& options) : refine_(options.refine) {}

  std::string name() const override { return "rdp"; }
  std::string why_not(const Event& event) const override {
    using Kind = Event::Kind;
    return internal::why_not_steps(event, {Kind::kLaplace, Kind::kPureDp, Kind::kRepeatAndSelect,
                                           Kind::kSampledWithoutReplacement});
  }

  Bound epsilon(const Event& event, Delta delta) const override {
    internal::require_support(*this, event);
    const FlatEvent flat = flatten(event);
    Bound bound{0, BoundKind::kUpper, name()};
    if (delta.value() >= 1 || (flat.empty() && !flat.non_private)) return bound;
    if (flat.non_private || delta.value() == 0) {
      bound.value = HUGE_VAL;
      return bound;
    }
    return minimum(flat, [&](const auto& orders, const auto& rdp) {
      return internal::rdp_epsilon(orders, rdp, delta.value());
    });
  }

  Bound delta(const Event& event, Epsilon epsilon) const override {
    internal::require_support(*this, event);
    const FlatEvent flat = flatten(event);
    Bound bound{0, BoundKind::kUpper, name()};
    if (std::isinf(epsilon.value()) || (flat.empty() && !flat.non_private)) return bound;
    if (flat.non_private) {
      bound.value = 1;
      return bound;
    }
    return minimum(flat, [&](const auto& orders, const auto& rdp) {
      return internal::rdp_delta(orders, rdp, epsilon.value());
    });
  }

 private:
  using Convert =
      std::function<internal::RdpMinimum(const std::vector<double>&, const std::vector<double>&)>;

  Bound minimum(const FlatEvent& flat, const Convert& convert) const {
    const auto& orders = internal::rdp_orders();
    const auto best = convert(orders, internal::rdp_of(flat, orders));
    Bound bound{best.value, BoundKind::kUpper, name(), orders[best.index]};
    if (refine_) improve(flat, convert, best.index, bound);
    const bool at_end = best.index == 0 || best.index + 1 == orders.size();
    if (at_end && !refine_ && bound.value > 0) {
      bound.warnings.push_back(
          fmt::format("the best order, {}, is an end of the grid: the value may be far from the "
                      "best one; --refine searches beyond it",
                      orders[best.index]));
    }
    return bound;
  }

  /// Golden-section search on the logarithm of order - 1. Every order gives a valid bound, so what
  /// the search finds is one, whether or not it is the minimum.
  void improve(const FlatEvent& flat, const Convert& convert, std::size_t index,
               Bound& bound) const {
    const auto& orders = internal::rdp_orders();
    double low = std::log(index == 0 ? 1e-6 : orders[index - 1] - 1);
    double high = std::log(index + 1 == orders.size() ? 8192 : orders[index + 1] - 1);
    const auto value_at = [&](double log_order) {
      const std::vector<double> order{1 + std::exp(log_order)};
      const double value = convert(order, internal::rdp_of(flat, order)).value;
      if (value < bound.value) {
        bound.value = value;
        bound.order = order[0];
      }
      return value;
    };
    constexpr double kGolden = 0.6180339887498949;
    double a = high - kGolden * (high - low), b = low + kGolden * (high - low);
    double at_a = value_at(a), at_b = value_at(b);
    for (int i = 0; i < 40; ++i) {
      if (at_a < at_b) {
        high = b, b = a, at_b = at_a;
        at_a = value_at(a = high - kGolden * (high - low));
      } else {
        low = a, a = b, at_a = at_b;
        at_b = value_at(b = low + kGolden * (high - low));
      }
    }
  }

  bool refine_;
};

}  // namespace
}  // namespace privacy

void register_accountant_rdp(core::Registry& registry) {
  registry.add({"accountant",
                "rdp",
                "Renyi differential privacy: quick, a little loose.",
                "Mironov, Talwar and Zhang 2019; Balle et al. 2020, Theorem 21",
                {},
                privacy::MakeAccountant([](const privacy::AccountantOptions& options) {
                  return std::unique_ptr<privacy::Accountant>(new privacy::RdpAccountant(options));
                })});
}

}  // namespace discreet
