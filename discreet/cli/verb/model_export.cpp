#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_model_export(cli::Program& program) {
  static std::string run, out, base;
  static bool adapter = false, force = false, half = false;
  static std::int64_t shard_mib = 2000;
  CLI::App* verb = program.add_verb(
      "model export", "Writes the model of a run, or of a folder, in the Hugging Face layout, which transformers loads.",
      "Pretrained models in the Hugging Face layout.");
  verb->add_option("run", run, "The run directory, or the folder of a model to write again.")->required();
  verb->add_option("--out", out, "The folder to write.")->required();
  verb->add_flag("--adapter", adapter, "Write the LoRA adapter alone, as PEFT reads it.");
  verb->add_option("--base", base, "With --adapter: what stands as its base model; default: model.path.");
  verb->add_flag("--half", half, "Weights in float16 instead of float32.");
  verb->add_option("--shard-size", shard_mib, "MiB of a file of weights at most; more are written if need be.")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20))
      ->capture_default_str();
  verb->add_flag("--force", force, "Replace a folder that is not empty.");
  program.on_run(verb, [&program] {
    Json request = {{"run", run}, {"out", out}, {"adapter", adapter}, {"force", force},
                    {"half", half}, {"shard_bytes", shard_mib << 20}};
    if (!base.empty()) request["base"] = base;
    auto context = program.context();
    const Json document = app::call_operation("model-export", request, context);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      fmt::print("{} as {}\n", document["out"].get<std::string>(), document["architecture"].get<std::string>());
    }
    return 0;
  });
}

}  // namespace discreet
