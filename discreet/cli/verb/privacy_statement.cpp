#include <filesystem>

#include <fmt/format.h>

#include "discreet/cli/internal/privacy_flags.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/privacy/answers.h"
#include "discreet/privacy/noise_placement.h"
#include "discreet/privacy/statement.h"

namespace discreet {
namespace {

struct StatementFlags {
  std::string run_directory;
  cli::PhaseFlags phases;
  std::string unit = "example", relation = "add_or_remove_one", sampling = "poisson";
  std::string placement = "global";
  std::int64_t layers = 1, slots = 16;
  privacy::PrivacyRun run;
};

privacy::PrivacyRun read_statement(const std::string& directory) {
  const auto path = std::filesystem::path(directory) / "privacy.json";
  if (!std::filesystem::exists(path)) {
    throw privacy_refused(path.string() + ": the run states no privacy",
                          "Only a run trained with privacy.mechanism has a statement.");
  }
  return privacy::privacy_run_of(core::parse_json(core::read_file(path), path.string()));
}

/// eDP-SGD by flags: the multipliers are those of the published method; what counts is smaller.
void correct_for_slots(const StatementFlags& flags, privacy::PrivacyRun& run) {
  if (flags.layers < 1 || flags.slots < 1) {
    throw usage_error("--layers and --slots: expected integers >= 1");
  }
  const auto placement = privacy::noise_placement_of(flags.placement);
  const std::vector<double> norms(static_cast<std::size_t>(flags.layers), 1.0);
  run.phases_as_published = run.phases;
  for (privacy::Phase& phase : run.phases) {
    phase.noise_multiplier =
        privacy::counted_multiplier(placement, norms, phase.noise_multiplier, flags.slots, 2);
  }
}

void print_statement(const privacy::PrivacyStatement& statement) {
  fmt::print("{}\n", statement.words);
  if (!statement.document["noise"].is_null()) {
    const Json& noise = statement.document["noise"];
    fmt::print(
        "Drawing the noise adds at most {:.2g} to epsilon and {:.2g} to delta (allowed: {:.2g}) over "
        "{:.3g} draws; {}.\n",
        core::to_double(noise["epsilon_cost"]), core::to_double(noise["truncation_delta"]),
        noise["limit"].get<double>(), noise["draws"].get<double>(),
        noise["protection"] == "grid" ? "noisy sums are rounded to a grid"
                                      : "the tail ends at 11.6 standard deviations");
  }
  fmt::print("\nNot covered:\n");
  for (const auto& caveat : statement.caveats) fmt::print("- {}\n", caveat);
  for (const auto& warning : statement.warnings) fmt::print(stderr, "warning: {}\n", warning);
}

}  // namespace

void register_verb_privacy_statement(cli::Program& program) {
  static StatementFlags flags;
  CLI::App* verb =
      program.add_verb("privacy statement",
                       "Says in words what a run, or a setting, guarantees and what it does not.");
  verb->add_option("run", flags.run_directory, "A run directory; or give the setting by flags.");
  cli::add_phase_flags(verb, flags.phases);
  auto& run = flags.run;
  verb->add_option("--delta", run.delta, "Chance that the bound may fail by.");
  verb->add_option("--accountant", run.accountant, "Whose upper bound is stated.")
      ->capture_default_str();
  verb->add_option("--unit", flags.unit, "example or user.")->capture_default_str();
  verb->add_option("--relation", flags.relation, "add_or_remove_one, zero_out or replace_one.")
      ->capture_default_str();
  verb->add_option("--sampling", flags.sampling, "poisson, full_batch or shuffled.")
      ->capture_default_str();
  verb->add_option("--mechanism", run.mechanism, "As in the configuration.")->capture_default_str();
  verb->add_option("--noise-placement", flags.placement,
                   "Mechanism edp-sgd: global, per-layer or per-worker.")
      ->capture_default_str();
  verb->add_option("--layers", flags.layers, "Mechanism edp-sgd: layers that are clipped apart.")
      ->capture_default_str();
  verb->add_option("--slots", flags.slots, "Mechanism edp-sgd: parts that a batch falls into.")
      ->capture_default_str();
  verb->add_option("--clipping", run.clipping, "As in the configuration.")->capture_default_str();
  verb->add_option("--units", run.units, "Number of examples or users in the data.");
  verb->add_option("--parameters", run.parameters, "Trainable numbers that get noise.");
  verb->add_flag("--user-column", run.has_user_column, "The data names users.");
  verb->add_flag("--private-vocabulary", run.vocabulary_from_private_text,
                 "The vocabulary was built from private text.");
  verb->add_flag("--private-development", run.development_data_private,
                 "Decisions looked at private development data.");
  verb->add_flag("--public-development", run.development_data_public,
                 "Decisions looked at development data that are public.");
  verb->add_flag("--insecure-seed", run.insecure_seed, "Noise came from a seeded generator.");
  program.on_run(verb, [&program] {
    const bool by_flags = cli::any_given(flags.phases);
    if (by_flags == !flags.run_directory.empty()) {
      throw usage_error(
          "privacy statement needs a run directory or a setting by flags",
          "For example --noise-multiplier 1 --sampling-rate 0.01 --steps 1000 --delta "
          "1e-5.");
    }
    if (by_flags) {
      flags.run.phases = cli::phases_of(flags.phases);
      if (flags.run.mechanism == "edp-sgd") correct_for_slots(flags, flags.run);
      flags.run.unit = privacy::unit_of(flags.unit);
      flags.run.relation = privacy::relation_of(flags.relation);
      flags.run.sampling = privacy::sampling_of(flags.sampling);
      if (!(flags.run.delta > 0)) throw usage_error("privacy statement needs --delta above 0");
    } else {
      flags.run = read_statement(flags.run_directory);
    }
    const auto statement = privacy::state_privacy(flags.run);
    if (program.global().json) {
      cli::print_document(statement.document);
    } else {
      print_statement(statement);
    }
    return 0;
  });
}

}  // namespace discreet
