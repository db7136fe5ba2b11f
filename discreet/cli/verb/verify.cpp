#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_verify(cli::Program& program) {
  static std::string run;
  CLI::App* verb = program.add_verb(
      "verify", "Checks a run: inputs' hashes, epsilon from its events, documents, checkpoints.");
  verb->add_option("run", run, "The run directory.")->required();
  program.on_run(verb, [&program] {
    auto context = program.context();
    const Json document = app::call_operation("verify", {{"run", run}}, context);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      for (const Json& check : document["results"]) {
        fmt::print("{}  {}: {}\n", check["ok"].get<bool>() ? "ok    " : "FAILED",
                   check["check"].get<std::string>(), check["detail"].get<std::string>());
      }
    }
    return document["ok"].get<bool>() ? 0 : 1;
  });
}

}  // namespace discreet
