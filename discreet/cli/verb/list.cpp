#include <fmt/format.h>

#include "discreet/cli/program.h"
#include "discreet/core/registry.h"

namespace discreet {

void register_verb_list(cli::Program& program) {
  static std::string kind;
  CLI::App* verb = program.add_verb("list", "Names what is registered: accountants, models, attacks …");
  verb->add_option("kind", kind, "A kind, for example accountant; without it, the kinds.");
  program.on_run(verb, [&program] {
    const auto& registry = core::registry();
    Json names = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const auto& known : registry.kinds()) {
      if (!kind.empty() && known != kind) continue;
      for (const core::Entry* entry : registry.list(known)) {
        names.push_back({{"kind", known}, {"name", entry->name}, {"summary", entry->summary}});
        rows.push_back({known + " " + entry->name, entry->summary});
      }
    }
    if (!kind.empty() && names.empty()) registry.find("kind", kind);
    if (program.global().json) {
      cli::print_document({{"schema", "discreet.list/1"}, {"results", names}});
    } else {
      for (const auto& row : rows) fmt::print("{:<32} {}\n", row[0], row[1]);
    }
    return 0;
  });
}

}  // namespace discreet
