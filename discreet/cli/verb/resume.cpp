#include "discreet/app/loader.h"
#include "discreet/cli/internal/training.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_resume(cli::Program& program) {
  static std::string run;
  CLI::App* verb = program.add_verb("resume", "Continues an interrupted run from its last checkpoint.");
  verb->add_option("run", run, "The run directory.")->required();
  program.on_run(verb, [&program] {
    auto context = program.context();
    return cli::finish_training(program, app::call_operation("resume", {{"run", run}}, context));
  });
}

}  // namespace discreet
