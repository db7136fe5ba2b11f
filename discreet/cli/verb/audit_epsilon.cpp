#include <cmath>

#include <fmt/format.h>

#include "discreet/app/epsilon_audit.h"
#include "discreet/cli/internal/privacy_flags.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct EpsilonAuditFlags {
  bool one_run = false, one_run_gaussian = false, clopper_pearson = false, gdp = false;
  std::string ratio, scores, out;
  std::optional<std::uint64_t> canaries, correct, tp, fn, fp, tn;
  app::EpsilonAudit audit;
  app::RuleChoice choice;
};

std::uint64_t needed(const std::optional<std::uint64_t>& value, const char* flag) {
  if (!value) {
    throw usage_error(fmt::format("audit epsilon: {} is missing", flag),
                      "Counts: --tp --fn --fp --tn; one run: --canaries --guesses --correct; or "
                      "--scores FILE.");
  }
  return *value;
}

std::vector<std::string> methods_of(const EpsilonAuditFlags& flags) {
  std::vector<std::string> methods;
  if (flags.one_run) methods.push_back("one-run");
  if (flags.one_run_gaussian) methods.push_back("one-run-gaussian");
  if (flags.clopper_pearson) methods.push_back("clopper-pearson");
  if (flags.gdp) methods.push_back("gdp");
  for (const auto known : privacy::kRatioMethods) {
    if (flags.ratio == "all" || flags.ratio == privacy::name(known)) {
      methods.emplace_back(privacy::name(known));
    }
  }
  if (methods.empty()) {
    throw usage_error("audit epsilon needs a method",
                      "--one-run, --one-run-gaussian, --clopper-pearson, --gdp or --ratio NAME.");
  }
  return methods;
}

Json audit_document(const EpsilonAuditFlags& flags) {
  const auto methods = methods_of(flags);
  if (flags.audit.claimed && !(*flags.audit.claimed >= 0)) throw usage_error("--claimed is no epsilon, expected a number of at least 0");
  if (flags.choice.threshold && std::isnan(*flags.choice.threshold)) throw usage_error("--threshold is not a number");
  if (!flags.scores.empty()) {
    if (flags.canaries || flags.correct || flags.tp || flags.fn || flags.fp || flags.tn) {
      throw usage_error("audit epsilon: --scores and counts say the same thing twice", "Give the file, or its counts.");
    }
    if (flags.choice.threshold && !flags.choice.guesses.empty()) {
      throw usage_error("audit epsilon: --threshold and --guesses are two rules", "One of them was fixed before the scores were seen.");
    }
    if (flags.choice.select != "fixed" && (flags.choice.threshold || !flags.choice.guesses.empty())) {
      throw usage_error(fmt::format("audit epsilon: --select {} chooses the rule, so --threshold and --guesses say nothing", flags.choice.select),
                        "Leave them out, or --select.");
    }
    return app::epsilon_of_scores(flags.scores, methods, flags.choice, flags.audit);
  }
  const bool runs = flags.one_run || flags.one_run_gaussian;
  if (runs && (flags.clopper_pearson || flags.gdp || !flags.ratio.empty())) {
    throw usage_error("audit epsilon: guesses on one run and counts of a rule are different data",
                      "Ask for one kind of method, or give --scores FILE.");
  }
  if (runs) {
    if (flags.choice.guesses.size() != 1) {
      throw usage_error("audit epsilon --one-run needs one --guesses R");
    }
    return app::epsilon_of_run({needed(flags.canaries, "--canaries"), flags.choice.guesses[0],
                                needed(flags.correct, "--correct")},
                               methods, flags.audit);
  }
  return app::epsilon_of_counts({needed(flags.tp, "--tp"), needed(flags.fn, "--fn"),
                                 needed(flags.fp, "--fp"), needed(flags.tn, "--tn")},
                                methods, flags.audit);
}

