#include <optional>

#include <fmt/format.h>

#include "discreet/app/epsilon_audit.h"
#include "discreet/app/loader.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct MechanismFlags {
  std::optional<double> noise_multiplier, epsilon;
  std::optional<std::uint64_t> insecure_seed;
  double sampling_rate = 1, delta = 1e-5, clip_norm = 1, confidence = 0.95;
  std::int64_t steps = 1, canaries = 1000;
  std::uint64_t seed = 0;
  std::string scores, out;
};

Json audit_mechanism(const MechanismFlags& flags, core::OperationContext context) {
  if (flags.noise_multiplier.has_value() == flags.epsilon.has_value()) {
    throw usage_error("audit mechanism needs --noise-multiplier or --epsilon, and one of them");
  }
  Json request = {{"sampling_rate", flags.sampling_rate}, {"steps", flags.steps},       {"delta", flags.delta},
                  {"clip_norm", flags.clip_norm},         {"canaries", flags.canaries}, {"seed", flags.seed},
                  {"scores", flags.scores}};
  if (flags.noise_multiplier) request["noise_multiplier"] = *flags.noise_multiplier;
  if (flags.epsilon) request["epsilon"] = *flags.epsilon;
  if (flags.insecure_seed) request["insecure_seed"] = *flags.insecure_seed;
  const Json found = app::call_operation("gradient-canaries", request, context);
  // Gaussian forms hold for Gaussian noise without sampling alone. There each canary is a trial of its own, whose
  // rule is fixed: at or above mu standard deviations of the noise "in" is said.
  const bool gaussian = found["mu"].get<double>() > 0;
  std::vector<std::string> methods = {"one-run"};
  if (gaussian) methods.push_back("one-run-gaussian");
  app::EpsilonAudit audit{.delta = flags.delta, .confidence = flags.confidence};
  audit.tried = gaussian ? 2 : 1;
  audit.claimed = core::to_double(found["epsilon"]);
  Json document = app::epsilon_of_scores(flags.scores, methods, {}, audit);
  if (gaussian) {
    app::RuleChoice rule;
    rule.threshold = found["mu"].get<double>();
    document["results"].push_back(app::epsilon_of_scores(flags.scores, {"gdp"}, rule, audit)["results"][0]);
  }
  document["configuration"]["mechanism"] = request;
  document["claimed"] = found["epsilon"];
  document["caveats"].push_back(
      "Dirac gradients through this build's own sampler, clipper, noise, divisor and optimiser: they audit the "
      "mechanism, not a model. A bound below the claim is no proof of it.");
  return document;
}

}  // namespace

void register_verb_audit_mechanism(cli::Program& program) {
  static MechanismFlags flags;
  CLI::App* verb = program.add_verb(
      "audit mechanism", "Lower bound on epsilon from gradient canaries in one run of the private step itself.",
      "Attacks that measure what a model gives away.");
  verb->add_option("--noise-multiplier", flags.noise_multiplier, "Noise over clip norm.")->check(CLI::Range(0.0, 1e6));
  verb->add_option("--epsilon", flags.epsilon, "Or the target that it is calibrated for.")->check(CLI::Range(1e-6, 1e6));
  verb->add_option("--sampling-rate", flags.sampling_rate, "Of Poisson sampling.")
      ->check(CLI::Range(1e-6, 1.0))
      ->capture_default_str();
  verb->add_option("--steps", flags.steps, "Steps of the run.")->check(CLI::Range(1, 1000000))->capture_default_str();
  verb->add_option("--delta", flags.delta, "Of claim and bound.")->check(CLI::Range(1e-30, 0.5))->capture_default_str();
  verb->add_option("--clip-norm", flags.clip_norm, "Bound on a gradient.")->check(CLI::Range(1e-9, 1e9))->capture_default_str();
  verb->add_option("--canaries", flags.canaries, "Each in by its own fair coin.")
      ->check(CLI::Range(10, 10000000))
      ->capture_default_str();
  verb->add_option("--seed", flags.seed, "Of the coins.")->capture_default_str();
  verb->add_option("--insecure-seed", flags.insecure_seed, "Repeatable noise, for tests.");
  verb->add_option("--confidence", flags.confidence, "That the bound holds.")
      ->check(CLI::Range(0.5, 0.9999999))
      ->capture_default_str();
  verb->add_option("--scores", flags.scores, "Write the canaries' scores here.")->required();
  verb->add_option("--out", flags.out, "Write the document here.");
  program.on_run(verb, [&program] {
    const Json document = audit_mechanism(flags, program.context());
    if (!flags.out.empty()) core::write_document(flags.out, document);
    if (program.global().json) {
      cli::print_document(document);
      return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const Json& row : document["results"]) {
      rows.push_back({row["method"].get<std::string>(), fmt::format("{:.3f}", core::to_double(row["epsilon_lower"])),
                      row["contradicts_claim"].get<bool>() ? "yes" : "no"});
    }
    cli::print_table({"method", "epsilon at least", "contradicts the claim"}, rows);
    fmt::print("claimed: epsilon {:.3f} at delta {:g}\n", core::to_double(document["claimed"]), flags.delta);
    for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
    return 0;
  });
}

}  // namespace discreet
