#include <filesystem>

#include <fmt/format.h>

#include "discreet/app/settings.h"
#include "discreet/cli/internal/privacy_flags.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"
#include "discreet/core/fields.h"
#include "discreet/core/files.h"
#include "discreet/privacy/answers.h"
#include "discreet/privacy/noise_placement.h"
#include "discreet/privacy/statement.h"

namespace discreet {
namespace {

constexpr std::int64_t kUsualSlots = 16;

struct StatementFlags {
  std::string run_directory;
  cli::PhaseFlags phases;
  std::string unit = "example", relation = "add_or_remove_one", sampling = "poisson";
  std::string placement = "global", clipping;
  std::optional<std::int64_t> layers, slots;
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

/// Everything but a run directory describes a setting: beside one, a flag would say nothing.
void refuse_flags_beside_run(const CLI::App& verb) {
  for (const CLI::Option* option : verb.get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0 || name == "run" || name == "--json" || name == "--quiet") continue;
    throw usage_error(name + " beside a run directory: the run's privacy.json says what was done",
                      "Leave one of the two out.");
  }
}

/// Throws: kUsage unless the configuration's key of this name takes `value`.
void check_choice(const std::string& key, const std::string& value) {
  for (const core::FieldInfo& field : app::privacy_fields().info()) {
    if (field.name == key) core::check_field(field, Json(value), key, "--" + key);
  }
}

/// Puts the multipliers that count in the place of those on the command line, by the rule that training
/// counts by: the noise may be placed by layer, and a slot's mean moves by twice its clip norm.
void count_noise(const StatementFlags& flags, privacy::PrivacyRun& run) {
  const bool slots = run.mechanism == "edp-sgd";
  const auto placement = privacy::noise_placement_of(flags.placement);
  const bool by_layer = run.clipping == "per-layer" || run.clipping == "group-wise";
  if (flags.slots && !slots) {
    throw usage_error("--slots: mechanism '" + run.mechanism + "' has no slots",
                      "Slots belong to the mechanism edp-sgd.");
  }
  if (placement == privacy::NoisePlacement::kPerWorker && !slots) {
    throw usage_error("--noise-placement per-worker: mechanism '" + run.mechanism + "' has no slots",
                      "Take the placement global or per-layer.");
  }
  if (flags.layers && !by_layer) {
    throw usage_error("--layers: clipping '" + run.clipping + "' bounds all layers together",
                      "Clipping per-layer and group-wise bound them apart.");
  }
  if (by_layer && placement != privacy::NoisePlacement::kGlobal && !flags.layers) {
    throw usage_error("--noise-placement " + flags.placement + " needs --layers",
                      "Noise of each layer's own norm counts as sqrt(layers) times less; a run's privacy.json "
                      "says how many are clipped apart.");
  }
  const std::int64_t layers = flags.layers.value_or(1), parts = flags.slots.value_or(kUsualSlots);
  if (layers < 1 || parts < 1) throw usage_error("--layers and --slots: expected integers >= 1");
  if (slots) {
    run.details = fmt::format("{} slots", parts);
    run.phases_as_published = run.phases;
  }
  if (flags.layers) run.details += fmt::format("{}{} layers", slots ? ", " : "", layers);
  if (placement != privacy::NoisePlacement::kGlobal) {
    run.details += fmt::format("{}noise placed {}", run.details.empty() ? "" : ", ", flags.placement);
  }
  const std::vector<double> norms(static_cast<std::size_t>(layers), 1.0);
  for (privacy::Phase& phase : run.phases) {
    phase.noise_multiplier =
        privacy::counted_multiplier(placement, norms, phase.noise_multiplier, parts, slots ? 2 : 1);
  }
}

/// A setting by flags. Throws: kUsage for flags that do not go together; kPrivacyRefused for what
/// phases cannot say.
privacy::PrivacyRun run_of(const StatementFlags& flags) {
  privacy::PrivacyRun run = flags.run;
  check_choice("mechanism", run.mechanism);
  run.clipping = !flags.clipping.empty() ? flags.clipping : run.mechanism == "edp-sgd" ? "per-layer" : "flat";
  check_choice("clipping", run.clipping);
  run.phases = cli::phases_of(flags.phases);
  run.unit = privacy::unit_of(flags.unit);
  run.relation = privacy::relation_of(flags.relation);
  run.sampling = privacy::sampling_of(flags.sampling);
  if (!(run.delta > 0)) throw usage_error("privacy statement needs --delta above 0");
  count_noise(flags, run);
  return run;
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
                   "global, per-layer (--layers) or, mechanism edp-sgd, per-worker (--layers).")
      ->capture_default_str();
  verb->add_option("--layers", flags.layers, "Clipping per-layer or group-wise: layers that are clipped apart.");
  verb->add_option("--slots", flags.slots, "Mechanism edp-sgd: parts that a batch falls into; 16.");
  verb->add_option("--clipping", flags.clipping, "As in the configuration; flat, for edp-sgd per-layer.");
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
  program.on_run(verb, [&program, verb] {
    if (!flags.run_directory.empty()) {
      refuse_flags_beside_run(*verb);
    } else if (!cli::any_given(flags.phases)) {
      throw usage_error(
          "privacy statement needs a run directory or a setting by flags",
          "For example --noise-multiplier 1 --sampling-rate 0.01 --steps 1000 --delta "
          "1e-5.");
    }
    const privacy::PrivacyRun run =
        flags.run_directory.empty() ? run_of(flags) : read_statement(flags.run_directory);
    const auto statement = privacy::state_privacy(run);
    if (program.global().json) {
      cli::print_document(statement.document);
    } else {
      print_statement(statement);
    }
    return 0;
  });
}

}  // namespace discreet
