#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/app/membership_scores.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct MembershipFlags {
  std::string run;
  std::string scores;
  std::string out;
  stats::MembershipOptions options;
  std::int64_t most = 5000;
};

std::string with_interval(const Json& value, const Json& ci) {
  if (!value.is_number()) return "n/a";
  std::string text = fmt::format("{:.4f}", value.get<double>());
  if (ci.is_array()) {
    text += fmt::format("  [{:.4f}, {:.4f}]", ci[0].get<double>(), ci[1].get<double>());
  }
  return text;
}

void print_membership(const Json& document) {
  for (const Json& result : document["results"]) {
    const Json& ci = result["ci"];
    std::vector<std::vector<std::string>> rows = {
        {"AUC", with_interval(result["auc"], ci["auc"])},
        {"advantage", with_interval(result["advantage"], ci["advantage"])}};
    for (const auto& [fpr, tpr] : result["tpr_at_fpr"].items()) {
      rows.push_back({"TPR at FPR " + fpr,
                      with_interval(tpr, tpr.is_null() ? Json() : ci["tpr_at_fpr"][fpr])});
    }
    if (result.contains("ppv")) {
      rows.push_back({"PPV at mean loss", with_interval(result["ppv"], ci.value("ppv", Json()))});
    }
    cli::print_table(
        {fmt::format("attack {}: {} members, {} non-members", result["attack"].get<std::string>(),
                     result["n_members"].get<std::int64_t>(),
                     result["n_nonmembers"].get<std::int64_t>()),
         "value  interval"},
        rows);
    if (result.contains("verdict")) fmt::print("{}\n", result["verdict"].get<std::string>());
    fmt::print("\n");
  }
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_audit_membership(cli::Program& program) {
  static MembershipFlags flags;
  CLI::App* verb = program.add_verb(
      "audit membership", "Attacks a run, or scores from a file: can members be told from others?",
      "Attacks that measure what a model gives away.");
  auto* run =
      verb->add_option("run", flags.run, "A run directory; its document goes to RUN/audits.");
  verb->add_option("--scores", flags.scores,
                   "Lines {\"member\": 0|1, \"score\": x}; higher = more likely a member.")
      ->excludes(run);
  verb->add_option("--out", flags.out, "Write the document here.");
  verb->add_option("--fpr", flags.options.false_positive_rates, "False positive rates to report.")
      ->delimiter(',')
      ->check(CLI::Range(1e-9, 1.0));
  verb->add_option("--confidence", flags.options.confidence, "Of the intervals.")
      ->check(CLI::Range(0.5, 0.9999))
      ->capture_default_str();
  verb->add_option("--resamples", flags.options.resamples, "Of the bootstrap.")
      ->check(CLI::Range(100, 1000000))
      ->capture_default_str();
  verb->add_option("--seed", flags.options.seed, "Of bootstrap, split and sample.")
      ->capture_default_str();
  verb->add_option("--members", flags.most, "At most this many members are scored (a run).")
      ->check(CLI::Range(2, 100000000))
      ->capture_default_str();
  program.on_run(verb, [&program] {
    if (flags.run.empty() == flags.scores.empty()) {
      throw usage_error("audit membership needs a run directory or --scores FILE",
                        "For example: discreet audit membership runs/demo");
    }
    Json document;
    if (!flags.scores.empty()) {
      document = app::membership_of_scores(flags.scores, flags.options);
      if (!flags.out.empty()) core::write_document(flags.out, document);
    } else {
      Json request = app::membership_configuration(flags.options);
      request["run"] = flags.run;
      request["members"] = flags.most;
      if (!flags.out.empty()) request["out"] = flags.out;
      auto context = program.context();
      document = app::call_operation("membership", request, context);
    }
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_membership(document);
    }
    return 0;
  });
}

}  // namespace discreet
