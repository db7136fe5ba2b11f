#include <fmt/format.h>

#include "discreet/cli/internal/privacy_flags.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"
#include "discreet/privacy/answers.h"

namespace discreet {

void register_verb_privacy_compare(cli::Program& program) {
  static std::vector<std::string> settings;
  static privacy::EpsilonQuestion common;
  CLI::App* verb = program.add_verb(
      "privacy compare", "Settings and accountants side by side, with and without amplification.");
  verb->add_option("settings", settings, "Each S,Q,T: noise multiplier, sampling rate, steps.")
      ->required();
  verb->add_option("--delta", common.delta, "Chance that the bound may fail by.")->required();
  cli::add_accountant_flags(verb, common.accountant, common.options);
  program.on_run(verb, [&program] {
    std::vector<privacy::EpsilonQuestion> questions;
    for (const auto& setting : settings) {
      questions.push_back(common);
      questions.back().phases = {privacy::parse_phase(setting)};
    }
    const Json document = privacy::answer_compare(questions);
    if (program.global().json) {
      cli::print_document(document);
      return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const Json& row : document["results"]) {
      const Json& phase = row["phases"][0];
      rows.push_back(
          {fmt::format("{},{},{}", cli::shown(phase["noise_multiplier"]),
                       cli::shown(phase["sampling_rate"]), phase["steps"].get<std::int64_t>()),
           row["accountant"].get<std::string>(), cli::shown(row["epsilon"]),
           row["kind"].get<std::string>(), cli::shown(row["epsilon_once_per_epoch"]),
           cli::shown(row["epsilon_every_step"])});
    }
    cli::print_table(
        {"setting", "accountant", "epsilon", "kind", "once per epoch", "in every step"}, rows);
    cli::print_reasons(document["results"], "epsilon");
    for (const Json& caveat : document["caveats"]) fmt::print("\n{}\n", caveat.get<std::string>());
    return 0;
  });
}

}  // namespace discreet
