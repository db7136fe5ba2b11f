#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/launch.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"

namespace discreet {

void register_verb_launch(cli::Program& program) {
  static struct {
    int processes = 1;
    double grace = 30;
    std::vector<std::string> command;
  } options;
  CLI::App* verb = program.add_verb(
      "launch", "Runs train, resume, bench or federated simulate in several processes of this machine that work together.");
  verb->add_option("--processes", options.processes, "How many; each has its share of the cores.")
      ->required()
      ->check(CLI::Range(1, 1024));
  verb->add_option("--grace", options.grace,
                   "Seconds that the others may take to save and end after one process failed.")
      ->check(CLI::Range(0.0, 3600.0));
  verb->add_option("command", options.command, "-- and the verb with its options: -- train run.toml")
      ->required();
  program.on_run(verb, [&program] {
    static const std::vector<std::string> kVerbs = {"train", "resume", "bench"};
    const std::string& name = options.command.front();
    const bool simulates = name == "federated" && options.command.size() > 1 && options.command[1] == "simulate";
    if (!simulates && std::ranges::find(kVerbs, name) == kVerbs.end()) {
      throw usage_error(fmt::format("launch: '{}' does not work in several processes", name),
                        fmt::format("These do: {}, federated simulate.", fmt::join(kVerbs, ", ")));
    }
    return app::launch({.arguments = options.command,
                        .processes = options.processes,
                        .quiet = program.global().quiet,
                        .grace_seconds = options.grace,
                        .stop = program.stop()});
  });
}

}  // namespace discreet
