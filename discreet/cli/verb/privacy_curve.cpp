#include <cmath>

#include <fmt/format.h>

#include "discreet/cli/internal/privacy_flags.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"
#include "discreet/privacy/answers.h"

namespace discreet {
namespace {

struct CurveFlags {
  cli::PhaseFlags phases;
  cli::EventFlags event;
  std::vector<double> deltas, epsilons;
  double lowest = 1e-10, highest = 1e-2;
  int points = 9;
};

std::vector<double> log_spaced(const CurveFlags& flags) {
  if (!(flags.lowest > 0 && flags.lowest < flags.highest && flags.highest <= 1)) {
    throw usage_error(fmt::format("deltas from {} to {}: expected 0 < lowest < highest <= 1",
                                  flags.lowest, flags.highest));
  }
  std::vector<double> deltas;
  for (int i = 0; i < flags.points; ++i) {
    const double share = flags.points == 1 ? 0 : static_cast<double>(i) / (flags.points - 1);
    // Through text, so that 1e-5 is 1e-5.
    const double value = flags.lowest * std::pow(flags.highest / flags.lowest, share);
    deltas.push_back(std::stod(fmt::format("{:.9g}", value)));
  }
  return deltas;
}

}  // namespace

void register_verb_privacy_curve(cli::Program& program) {
  static CurveFlags flags;
  static privacy::EpsilonQuestion question;
  CLI::App* verb = program.add_verb(
      "privacy curve", "Epsilon over a range of deltas (or delta at given epsilons).");
  cli::add_phase_flags(verb, flags.phases);
  cli::add_event_flags(verb, flags.event);
  verb->add_option("--delta", flags.deltas, "These deltas, by commas.")->delimiter(',');
  verb->add_option("--epsilon", flags.epsilons, "Delta at these epsilons, by commas.")
      ->delimiter(',');
  verb->add_option("--lowest", flags.lowest, "Without either: from this delta")
      ->capture_default_str();
  verb->add_option("--highest", flags.highest, "to this one,")->capture_default_str();
  verb->add_option("--points", flags.points, "at so many points, evenly in the logarithm.")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  question.accountant = "rdp,pld";
  cli::add_accountant_flags(verb, question.accountant, question.options);
  program.on_run(verb, [&program] {
    static_cast<privacy::EventQuestion&>(question) =
        cli::event_question(flags.phases, flags.event);
    const bool range = flags.deltas.empty() && flags.epsilons.empty();
    const Json document = privacy::answer_curve(
        question, range ? log_spaced(flags) : flags.deltas, flags.epsilons);
    if (program.global().json) {
      cli::print_document(document);
      return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const Json& result : document["results"]) {
      for (const Json& point : result["points"]) {
        rows.push_back({result["accountant"].get<std::string>(), cli::shown(point["delta"]),
                        cli::shown(point["epsilon"]), result["kind"].get<std::string>()});
      }
    }
    cli::print_table({"accountant", "delta", "epsilon", "kind"}, rows);
    for (const Json& result : document["results"]) {
      if (!result.contains("reason")) continue;
      fmt::print("{}: {}\n", result["accountant"].get<std::string>(),
                 result["reason"].get<std::string>());
    }
    fmt::print("\n{}.\n", cli::basis_of(document));
    return 0;
  });
}

}  // namespace discreet
