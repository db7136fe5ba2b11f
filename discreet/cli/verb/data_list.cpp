#include <fmt/format.h>

#include "discreet/app/data_sets.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_data_list(cli::Program& program) {
  CLI::App* verb = program.add_verb("data list", "Names the data sets that need no path.",
                                    "Data sets: known ones, the built-in corpus, your files.");
  program.on_run(verb, [&program] {
    const Json document = app::list_data();
    if (program.global().json) {
      cli::print_document(document);
      return 0;
    }
    for (const Json& set : document["results"]) {
      const std::uint64_t bytes = set["bytes"];
      const std::string state = bytes == 0            ? "built in"
                                : set["cached"]       ? "fetched"
                                : set["needs_mirror"] ? "needs --mirror"
                                                      : "can be fetched";
      fmt::print("{:<24} {:>9} {:<14} {}\n", set["name"].get<std::string>(),
                 bytes == 0 ? "" : fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6),
                 state, set["summary"].get<std::string>());
    }
    return 0;
  });
}

}  // namespace discreet
