#include <fmt/format.h>

#include "discreet/app/distill_options.h"
#include "discreet/app/federated_settings.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_validate(cli::Program& program) {
  static std::vector<std::string> files, assignments;
  static bool dump = false;
  CLI::App* verb = program.add_verb(
      "validate", "Checks a configuration: keys, types, bounds and what contradicts what.");
  verb->add_option("config", files, "TOML files; a later one overrides an earlier one.")->required();
  verb->add_option("--set", assignments, "section.key=value; may repeat.")
      ->take_all()
      ->allow_extra_args(false);
  verb->add_flag("--dump", dump, "Print the complete configuration: every key with its value.");
  program.on_run(verb, [&program] {
    const core::Config config = app::read_config(files, assignments);
    const auto settings = app::parse_settings(config);
    const auto distill = app::parse_distill(settings, config);
    Json values = config.at("federated").is_null()
                      ? app::dump_settings(settings, distill)
                      : app::dump_simulation(settings, app::parse_federated(config, settings));
    if (program.global().json) {
      Json document = {{"schema", "discreet.validate/1"}, {"valid", true}, {"files", files}};
      if (dump) document["configuration"] = values;
      cli::print_document(document);
    } else if (dump) {
      fmt::print("{}", core::to_toml(values));
    } else {
      fmt::print("{}: valid\n", files.back());
    }
    return 0;
  });
}

}  // namespace discreet
