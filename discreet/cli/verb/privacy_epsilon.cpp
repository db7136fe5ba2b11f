#include <fmt/format.h>

#include "discreet/cli/internal/privacy_flags.h"
#include "discreet/cli/program.h"
#include "discreet/privacy/answers.h"

namespace discreet {

void register_verb_privacy_epsilon(cli::Program& program) {
  static cli::PhaseFlags flags;
  static cli::EventFlags event;
  static privacy::EpsilonQuestion question;
  CLI::App* verb = program.add_verb("privacy epsilon", "What noisy steps on sampled batches cost, or any event.",
                                    "Accounting: epsilon, calibration, statements.");
  cli::add_phase_flags(verb, flags);
  cli::add_event_flags(verb, event);
  verb->add_option("--group", event.group, "Protect any so many units at once.")
      ->capture_default_str();
  verb->add_option("--delta", question.delta, "Chance that the bound may fail by.")->required();
  cli::add_accountant_flags(verb, question.accountant, question.options);
  program.on_run(verb, [&program] {
    static_cast<privacy::EventQuestion&>(question) = cli::event_question(flags, event);
    const Json document = privacy::answer_epsilon(question);
    const int code = cli::exit_code_of(document["results"], "epsilon");
    if (program.global().json) {
      cli::print_document(document);
      return code;
    }
    std::vector<std::vector<std::string>> rows;
    for (const Json& row : document["results"]) {
      rows.push_back({row["accountant"].get<std::string>(), cli::shown(row["epsilon"]),
                      row["kind"].get<std::string>(), cli::shown(row.value("order", Json())),
                      cli::shown(row.value("estimate", Json())),
                      cli::shown(row.value("lower", Json()))});
    }
    cli::print_table({"accountant", "epsilon", "kind", "order", "estimate", "lower"}, rows);
    cli::print_reasons(document["results"], "epsilon");
    fmt::print("\n{}, at delta = {}{}.\n", cli::basis_of(document), question.delta,
               question.group > 1 ? fmt::format(", for groups of {}", question.group) : "");
    return code;
  });
}

}  // namespace discreet
