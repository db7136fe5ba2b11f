#include "discreet/privacy/verify.h"

#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/privacy/ledger.h"
#include "discreet/privacy/statement.h"

namespace discreet::privacy {
namespace {

/// Relative difference that another processor's rounding may make.
constexpr double kRounding = 1e-6;

bool at_most(double value, double limit) {
  return std::isinf(limit) || value <= limit * (1 + kRounding) + 1e-12;
}

VerifyCheck check_stated_epsilon(const PrivacyRun& run, const Json& document) {
  const double stated = core::to_double(document.at("epsilon"));
  const double recomputed = state_privacy(run).epsilon.value;
  return {
      "epsilon of the stated events", at_most(recomputed, stated) && at_most(stated, recomputed),
      fmt::format("stated {:.8g}, recomputed {:.8g} by {}", stated, recomputed, run.accountant)};
}

VerifyCheck check_event_tree(const PrivacyRun& run, const Json& document) {
  const Event tree = Event::from_json(document.at("event"));
  const auto accountant = make_accountant(run.accountant);
  const double stated = core::to_double(document.at("epsilon"));
  const double recomputed = accountant->epsilon(tree, Delta(run.delta)).value;
  return {"epsilon of the event tree", at_most(recomputed, stated),
          fmt::format("stated {:.8g}, recomputed {:.8g}", stated, recomputed)};
}

VerifyCheck check_ledger(const PrivacyRun& run, const Json& document, const LedgerSum& ledger) {
  const double stated = core::to_double(document.at("epsilon"));
  // The best of several runs keeps the ledger of that one; what counts is the selection.
  const bool selected = run.event && run.event->kind() == Event::Kind::kRepeatAndSelect && ledger.lines > 0;
  const Event event = selected ? Event::repeat_and_select(run.event->runs(), ledger.event) : ledger.event;
  const double spent = make_accountant(run.accountant)->epsilon(event, Delta(run.delta)).value;
  // A finished run states what its ledger adds up to: less than that, and the ledger lost lines. One that its data stopped
  // states all that was planned, and how many lines it wrote.
  if (const auto stopped = document.find("stopped_after"); stopped != document.end() && stopped->is_number_unsigned()) {
    return {"ledger is whole", ledger.lines == stopped->get<std::uint64_t>() && at_most(spent, stated),
            fmt::format("{} lines cost {:.8g}; training stopped after {} steps and states all that were planned, {:.8g}", ledger.lines, spent,
                        stopped->get<std::uint64_t>(), stated)};
  }
  if (document.value("status", std::string()) == "spent" && !at_most(stated, spent)) {
    return {"ledger is whole", false,
            fmt::format("{} lines cost {:.8g}, stated as spent {:.8g}: lines are missing",
                        ledger.lines, spent, stated)};
  }
  return {"ledger spends no more than is stated", at_most(spent, stated),
          fmt::format("{} lines ({} repeated) cost {:.8g}, stated {:.8g}", ledger.lines,
                      ledger.repeated, spent, stated)};
}

VerifyCheck check_claim(const PrivacyRun& run, const Json& document) {
  const bool stated = document.value("guarantee", false);
  const bool may = !run.insecure_seed && std::isfinite(core::to_double(document.at("epsilon")));
  return {"guarantee is claimed only where there is one", !stated || may,
          fmt::format("per {}, {}, {} sampling, {}", name(run.unit), name(run.relation),
                      name(run.sampling), stated ? "claimed" : "not claimed")};
}

}  // namespace

std::vector<VerifyCheck> verify_privacy(const std::filesystem::path& run_directory) {
  const auto document_path = run_directory / "privacy.json";
  const LedgerSum ledger = read_ledger(run_directory / "ledger.jsonl");
  if (!std::filesystem::exists(document_path)) {
    if (ledger.lines == 0) return {{"privacy", true, "the run claims no privacy"}};
    return {{"privacy", false,
             fmt::format("the ledger has {} lines but privacy.json is missing", ledger.lines)}};
  }
  const Json document = core::parse_json(core::read_file(document_path), document_path.string());
  const PrivacyRun run = privacy_run_of(document);
  if (!document.contains("epsilon") || !document.contains("event")) {
    throw bad_data(document_path.string() + ": 'epsilon' or 'event' is missing");
  }
  return {check_claim(run, document), check_stated_epsilon(run, document),
          check_event_tree(run, document), check_ledger(run, document, ledger)};
}

}  // namespace discreet::privacy
