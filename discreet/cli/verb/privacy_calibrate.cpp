#include <fmt/format.h>

#include "discreet/cli/internal/privacy_flags.h"
#include "discreet/cli/program.h"
#include "discreet/privacy/answers.h"

namespace discreet {

void register_verb_privacy_calibrate(cli::Program& program) {
  static privacy::CalibrationQuestion question;
  static std::string rate;
  CLI::App* verb = program.add_verb(
      "privacy calibrate",
      "Solves for the noise multiplier (or steps, or sampling rate) that stays within an epsilon.");
  verb->add_option("--epsilon", question.epsilon, "The target; never exceeded.")->required();
  verb->add_option("--delta", question.delta, "Chance that the bound may fail by.")->required();
  verb->add_option("--noise-multiplier", question.noise_multiplier,
                   "Leave out what is to be solved for: usually this.");
  verb->add_option("--sampling-rate", rate, "A number or a fraction: 256/60000.");
  verb->add_option("--steps", question.steps, "Noisy steps.")->check(CLI::NonNegativeNumber);
  cli::add_accountant_flags(verb, question.accountant, question.options);
  program.on_run(verb, [&program] {
    if (!rate.empty()) question.sampling_rate = privacy::parse_rate(rate);
    const Json document = privacy::answer_calibrate(question);
    if (program.global().json) {
      cli::print_document(document);
      return 0;
    }
    const auto unknown = document["solved_for"].get<std::string>();
    std::vector<std::vector<std::string>> rows;
    for (const Json& row : document["results"]) {
      rows.push_back({row["accountant"].get<std::string>(), cli::shown(row[unknown]),
                      cli::shown(row.value("epsilon", Json()))});
    }
    cli::print_table({"accountant", unknown, "epsilon"}, rows);
    cli::print_reasons(document["results"], unknown);
    return 0;
  });
}

}  // namespace discreet
