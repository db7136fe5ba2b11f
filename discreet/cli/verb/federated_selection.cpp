#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "discreet/app/federated_selection.h"
#include "discreet/cli/program.h"

namespace discreet {
namespace {

std::string chance_cell(const Json& result, const char* key) {
  return result["inclusion"].is_object() ? fmt::format("{:.4f}", result["inclusion"][key].get<double>()) : "n/a";
}

std::string cost_cell(const Json& result, const char* key, double unit) {
  return result["cost"].is_object() ? fmt::format("{:.3g}", result["cost"][key].get<double>() / unit) : "n/a";
}

void print_selections(const Json& document) {
  fmt::print("{} devices, {:.0f} examples, Gini of sizes {:.3f}\n\n", document["clients"].get<std::size_t>(),
             document["examples"].get<double>(), document["size_gini"].get<double>());
  std::vector<std::vector<std::string>> rows;
  for (const Json& result : document["results"]) {
    const Json& inclusion = result["inclusion"];
    const Json& epsilon = result["privacy"]["epsilon"];
    rows.push_back({result["selection"].get<std::string>(), chance_cell(result, "least"), chance_cell(result, "median"), chance_cell(result, "largest"),
                    inclusion.is_object() ? fmt::format("{} ({:.1g})", inclusion["method"].get<std::string>(), inclusion["relative_error"].get<double>()) : "unknown",
                    cost_cell(result, "bytes_down", 1e6), cost_cell(result, "bytes_up", 1e6), cost_cell(result, "examples_read", 1), cost_cell(result, "gradients", 1),
                    epsilon.is_number() ? fmt::format("{:.2f}", epsilon.get<double>()) : "refused"});
  }
  cli::print_table({"selection", "least chance", "median", "largest", "known by (error)", "MB down", "MB up", "read", "gradients", "epsilon"}, rows);
  fmt::print("\n");
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_federated_selection(cli::Program& program) {
  static app::SelectionQuestion question;
  static std::map<std::string, std::string> given;
  CLI::App* verb = program.add_verb("federated selection", "What each selection of devices would do, cost and allow to claim; trains nothing.",
                                    "Federated learning, simulated and deployed.");
  verb->add_option("--input", question.input, "Data whose users are the devices; without it sizes follow Zipf's law.");
  verb->add_option("--clients", question.clients, "Devices, without --input.")->check(CLI::Range(1, 100000000))->capture_default_str();
  verb->add_option("--examples", question.examples, "Of all devices, without --input.")->check(CLI::PositiveNumber)->capture_default_str();
  verb->add_option("--zipf", question.zipf, "Exponent of the sizes; 0: all alike.")->check(CLI::NonNegativeNumber)->capture_default_str();
  verb->add_option("--values", question.values, "Numbers of the model, for bytes.")->check(CLI::PositiveNumber)->capture_default_str();
  verb->add_option("--rounds", question.rounds, "For epsilon.")->check(CLI::PositiveNumber)->capture_default_str();
  verb->add_option("--noise-multiplier", question.noise_multiplier, "For epsilon.")->check(CLI::PositiveNumber)->capture_default_str();
  verb->add_option("--delta", question.delta, "For epsilon.")->check(CLI::Range(1e-300, 1.0))->capture_default_str();
  verb->add_option("--seed", question.seed, "Of the trial round.")->capture_default_str();
  verb->add_option("--format", question.format, "See `discreet list reader`.");
  verb->add_option("--user", question.reader.user, "Column of the user.");
  for (const core::FieldInfo& field : federated::selection_fields().info()) {
    std::string flag = "--" + field.name;
    std::replace(flag.begin(), flag.end(), '_', '-');
    verb->add_option(flag, given[field.name],
                     field.default_value.is_null() ? field.spec.doc : fmt::format("{} [{}]", field.spec.doc, field.default_value.dump()));
  }
  program.on_run(verb, [&program] {
    core::Config config;
    for (const auto& [key, value] : given) {
      if (!value.empty()) config.add_assignment(fmt::format("selection.{}={}", key, value));
    }
    question.options = federated::selection_fields().parse(config);
    core::OperationContext context = program.context();
    const Json document = app::explain_selection(question, context);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_selections(document);
    }
    return 0;
  });
}

}  // namespace discreet
