#include <fmt/format.h>

#include "discreet/cli/internal/privacy_flags.h"
#include "discreet/cli/program.h"
#include "discreet/privacy/answers.h"

namespace discreet {

void register_verb_privacy_calibrate(cli::Program& program) {
  static privacy::CalibrationQuestion question;
  static std::string rate;
  static std::vector<std::string> phases;
  CLI::App* verb = program.add_verb(
      "privacy calibrate",
      "Solves for what is left out: noise, rate or steps within an epsilon; the scale of phases; or "
      "epsilon or delta.");
  verb->add_option("--epsilon", question.epsilon, "The target; never exceeded.");
  verb->add_option("--delta", question.delta, "Chance that the bound may fail by.");
  verb->add_option("--noise-multiplier", question.noise_multiplier,
                   "Leave out what is to be solved for: usually this.");
  verb->add_option("--sampling-rate", rate, "A number or a fraction: 256/60000.");
  verb->add_option("--steps", question.steps, "Noisy steps.")->check(CLI::NonNegativeNumber);
  verb->add_option("--phase", phases,
                   "S,Q,T; may repeat: one factor on all noise multipliers S is solved for.");
  cli::add_accountant_flags(verb, question.accountant, question.options);
  program.on_run(verb, [&program] {
    if (!rate.empty()) question.sampling_rate = privacy::parse_rate(rate);
    for (const auto& phase : phases) question.phases.push_back(privacy::parse_phase(phase));
    const Json document = privacy::answer_calibrate(question);
    const auto unknown = document["solved_for"].get<std::string>();
    const int code = cli::exit_code_of(document["results"], unknown);
    if (program.global().json) {
      cli::print_document(document);
      return code;
    }
    std::vector<std::vector<std::string>> rows;
    for (const Json& row : document["results"]) {
      rows.push_back({row["accountant"].get<std::string>(), cli::shown(row[unknown])});
      if (unknown != "epsilon") {
        rows.back().push_back(cli::shown(row.value("epsilon", document["target_epsilon"])));
      }
    }
    std::vector<std::string> header = {"accountant", unknown};
    if (unknown != "epsilon") header.push_back("epsilon");
    cli::print_table(header, rows);
    cli::print_reasons(document["results"], unknown);
    return code;
  });
}

}  // namespace discreet
