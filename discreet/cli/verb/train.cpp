#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/cli/internal/training.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_train(cli::Program& program) {
  static struct {
    std::string config, recipe, dir, device;
    std::vector<std::string> assignments;
    double hold_out = -1;
    std::int64_t repeat = 1;
    bool force = false, insecure_seed = false, tune = false;
  } options;
  CLI::App* verb = program.add_verb("train", "Trains a model, with or without differential privacy.");
  verb->add_option("config", options.config, "A configuration file (TOML); see `discreet explain train`.");
  verb->add_option("--recipe", options.recipe, "A configuration that comes with the program.");
  verb->add_option("--set", options.assignments, "Sets a key: --set train.epochs=3. May be repeated.")
      ->allow_extra_args(false);
  verb->add_option("--run", options.dir, "The run directory; overrides run.dir.");
  verb->add_option("--device", options.device, "Where it trains: cpu, cuda, cuda:N or auto; overrides run.device.");
  verb->add_option("--hold-out", options.hold_out,
                   "Keeps this share of the training file back, as non-members for audits.")
      ->check(CLI::Range(0.0, 0.95));
  CLI::Option* repeat =
      verb->add_option("--repeat", options.repeat,
                       "Trains this many times with seeds run.seed, run.seed + 1, …; prints mean and interval.")
          ->check(CLI::Range(1, 1000));
  verb->add_flag("--tune", options.tune,
                 "Trains a random number of candidates of [tune] and keeps the best; epsilon is that of the whole.")
      ->excludes(repeat);
  verb->add_flag("--force", options.force, "Replaces an existing run.");
  verb->add_flag("--insecure-seed", options.insecure_seed,
                 "Private runs: noise and batches from run.seed, repeatable and without any guarantee.");
  program.on_run(verb, [&program] {
    if (!options.device.empty()) options.assignments.push_back(fmt::format("run.device=\"{}\"", options.device));
    Json request = {{"force", options.force}, {"insecure_seed", options.insecure_seed},
                    {"repeat", options.repeat}, {"set", options.assignments}};
    if (!options.config.empty()) request["config"] = options.config;
    if (!options.recipe.empty()) request["recipe"] = options.recipe;
    if (!options.dir.empty()) request["run"] = options.dir;
    if (options.hold_out >= 0) request["hold_out"] = options.hold_out;
    auto context = program.context();
    const Json document = app::call_operation(options.tune ? "tune" : "train", request, context);
    return cli::finish_training(program, document);
  });
}

}  // namespace discreet
