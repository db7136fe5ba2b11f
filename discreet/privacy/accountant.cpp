#include "discreet/privacy/accountant.h"

#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::privacy {

std::string_view name(BoundKind kind) {
  switch (kind) {
    case BoundKind::kUpper:
      return "upper";
    case BoundKind::kLower:
      return "lower";
    case BoundKind::kEstimate:
      return "estimate";
    case BoundKind::kDiagnostic:
      return "diagnostic";
  }
  throw internal_error("bound of unknown kind");
}

double Bound::guarantee() const {
  if (kind == BoundKind::kUpper) return value;
  throw privacy_refused(
      fmt::format("accountant {} gives a value of kind '{}', which is no guarantee", accountant,
                  privacy::name(kind)),
      "Use an accountant that gives an upper bound: rdp, prv or pld.");
}

Json to_json(const Bound& bound, const std::string& quantity) {
  Json json{{"accountant", bound.accountant},
            {quantity, core::number(bound.value)},
            {"kind", name(bound.kind)}};
  if (bound.order) json["order"] = *bound.order;
  if (bound.estimate) json["estimate"] = core::number(*bound.estimate);
  if (bound.lower) json["lower"] = core::number(*bound.lower);
  if (!bound.warnings.empty()) json["warnings"] = bound.warnings;
  return json;
}

std::unique_ptr<Accountant> make_accountant(const std::string& name,
                                            const AccountantOptions& options) {
  return core::registry().make<MakeAccountant>("accountant", name)(options);
}

std::vector<std::string> accountant_names(bool guarantees_only) {
  std::vector<std::string> names;
  for (const core::Entry* entry : core::registry().list("accountant")) {
    // A diagnostic says so on an event that every accountant covers.
    if (guarantees_only) {
      const auto accountant = make_accountant(entry->name);
      const Event nothing = Event::composed({});
      if (accountant->epsilon(nothing, Delta(0.5)).kind != BoundKind::kUpper) continue;
    }
    names.push_back(entry->name);
  }
  return names;
}

namespace internal {

void require_support(const Accountant& accountant, const Event& event) {
  const std::string reason = accountant.why_not(event);
  if (reason.empty()) return;
  throw privacy_refused(
      fmt::format("accountant {} does not cover this event: {}", accountant.name(), reason),
      "`discreet list accountant` names the others.");
}

}  // namespace internal
}  // namespace discreet::privacy
