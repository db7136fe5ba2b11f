#include "discreet/privacy/ledger.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/file_lock.h"
#include "discreet/core/sha256.h"
#include "discreet/privacy/accountant.h"

namespace discreet::privacy {
namespace {

/// Lines of a file with their numbers; `torn` is set if the last one has no newline.
std::vector<std::string> ledger_lines(const std::filesystem::path& path, bool& torn) {
  const std::string bytes = core::read_file(path);
  std::vector<std::string> lines;
  std::size_t start = 0;
  while (start < bytes.size()) {
    const auto end = bytes.find('\n', start);
    lines.push_back(bytes.substr(start, end - start));
    torn = end == std::string::npos;
    start = torn ? bytes.size() : end + 1;
  }
  return lines;
}

/// Adds an event to a list of (event, times), merging it with the last.
struct EventRuns {
  std::vector<std::pair<Event, std::int64_t>> runs;

  void add(const Event& event) {
    if (!runs.empty() && runs.back().first == event) {
      ++runs.back().second;
    } else {
      runs.emplace_back(event, 1);
    }
  }

  Event composed() const {
    std::vector<Event> events;
    for (const auto& [event, times] : runs) {
      events.push_back(times == 1 ? event : Event::self_composed(event, times));
    }
    return events.size() == 1 ? events[0] : Event::composed(std::move(events));
  }
};

Json terms_json(const BudgetLedger::Terms& terms) {
  return {{"schema", "discreet.budget/1"},
          {"epsilon", core::number(terms.epsilon)},
          {"delta", terms.delta},
          {"unit", name(terms.unit)},
          {"relation", name(terms.relation)},
          {"accountant", terms.accountant},
          {"data_sha256", terms.data_sha256}};
}

BudgetLedger::Terms read_terms(const Json& json, const std::string& origin) {
  try {
    BudgetLedger::Terms terms;
    if (json.at("schema") != "discreet.budget/1") throw bad_data("schema is not discreet.budget/1");
    terms.epsilon = Epsilon(core::to_double(json.at("epsilon"))).value();
    terms.delta = Delta(core::to_double(json.at("delta"))).value();
    terms.unit = unit_of(json.at("unit").get<std::string>());
    terms.relation = relation_of(json.at("relation").get<std::string>());
    terms.accountant = json.at("accountant").get<std::string>();
    terms.data_sha256 = json.value("data_sha256", std::string());
    return terms;
  } catch (const std::exception& e) {
    throw bad_data(fmt::format("{}: not the first line of a budget ledger: {}", origin, e.what()));
  }
}

Json charge_json(const BudgetLedger::Charge& charge) {
  return {{"run", charge.run}, {"event", charge.event.to_json()}};
}

/// The first line says how many charges follow, and their hash: a file that lost its end still parses.
std::string budget_bytes(const BudgetLedger::Terms& terms,
                         const std::vector<BudgetLedger::Charge>& charges) {
  std::string lines;
  for (const auto& charge : charges) lines += charge_json(charge).dump() + "\n";
  Json first = terms_json(terms);
  first["charges"] = charges.size();
  first["charges_sha256"] = core::sha256(lines);
  return first.dump() + "\n" + lines;
}

/// Throws unless the charges are those that the first line speaks of.
void check_whole(const Json& first, const std::vector<std::string>& lines, bool torn,
                 const std::string& origin) {
  const std::string hint =
      "It was cut short or edited; put back a copy. What is missing may have been spent.";
  if (torn) throw bad_data(origin + ": the last line of the budget ledger is cut short", hint);
  if (!first.contains("charges")) return;  // As earlier versions wrote it.
  std::string charges;
  for (std::size_t i = 1; i < lines.size(); ++i) charges += lines[i] + "\n";
  const auto expected = first["charges"].get<std::uint64_t>();
  if (lines.size() - 1 != expected) {
    throw bad_data(fmt::format("{}: the budget ledger has {} charges, its first line says {}", origin,
                               lines.size() - 1, expected),
                   hint);
  }
  if (first.value("charges_sha256", std::string()) != core::sha256(charges)) {
    throw bad_data(origin + ": the charges of the budget ledger are not those that were written",
                   hint);
  }
}

}  // namespace

Json ledger_line(std::uint64_t step, const Event& event) {
  return {{"step", step}, {"event", event.to_json()}};
}

LedgerSum read_ledger(const std::filesystem::path& path) {
  LedgerSum sum;
  if (!std::filesystem::exists(path)) return sum;
  bool torn = false;
  const auto lines = ledger_lines(path, torn);
  EventRuns runs;
  std::set<std::uint64_t> seen;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string origin = fmt::format("{}:{}", path.string(), i + 1);
    try {
      const Json line = core::parse_json(lines[i], origin);
      if (!line.is_object() || !line.contains("event") || !line.contains("step") ||
          !line["step"].is_number_unsigned()) {
        throw bad_data(origin + ": expected {\"step\": …, \"event\": …}");
      }
      runs.add(Event::from_json(line["event"]));
      const auto step = line["step"].get<std::uint64_t>();
      ++sum.lines;
      sum.last_step = std::max(sum.last_step, step);
      if (!seen.insert(step).second) ++sum.repeated;
    } catch (const Error& e) {
      // The step of a line that was cut while being written never took effect.
      if (torn && i + 1 == lines.size()) break;
      const std::string message = e.what();
      throw bad_data(message.rfind(origin, 0) == 0 ? message : origin + ": " + message, e.hint());
    }
  }
  sum.event = runs.composed();
  return sum;
}

