#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/cli/internal/training.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_eval(cli::Program& program) {
  static std::string run, data, device = "cpu";
  CLI::App* verb = program.add_verb("eval", "Measures a trained model on its test data, or on other data.");
  verb->add_option("run", run, "The run directory.")->required();
  verb->add_option("--data", data, "A file, folder or known data set; default: data.test, else data.dev.");
  verb->add_option("--device", device, "Where the model runs: cpu (default), cuda, cuda:N or auto.");
  program.on_run(verb, [&program] {
    Json request = {{"run", run}, {"device", device}};
    if (!data.empty()) request["data"] = data;
    auto context = program.context();
    const Json document = app::call_operation("eval", request, context);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      cli::print_metrics(document["metrics"]);
      fmt::print("{:<18} {}\n", "examples", document["n"].get<std::int64_t>());
      for (const Json& caveat : document["caveats"]) fmt::print("{}\n", caveat.get<std::string>());
    }
    return 0;
  });
}

}  // namespace discreet
