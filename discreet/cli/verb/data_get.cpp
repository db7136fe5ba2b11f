#include <fmt/format.h>

#include "discreet/app/data_download.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_data_get(cli::Program& program) {
  static std::string name, out;
  static app::DownloadOptions options;
  CLI::App* verb = program.add_verb("data get", "Fetches a known data set, resumed and checked.");
  verb->add_option("name", name, "As `discreet data list` names it.")->required();
  verb->add_option("--mirror", options.mirror,
                   "Folder or http(s) address with NAME/FILE; else the data set's own origin.");
  verb->add_option("--out", out, "Folder that gets NAME/FILE; else $DISCREET_CACHE/data.");
  program.on_run(verb, [&program] {
    options.out = out;
    core::OperationContext context = program.context();
    const Json document = app::download_data_set(app::data_set(name), options, context);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      fmt::print("{}: {} files, {:.1f} MB, checked; licence: {}\n",
                 document["folder"].get<std::string>(), document["results"].size(),
                 document["bytes"].get<double>() / 1e6, document["licence"].get<std::string>());
    }
    return 0;
  });
}

}  // namespace discreet
