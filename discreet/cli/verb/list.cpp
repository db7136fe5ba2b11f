#include <fmt/format.h>

#include "discreet/app/explain.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_list(cli::Program& program) {
  static std::string kind;
  CLI::App* verb = program.add_verb("list", "Names what is registered: accountants, models, attacks …");
  verb->add_option("kind", kind, "A kind, for example accountant; without it, everything.");
  program.on_run(verb, [&program] {
    const Json rows = app::list_entries(kind);
    if (program.global().json) {
      cli::print_document({{"schema", "discreet.list/1"}, {"results", rows}});
      return 0;
    }
    for (const auto& row : rows) {
      const std::string title =
          row["kind"].get<std::string>() + " " + row["name"].get<std::string>();
      fmt::print("{:<32} {}\n", title, row["summary"].get<std::string>());
    }
    return 0;
  });
}

}  // namespace discreet
