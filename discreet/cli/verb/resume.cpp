#include "discreet/app/loader.h"
#include "discreet/cli/internal/training.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_resume(cli::Program& program) {
  static std::string run, device;
  CLI::App* verb = program.add_verb("resume", "Continues an interrupted run from its last checkpoint.");
  verb->add_option("run", run, "The run directory.")->required();
  verb->add_option("--device", device, "Where it goes on: cpu, cuda, cuda:N or auto; default: run.device.");
  program.on_run(verb, [&program] {
    auto context = program.context();
    Json request = {{"run", run}};
    if (!device.empty()) request["device"] = device;
    return cli::finish_training(program, app::call_operation("resume", request, context));
  });
}

}  // namespace discreet
