#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/registry.h"
#include "discreet/privacy/event.h"
#include "discreet/privacy/types.h"

namespace discreet::privacy {

/// What a number says: only an upper bound is a guarantee.
enum class BoundKind { kUpper, kLower, kEstimate, kDiagnostic };
/// "upper", "lower", "estimate", "diagnostic".
std::string_view name(BoundKind kind);

/// A number with what it is worth.
struct Bound {
  double value = 0;  ///< May be infinity.
  BoundKind kind = BoundKind::kDiagnostic;
  std::string accountant;          ///< "rdp"
  std::optional<double> order;     ///< RDP: the order that gave the minimum.
  std::optional<double> estimate;  ///< PRV: the value without the error margins.
  std::optional<double> lower;     ///< PRV: the lower end.
  std::optional<double> remove, add;  ///< PLD: the two directions; the value is the larger.
  std::vector<std::string> warnings;

  /// The value, as what may be printed as a guarantee. Throws: kPrivacyRefused unless kUpper.
  double guarantee() const;
};

/// {"accountant":…,"epsilon":…,"kind":…,"order":…,"estimate":…,"lower":…,"remove":…,"add":…}, absent
/// ones left out; `quantity` is "epsilon" or "delta".
Json to_json(const Bound& bound, const std::string& quantity = "epsilon");

/// Options of every accountant; each reads what it needs.
struct AccountantOptions {
  double eps_error = 0.01;            ///< PRV: the mesh is as fine as this error in epsilon asks.
  std::optional<double> delta_error;  ///< PRV: default delta/1000.
  double mesh = 0;                    ///< PLD: width of a cell; 0: chosen from the composition.
  bool refine = false;                ///< RDP: search between the orders of the grid.
};

/// Says what an event costs. Registered under kind "accountant"; `make` is a MakeAccountant.
///
/// All bounds hold for the relation that the event's noise multipliers were computed for. With
/// rates strictly between 0 and 1 that is add-or-remove-one or zero-out: see `statement.h` for what
/// is refused.
class Accountant {
 public:
  virtual ~Accountant() = default;
  /// As registered: "rdp".
  virtual std::string name() const = 0;
  /// Empty if the accountant covers the event, else the reason why not.
  virtual std::string why_not(const Event& event) const = 0;
  bool supports(const Event& event) const { return why_not(event).empty(); }
  /// Smallest epsilon known for `delta`. Edge cases: an event without steps gives 0; delta 1 gives
  /// 0; delta 0 gives infinity, as Gaussian noise has no pure guarantee; a non-private event gives
  /// infinity. Throws: kPrivacyRefused with the reason if the event is not supported.
  virtual Bound epsilon(const Event& event, Delta delta) const = 0;
  /// Smallest delta known for `epsilon`; never above 1. Throws as above.
  virtual Bound delta(const Event& event, Epsilon epsilon) const = 0;
};

using MakeAccountant = std::unique_ptr<Accountant> (*)(const AccountantOptions&);

/// By registered name. Throws: kUsage naming the nearest.
std::unique_ptr<Accountant> make_accountant(const std::string& name,
                                            const AccountantOptions& options = {});
/// Names of all registered accountants; `guarantees_only` leaves out diagnostics.
std::vector<std::string> accountant_names(bool guarantees_only = false);

namespace internal {
/// Shared by accountants: throws kPrivacyRefused naming the accountant and the reason.
void require_support(const Accountant& accountant, const Event& event);
/// Empty if `event` reduces to sampled Gaussians and steps of the kinds in `covered`, else why an
/// accountant that covers no more must refuse it.
std::string why_not_steps(const Event& event, std::initializer_list<Event::Kind> covered);
}  // namespace internal

}  // namespace discreet::privacy
