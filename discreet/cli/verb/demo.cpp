#include <fmt/format.h>

#include "discreet/app/demo.h"
#include "discreet/cli/program.h"

namespace discreet {
namespace {

std::string demo_cell(const Json& value) {
  if (value.is_number()) return fmt::format("{:.3f}", value.get<double>());
  return value.is_string() ? value.get<std::string>() : "-";
}

}  // namespace

void register_verb_demo(cli::Program& program) {
  static std::string folder = "runs/demo";
  CLI::App* verb = program.add_verb(
      "demo", "Trains, attacks and compares a model without and with privacy, and writes a report.");
  verb->add_option("--out", folder, "Where the runs and the report go.")->capture_default_str();
  program.on_run(verb, [&program] {
    auto context = program.context();
    context.emit = nullptr;
    const Json document = app::run_demo(folder, context);
    if (program.global().json) {
      cli::print_document(document);
      return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const Json& model : document["results"]) {
      const Json& metrics = model["metrics"];
      rows.push_back({model["model"].get<std::string>(), demo_cell(model["epsilon"]),
                      demo_cell(metrics.value("intent_accuracy", Json())),
                      demo_cell(metrics.value("slot_f1", Json())), demo_cell(model["attack_auc"]),
                      demo_cell(model["accuracy_gap"]), demo_cell(model["seconds"])});
    }
    cli::print_table({"model", "epsilon", "intent accuracy", "slot F1", "attack AUC", "accuracy gap", "seconds"},
                     rows);
    fmt::print("\nreport: {}\n", document["report"].get<std::string>());
    return 0;
  });
}

}  // namespace discreet
