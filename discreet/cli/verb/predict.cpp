#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_predict(cli::Program& program) {
  static std::string run, input, device = "cpu";
  CLI::App* verb = program.add_verb(
      "predict", "Predicts intents and slots: JSON lines {\"text\":…} or {\"words\":[…]} in, JSON lines out.");
  verb->add_option("run", run, "The run directory.")->required();
  verb->add_option("--input", input, "A file of JSON lines; default: standard input.");
  verb->add_option("--device", device, "Where the model runs: cpu (default), cuda, cuda:N or auto.");
  program.on_run(verb, [&program] {
    auto context = program.context();
    // Lines are the result, with --json and without.
    context.emit = cli::print_line;
    app::call_operation("predict", {{"run", run}, {"input", input}, {"device", device}}, context);
    return 0;
  });
}

}  // namespace discreet