void print_bounds(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& row : document["results"]) {
    rows.push_back({row["method"].get<std::string>(), cli::shown(row["epsilon_lower"]),
                    cli::shown(row["significance"]), row.value("rule", std::string("as given")),
                    !row.contains("contradicts_claim")        ? "-"
                    : row["contradicts_claim"].get<bool>() ? "yes"
                                                              : "no"});
  }
  cli::print_table({"method", "epsilon at least", "alpha", "rule", "contradicts the claim"}, rows);
  fmt::print("\n");
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_audit_epsilon(cli::Program& program) {
  static EpsilonAuditFlags flags;
  CLI::App* verb = program.add_verb(
      "audit epsilon",
      "Lower bound on epsilon from what an attack achieved: counts, guesses on one run, or scores.",
      "Attacks that measure what a model gives away.");
  verb->add_flag("--one-run", flags.one_run,
                 "From guesses on many canaries of one run (Steinke, Nasr and Jagielski 2023).");
  verb->add_flag("--one-run-gaussian", flags.one_run_gaussian,
                 "The same for Gaussian noise (Mahloujifar et al. 2024): larger, for those only.");
  verb->add_flag("--clopper-pearson", flags.clopper_pearson,
                 "From counts of one rule over many runs, with exact ends.");
  verb->add_flag("--gdp", flags.gdp, "From the same counts, for Gaussian noise.");
  verb->add_option("--ratio", flags.ratio,
                   "From the same counts, approximate, delta 0: katz-log, adjusted-log, bailey, "
                   "inverse-sinh or all.")
      ->check(CLI::IsMember({"katz-log", "adjusted-log", "bailey", "inverse-sinh", "all"}));
  verb->add_option("--canaries", flags.canaries, "One run: canaries, in or out by a fair coin each.");
  verb->add_option("--guesses", flags.choice.guesses,
                   "One run: how many were guessed, fixed before the scores were seen.")
      ->delimiter(',');
  verb->add_option("--correct", flags.correct, "One run: how many guesses were right.");
  verb->add_option("--tp", flags.tp, "With the canary, and called so.")->check(CLI::NonNegativeNumber);
  verb->add_option("--fn", flags.fn, "With the canary, and not called so.")->check(CLI::NonNegativeNumber);
  verb->add_option("--fp", flags.fp, "Without it, but called so.")->check(CLI::NonNegativeNumber);
  verb->add_option("--tn", flags.tn, "Without it, and not called so.")->check(CLI::NonNegativeNumber);
  verb->add_option("--scores", flags.scores,
                   "Lines {\"member\": 0|1, \"score\": x}; higher = more likely with the canary.");
  verb->add_option("--score", flags.choice.score, "Column of --scores, if not \"score\".");
  verb->add_option("--threshold", flags.choice.threshold,
                   "Scores: \"with\" is said at or above it; fixed before they were seen.");
  verb->add_option("--select", flags.choice.select,
                   "Scores: fixed (--threshold, --guesses), split (chosen on one half), hull (all "
                   "that matter, corrected).")
      ->check(CLI::IsMember({"fixed", "split", "hull"}))
      ->capture_default_str();
  verb->add_option("--seed", flags.choice.seed, "Of the split.")->capture_default_str();
  verb->add_option("--delta", flags.audit.delta, "Of the epsilon that is bounded.")->required();
  verb->add_option("--confidence", flags.audit.confidence, "That the bound holds.")
      ->capture_default_str();
  verb->add_option("--tried", flags.audit.tried,
                   "Rules tried on the same data, this one included: corrected for.")
      ->capture_default_str();
  verb->add_option("--claimed", flags.audit.claimed, "Epsilon that the mechanism claims.");
  verb->add_option("--out", flags.out, "Write the document here.");
  program.on_run(verb, [&program] {
    const Json document = audit_document(flags);
    if (!flags.out.empty()) core::write_document(flags.out, document);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_bounds(document);
    }
    return 0;
  });
}

}  // namespace discreet
