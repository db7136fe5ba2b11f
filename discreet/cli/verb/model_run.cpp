#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_model_run(cli::Program& program) {
  static std::string model, adapter, input;
  CLI::App* verb = program.add_verb(
      "model run",
      "Runs a model of the Hugging Face layout: JSON lines {\"input_ids\":[…]} or {\"text\":…} in, "
      "{\"logits\":[[…]]} or, without a head, {\"last_hidden_state\":[[…]]} out.",
      "Pretrained models in the Hugging Face layout.");
  verb->add_option("--model", model, "The folder: config.json, model.safetensors; for texts tokenizer files.")->required();
  verb->add_option("--adapter", adapter, "A LoRA adapter in PEFT's layout, put beside the model's layers.");
  verb->add_option("--input", input, "A file of JSON lines; default: standard input.");
  program.on_run(verb, [&program] {
    auto context = program.context();
    context.emit = cli::print_line;
    app::call_operation("model-run", {{"model", model}, {"adapter", adapter}, {"input", input}}, context);
    return 0;
  });
}

}  // namespace discreet
