#include "discreet/privacy/accountant.h"

#include <algorithm>
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
  if (bound.remove) json["remove"] = core::number(*bound.remove);
  if (bound.add) json["add"] = core::number(*bound.add);
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
namespace {

std::string reason_of(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::kRepeatAndSelect:
      return "private selection over a random number of runs is proven by Renyi divergences only "
             "(accountant rdp)";
    case Event::Kind::kSampledWithoutReplacement:
      return "amplification by batches of fixed size is proven by Renyi divergences only "
             "(accountant rdp)";
    case Event::Kind::kTruncatedPoissonSampled:
      return "truncated Poisson batches are covered as a mixture of privacy losses only "
             "(accountant pld)";
    default:
      return fmt::format("it covers Gaussian noise only, and the event holds '{}'",
                         privacy::name(kind));
  }
}

}  // namespace

std::string why_not_steps(const Event& event, std::initializer_list<Event::Kind> covered) {
  const FlatEvent flat = flatten(event);
  if (!flat.unsupported.empty()) return flat.unsupported;
  for (const OtherStep& other : flat.others) {
    const Event::Kind kind = other.event.kind();
    if (std::find(covered.begin(), covered.end(), kind) == covered.end()) return reason_of(kind);
    if (kind != Event::Kind::kRepeatAndSelect) continue;
    if (auto inside = why_not_steps(other.event.children()[0], covered); !inside.empty()) {
      return inside;
    }
  }
  return "";
}

void require_support(const Accountant& accountant, const Event& event) {
  const std::string reason = accountant.why_not(event);
  if (reason.empty()) return;
  throw privacy_refused(
      fmt::format("accountant {} does not cover this event: {}", accountant.name(), reason),
      "`discreet list accountant` names the others.");
}

}  // namespace internal
}  // namespace discreet::privacy