std::int64_t lost_steps(const LedgerSum& ledger, std::int64_t from_step) {
  const auto lines = static_cast<std::int64_t>(ledger.lines);
  if (lines >= from_step) return lines - from_step;
  throw privacy_refused(
      fmt::format("the ledger holds {} noisy steps, but training had taken {}: it was cut short", lines,
                  from_step),
      "Put back a copy of ledger.jsonl; without it nobody can say what was spent.");
}

BudgetLedger::BudgetLedger(std::filesystem::path path, const Terms& terms)
    : path_(std::move(path)) {
  if (!std::filesystem::exists(path_)) {
    Epsilon{terms.epsilon};
    Delta{terms.delta};
    if (!path_.parent_path().empty()) std::filesystem::create_directories(path_.parent_path());
    make_accountant(terms.accountant);
    core::write_file_atomically(path_, budget_bytes(terms, {}));
  }
  load();
  const auto refuse = [&](const std::string& what, const std::string& has,
                          const std::string& asked) {
    throw privacy_refused(fmt::format("budget ledger {} counts for {} '{}', this run asks for '{}'",
                                      path_.string(), what, has, asked),
                          "Guarantees of different kinds do not add up: use another ledger.");
  };
  if (terms_.unit != terms.unit) {
    refuse("unit", std::string(name(terms_.unit)), std::string(name(terms.unit)));
  }
  if (terms_.relation != terms.relation) {
    refuse("relation", std::string(name(terms_.relation)), std::string(name(terms.relation)));
  }
  if (!terms_.data_sha256.empty() && !terms.data_sha256.empty() &&
      terms_.data_sha256 != terms.data_sha256) {
    refuse("data", terms_.data_sha256, terms.data_sha256);
  }
}

BudgetLedger::BudgetLedger(std::filesystem::path path) : path_(std::move(path)) {
  if (!std::filesystem::exists(path_)) {
    throw usage_error("no budget ledger at " + path_.string(),
                      "It is made by the first run that names it (privacy.ledger).");
  }
  load();
}

void BudgetLedger::load() {
  bool torn = false;
  const auto lines = ledger_lines(path_, torn);
  if (lines.empty()) throw bad_data(path_.string() + ": an empty budget ledger");
  const std::string where = path_.string() + ":1";
  const Json first = core::parse_json(lines[0], where);
  terms_ = read_terms(first, where);
  try {
    check_whole(first, lines, torn, path_.string());
  } catch (const Json::exception& e) {
    throw bad_data(fmt::format("{}: not the first line of a budget ledger: {}", where, e.what()));
  }
  charges_.clear();
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string origin = fmt::format("{}:{}", path_.string(), i + 1);
    try {
      const Json line = core::parse_json(lines[i], origin);
      charges_.push_back({line.at("run").get<std::string>(), Event::from_json(line.at("event"))});
    } catch (const std::exception& e) {
      throw bad_data(fmt::format("{}: not a charge: {}", origin, e.what()));
    }
  }
}

double BudgetLedger::alone(const Event& event) const {
  return make_accountant(terms_.accountant)->epsilon(event, Delta(terms_.delta)).guarantee();
}

double BudgetLedger::spent_with(const Event& event) const {
  EventRuns runs;
  for (const Charge& charge : charges_) runs.add(charge.event);
  runs.add(event);
  return alone(runs.composed());
}

double BudgetLedger::spent() const { return spent_with(Event::composed({})); }

void BudgetLedger::charge(const std::string& run, const Event& event) {
  const core::FileLock lock(path_.string() + ".lock", "budget ledger " + path_.string());
  load();  // Somebody else may have charged it since.
  check(run, event);
  charges_.push_back({run, event});
  core::write_file_atomically(path_, budget_bytes(terms_, charges_));
}

void BudgetLedger::check(const std::string& run, const Event& event) const {
  if (const auto why = why_not_relation(event, terms_.relation); !why.empty()) {
    throw privacy_refused(fmt::format("budget of {}: {}", path_.string(), why));
  }
  const double before = spent(), after = spent_with(event);
  if (!(after <= terms_.epsilon)) {
    throw privacy_refused(
        fmt::format(
            "budget of {}: epsilon {:.6g} of {:.6g} is spent by {} charges; run '{}' (epsilon "
            "{:.6g} alone) would make it {:.6g} at delta {:.3g}",
            path_.string(), before, terms_.epsilon, charges_.size(), run, alone(event), after,
            terms_.delta),
        "Train with more noise or fewer steps, or end the use of this data.");
  }
}

}  // namespace discreet::privacy
