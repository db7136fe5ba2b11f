#include <fmt/format.h>

#include <optional>

#include "discreet/app/loader.h"
#include "discreet/cli/program.h"

namespace discreet {
namespace {

void print_pairs(const Json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (!object.contains(key)) continue;
    fmt::print("{:<22} {}\n", key, object[key].is_number() ? fmt::format("{:.4f}", object[key].get<double>()) : "n/a");
  }
}

void print_evaluation(const Json& document) {
  print_pairs(document["metrics"], {"n", "accuracy", "macro_f1", "entity_f1", "perplexity", "loss", "loss_median", "calibration_error"});
  const std::string devices = document["n"].is_number() ? std::to_string(document["n"].get<std::int64_t>()) : "the drawn";
  fmt::print("\nover {} devices ({})\n", devices, document["configuration"]["score"].get<std::string>());
  print_pairs(document["clients"], {"mean", "first_decile", "worst_decile", "gap", "variance", "gini", "entropy"});
  if (document["metrics"].contains("groups")) {
    const Json& groups = document["metrics"]["groups"];
    std::vector<std::vector<std::string>> rows;
    for (const Json& group : groups["by_group"]) {
      rows.push_back({group["group"].get<std::string>(), fmt::format("{:.0f}", group["n"].get<double>()),
                      fmt::format("{:.4f}", group["accuracy"].get<double>())});
    }
    fmt::print("\n");
    cli::print_table({"group", "n", "accuracy"}, rows);
    print_pairs(groups, {"accuracy_difference"});
  }
  fmt::print("\n");
  if (document.contains("statement")) fmt::print("{}\n", document["statement"].get<std::string>());
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_federated_evaluate(cli::Program& program) {
  static struct {
    std::string run, data, by, group, accountant, ledger, out;
    std::vector<std::string> groups;
    std::optional<std::int64_t> most_examples, least_group, least_devices, insecure_seed, seed;
    std::optional<double> epsilon, noise_multiplier, delta, sampling_rate, ledger_epsilon;
    bool per_client = false;
  } flags;
  CLI::App* verb = program.add_verb("federated evaluate", "Measures a run's model on devices, from sums alone.",
                                    "Federated learning, simulated and deployed.");
  verb->add_option("run", flags.run, "The run directory.")->required();
  verb->add_option("--data", flags.data, "A file, folder or known data set; default: data.test, else data.dev.");
  verb->add_option("--by", flags.by, "The column whose values are the devices [user].");
  verb->add_option("--group", flags.group, "The column whose values are groups of speakers [the first of data.group].");
  verb->add_option("--most-examples", flags.most_examples, "Examples that a device counts; private evaluations need it.");
  verb->add_option("--groups", flags.groups, "The groups that there may be, by commas; others are not counted. Under noise they must be named.")->delimiter(',');
  verb->add_option("--least-group", flags.least_group, "Smaller groups do not appear [10].");
  verb->add_option("--least-devices", flags.least_devices, "With fewer devices nothing is released [1].");
  verb->add_option("--sampling-rate", flags.sampling_rate, "Chance of each device to be asked [1].");
  verb->add_option("--epsilon", flags.epsilon, "Noise for this guarantee.");
  verb->add_option("--noise-multiplier", flags.noise_multiplier, "Noise over sensitivity.");
  verb->add_option("--delta", flags.delta, "With noise.");
  verb->add_option("--accountant", flags.accountant, "See `discreet list accountant` [prv].");
  verb->add_option("--ledger", flags.ledger, "The budget that the answer is charged to: see `discreet privacy ledger`.");
  verb->add_option("--ledger-epsilon", flags.ledger_epsilon, "The budget of a ledger that is not there yet.")->check(CLI::PositiveNumber);
  verb->add_option("--insecure-seed", flags.insecure_seed, "Repeatable noise, without any guarantee.");
  verb->add_option("--seed", flags.seed, "Which examples and devices are drawn [1].");
  verb->add_flag("--per-client", flags.per_client, "Also each device's own score, as only a simulator sees it.");
  verb->add_option("--out", flags.out, "Write the document here instead of the run's audits.");
  program.on_run(verb, [&program] {
    Json request = {{"run", flags.run}, {"per_client", flags.per_client}};
    const auto text = [&](const char* key, const std::string& value) { if (!value.empty()) request[key] = value; };
    const auto number = [&](const char* key, const auto& value) { if (value) request[key] = *value; };
    text("data", flags.data);
    text("by", flags.by);
    text("group", flags.group);
    if (!flags.groups.empty()) request["groups"] = flags.groups;
    text("accountant", flags.accountant);
    text("ledger", flags.ledger);
    text("out", flags.out);
    number("most_examples", flags.most_examples);
    number("least_group", flags.least_group);
    number("least_devices", flags.least_devices);
    number("sampling_rate", flags.sampling_rate);
    number("epsilon", flags.epsilon);
    number("noise_multiplier", flags.noise_multiplier);
    number("delta", flags.delta);
    number("ledger_epsilon", flags.ledger_epsilon);
    number("insecure_seed", flags.insecure_seed);
    number("seed", flags.seed);
    auto context = program.context();
    const Json document = app::call_operation("federated_evaluate", request, context);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_evaluation(document);
    }
    return 0;
  });
}

}  // namespace discreet
