#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

/// Time, periods and local tests, where there are any.
void print_more(const Json& final) {
  if (final.contains("clock")) {
    const Json& clock = final["clock"];
    fmt::print("{:.0f} virtual seconds, {} rounds abandoned; the slowest tenth of the devices gave {:.1f} % of the reports\n",
               clock["virtual_seconds"].get<double>(), clock["abandoned_rounds"].get<std::int64_t>(),
               100 * clock["reports_by_speed_decile"].back().get<double>());
  }
  if (final.contains("continual") && final["continual"]["forgetting"].is_number()) {
    fmt::print("forgetting {:.4f}, backward transfer {:.4f}; {:.0f} bytes stored on a device, {:.0f} at most\n",
               final["continual"]["forgetting"].get<double>(), final["continual"]["backward_transfer"].get<double>(),
               final["stored_bytes"]["mean"].get<double>(), final["stored_bytes"]["most"].get<double>());
  }
  if (final["rounds_to_level"].is_number()) {
    fmt::print("at {:.4f} in round {}\n", final["level"].get<double>(), final["rounds_to_level"].get<std::int64_t>());
  }
  if (!final.contains("local_tests")) return;
  const Json& tests = final["local_tests"];
  for (const auto& [key, name] : {std::pair("server_model", "server's model"), std::pair("personal_models", "clients' own")}) {
    if (!tests.contains(key) || tests[key].is_null()) continue;
    fmt::print("{} on clients' own tests: {} {:.4f}, worst tenth {:.4f}\n", name,
               tests["metric_name"].get<std::string>(), tests[key]["mean"].get<double>(),
               tests[key]["worst_decile"].get<double>());
  }
}

void print_simulation(const Json& document) {
  const Json& final = document["final"];
  std::vector<std::vector<std::string>> rows;
  const std::size_t all = document["rounds"].size();
  const std::size_t step = std::max<std::size_t>(1, all / 10);
  for (std::size_t i = 0; i < all; ++i) {
    const Json& round = document["rounds"][i];
    if ((i + 1) % step != 0 && i + 1 != all) continue;
    if (!round["loss"].is_number() || !round["metric"].is_number()) continue;
    rows.push_back({fmt::format("{}", round["round"].get<std::int64_t>()),
                    fmt::format("{:.4f}", round["loss"].get<double>()),
                    fmt::format("{:.4f}", round["metric"].get<double>()),
                    fmt::format("{}", round["clients"].get<std::size_t>()),
                    fmt::format("{:.2f}", round["bytes_up"].get<double>() / 1e6)});
  }
  cli::print_table({"round", "loss", final["metric_name"].get<std::string>(), "clients", "MB up"}, rows);
  fmt::print("\n{} clients, {} never selected; participation Gini {:.3f}; {:.1f} MB up, {:.1f} MB down\n",
             final["clients"].get<std::int64_t>(), final["never_selected"].get<std::int64_t>(),
             final["participation_gini"].get<double>(), final["bytes_up"].get<double>() / 1e6,
             final["bytes_down"].get<double>() / 1e6);
  print_more(final);
  if (final.contains("statement")) fmt::print("\n{}\n", final["statement"].get<std::string>());
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
  fmt::print("\nrun: {}\n", document["run"].get<std::string>());
}

}  // namespace

void register_verb_federated_simulate(cli::Program& program) {
  static struct {
    std::string config, recipe, dir, resume;
    std::vector<std::string> assignments;
    bool force = false, insecure_seed = false;
  } options;
  CLI::App* verb = program.add_verb("federated simulate", "Simulates a federation on this machine.",
                                    "Federated learning, simulated and deployed.");
  auto* config = verb->add_option("config", options.config, "A configuration file (TOML); see `discreet explain federated`.");
  verb->add_option("--recipe", options.recipe, "A configuration that comes with the program.");
  verb->add_option("--set", options.assignments, "Sets a key: --set federated.rounds=3. May be repeated.")
      ->allow_extra_args(false);
  verb->add_option("--run", options.dir, "The run directory; overrides run.dir.");
  verb->add_option("--resume", options.resume, "Continues this run from its last checkpoint.")->excludes(config);
  verb->add_flag("--force", options.force, "Replaces an existing run.");
  verb->add_flag("--insecure-seed", options.insecure_seed,
                 "Private runs: noise and cohorts from run.seed, repeatable and without any guarantee.");
  program.on_run(verb, [&program] {
    if (options.config.empty() && options.recipe.empty() && options.resume.empty() && options.assignments.empty()) {
      throw usage_error("federated simulate needs a configuration, --recipe, --set or --resume",
                        "For example: discreet federated simulate --recipe assistant-federated");
    }
    Json request = {{"force", options.force}, {"insecure_seed", options.insecure_seed},
                    {"set", options.assignments}};
    if (!options.config.empty()) request["config"] = options.config;
    if (!options.recipe.empty()) request["recipe"] = options.recipe;
    if (!options.dir.empty()) request["run"] = options.dir;
    if (!options.resume.empty()) request["resume"] = options.resume;
    auto context = program.context();
    const Json document = app::call_operation("federated_simulate", request, context);
    if (document.is_null()) return 0;  // one of several processes; rank 0 speaks for all
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_simulation(document);
    }
    return 0;
  });
}

}  // namespace discreet
