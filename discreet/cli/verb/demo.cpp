#include <fmt/format.h>

#include "discreet/app/demo.h"
#include "discreet/cli/program.h"

namespace discreet {
namespace {

std::string demo_cell(const Json& value) {
  if (value.is_number()) return fmt::format("{:.3f}", value.get<double>());
  return value.is_string() ? value.get<std::string>() : "-";
}

std::string demo_interval(const Json& value, const Json& ci) {
  if (!ci.is_array()) return demo_cell(value);
  return fmt::format("{} [{}, {}]", demo_cell(value), demo_cell(ci[0]), demo_cell(ci[1]));
}

}  // namespace

void register_verb_demo(cli::Program& program) {
  static std::string folder = "runs/demo";
  static std::int64_t lines = 0;
  CLI::App* verb = program.add_verb(
      "demo",
      "Trains, attacks, compares, debiases and federates small models, and writes a report.");
  verb->add_option("--out", folder, "Where the runs and the report go.")->capture_default_str();
  verb->add_option("--lines", lines,
                   "Lines of training text, instead of the recipes' own: fewer are quicker and worse.")
      ->check(CLI::Range(300, 1000000));
  program.on_run(verb, [&program] {
    auto context = program.context();
    context.emit = nullptr;
    const Json document = app::run_demo(folder, lines, context);
    if (program.global().json) {
      cli::print_document(document);
      return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const Json& model : document["results"]) {
      const Json& metrics = model["metrics"];
      rows.push_back({model["model"].get<std::string>(), demo_cell(model["epsilon"]),
                      demo_cell(metrics.value("intent_accuracy", Json())),
                      demo_cell(metrics.value("slot_f1", Json())),
                      demo_interval(model["attack_auc"], model["attack_auc_ci"]),
                      demo_interval(model["accuracy_gap"], model["accuracy_gap_ci"]),
                      fmt::format("{:.0f}", model["seconds"].get<double>())});
    }
    cli::print_table({"model", "epsilon", "intent accuracy", "slot F1", "attack AUC",
                      "accuracy gap of groups", "seconds of training"},
                     rows);
    rows.clear();
    for (const Json& model : document["canaries"]) {
      rows.push_back({model["model"].get<std::string>(), demo_cell(model["epsilon"]), demo_cell(model["perplexity"]),
                      fmt::format("{} of {}", model["found"].get<int>(), model["codes"].get<int>()),
                      fmt::format("{:.1f}", model["mean_exposure"].get<double>()), fmt::format("{:.0f}", model["seconds"].get<double>())});
    }
    fmt::print("\nCodes of three digits in {} lines each, looked for in language models (by chance: {:.3f} of them, 1.4 bits):\n",
               document["canaries"].front()["lines_of_each"].get<int>(), document["canaries"].front()["chance"].get<double>());
    cli::print_table({"model", "epsilon of a line", "perplexity", "codes found", "mean exposure, bits", "seconds of training"}, rows);
    std::vector<std::vector<std::string>> pairs;
    for (const Json& pair : document["mitigation"]) {
      pairs.push_back({pair["metric"].get<std::string>(), demo_interval(pair["before"], pair["ci"].value("before", Json())),
                       demo_interval(pair["after"], pair["ci"].value("after", Json())), pair["verdict"].get<std::string>()});
    }
    fmt::print("\nA language model with a planted skew from professions to pronouns, and its role-reversed student:\n");
    cli::print_table({"measure", "before", "after", "verdict"}, pairs);
    const Json& asked = document["federations"].front();
    fmt::print("\nThe same corpus left on its users' devices, {} rounds of 20 of them:\n", asked["rounds"].get<int>());
    rows.clear();
    for (const Json& federation : document["federations"]) {
      rows.push_back({federation["selection"].get<std::string>(), demo_cell(federation["accuracy"]),
                      demo_cell(federation["participation_gini"]),
                      fmt::format("{:.1f}", federation["bytes_up"].get<double>() / 1e6),
                      fmt::format("{:.1f}", federation["seconds"].get<double>())});
    }
    cli::print_table({"devices asked", "intent accuracy", "Gini of participation", "MB up", "seconds"}, rows);
    if (document.contains("projection")) {
      const Json& found = document["projection"];
      fmt::print("\nThe speaker's dialect, told from what the first model's head reads (the largest group is {} of all):\n",
                 demo_cell(found["majority"]));
      fmt::print("before and after LEACE: {} and {} by a linear probe, {} and {} by a small network\n", demo_cell(found["linear_probe"][0]),
                 demo_cell(found["linear_probe"][1]), demo_cell(found["network_probe"][0]), demo_cell(found["network_probe"][1]));
    }
    fmt::print("\nreport: {}\n", document["report"].get<std::string>());
    return 0;
  });
}

}  // namespace discreet
