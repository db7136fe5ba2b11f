#include <fmt/format.h>

#include "discreet/app/model_import.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_model_import(cli::Program& program) {
  static app::ModelImportOptions options;
  CLI::App* verb = program.add_verb(
      "model import", "Writes a GGUF or llama2.c model as a folder in the Hugging Face layout.",
      "Models of other programs.");
  verb->add_option("--from", options.from, "A .gguf file, or a checkpoint of llama2.c.")
      ->required();
  verb->add_option("--out", options.out, "Folder to make.")->required();
  verb->add_option("--tokenizer", options.tokenizer, "llama2.c: its tokenizer.bin.");
  verb->add_flag("--half", options.half, "Weights in float16 instead of float32.");
  verb->add_flag("--force", options.force, "Replace an existing folder.");
  program.on_run(verb, [&program] {
    const Json document = app::import_model(options);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      fmt::print("{}: {} model, {} parameters in {}, {:.1f} MB\n",
                 document["out"].get<std::string>(), document["model_type"].get<std::string>(),
                 document["parameters"].get<std::int64_t>(), document["dtype"].get<std::string>(),
                 document["bytes"].get<double>() / 1e6);
    }
    return 0;
  });
}

}  // namespace discreet
