#include <cmath>

#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/app/membership_scores.h"
#include "discreet/app/membership_signals.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct MembershipFlags {
  std::string run;
  std::string scores;
  std::string signals;
  std::string score = "score";
  std::string out;
  stats::MembershipOptions options;
  app::SignalAuditOptions audit;
  std::int64_t most = 5000, shadows = 16;
  bool one_by_one = false;
  std::string model, data, neighbour_model;
  std::vector<std::string> references;
  std::int64_t neighbours = 10;
  double neighbour_share = 0.1;
};

std::string with_interval(const Json& value, const Json& ci) {
  if (!value.is_number()) return "n/a";
  std::string text = fmt::format("{:.4f}", value.get<double>());
  if (ci.is_array()) {
    text += fmt::format("  [{:.4f}, {:.4f}]", ci[0].get<double>(), ci[1].get<double>());
  }
  return text;
}

void print_slices(const Json& result) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& name, const Json& part) {
    rows.push_back({name,
                    fmt::format("{} / {}", part["n_members"].get<std::int64_t>(), part["n_nonmembers"].get<std::int64_t>()),
                    part["auc"].is_null() ? "n/a: " + part["auc_reason"].get<std::string>()
                                          : with_interval(part["auc"], part["ci"]["auc"])});
  };
  for (const Json& slice : result.value("slices", Json::array())) {
    for (const auto& [column, value] : slice["slice"].items()) add(column + " " + value.get<std::string>(), slice);
  }
  if (result.contains("users")) add("users", result["users"]);
  if (!rows.empty()) cli::print_table({"slice", "members / others", "AUC  interval"}, rows);
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
    if (result.contains("unscored")) {
      fmt::print("{} without a score: {}\n", result["unscored"].get<std::int64_t>(),
                 result["unscored_reason"].get<std::string>());
    }
    if (result.contains("verdict")) fmt::print("{}\n", result["verdict"].get<std::string>());
    print_slices(result);
    fmt::print("\n");
  }
  for (const Json& missing : document.value("unavailable", Json::array())) {
    fmt::print("not run: {}: {}\n", missing["attack"].get<std::string>(), missing["reason"].get<std::string>());
  }
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_audit_membership(cli::Program& program) {
  static MembershipFlags flags;
  CLI::App* verb = program.add_verb(
      "audit membership", "Attacks a run, a language model, or outputs from a file: can members be told from others?",
      "Attacks that measure what a model gives away.");
  auto* run =
      verb->add_option("run", flags.run, "A run directory; its document goes to RUN/audits.");
  verb->add_option("--scores", flags.scores,
                   "Lines {\"member\": 0|1, \"score\": x}; higher = more likely a member.")
      ->excludes(run);
  verb->add_option("--score", flags.score, "Column of --scores, if not \"score\".");
  verb->add_option("--signals", flags.signals,
                   "Outputs of a target model and of shadow models, JSON lines or .safetensors (docs/audits.md).")
      ->excludes(run);
  auto& audit = flags.audit;
  verb->add_option("--attack", audit.attacks,
                   "Attacks, or \"all\" that can run; unless told the loss of a run, all on --signals and --model.")
      ->delimiter(',');
  verb->add_option("--shadows", flags.shadows, "A run: shadow models, where an attack needs them; an even number.")
      ->check(CLI::Range(2, 100000))
      ->capture_default_str();
  verb->add_flag("--one-by-one", flags.one_by_one, "Train shadow models one after another even where they stack.");
  verb->add_option("--model", flags.model, "A language model's folder (Hugging Face layout), with --data.")
      ->excludes(run);
  verb->add_option("--data", flags.data, "--model: lines {\"text\": …, \"member\": 0|1}; JSON lines, CSV or TSV.");
  verb->add_option("--reference", flags.references, "--model: folders of models that saw none of the texts.")
      ->delimiter(',');
  verb->add_option("--neighbours", flags.neighbours, "Language models: perturbed copies of each text.")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  verb->add_option("--neighbour-share", flags.neighbour_share, "Share of the words that a copy replaces.")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  verb->add_option("--neighbour-model", flags.neighbour_model,
                   "A masked language model's folder that proposes the words; else words as common.");
  verb->add_option("--set", audit.set, "ATTACK.OPTION=VALUE, for example lira-offline.variance=fixed.");
  verb->add_option("--population", audit.population, "Share of the non-members that the attacker is given.")
      ->check(CLI::Range(0.0, 0.9));
  verb->add_option("--slice", audit.slices, "Columns to report by, beside label and length.")->delimiter(',');
  verb->add_option("--user-score", audit.report.user_score, "Of a user's examples.")
      ->check(CLI::IsMember({"mean", "max"}))
      ->capture_default_str();
  verb->add_option("--blind", audit.report.blind, "Columns for the baseline without a model; the text unless told.")
      ->delimiter(',');
  verb->add_option("--most-exposed", audit.report.most_exposed, "How many members to name by id.")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  verb->add_flag("--show-text", audit.report.show_text, "Print the texts of the most exposed members too.");
  verb->add_option("--store", audit.report.store, "Write every example's scores here, for --scores.");
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
  program.on_run(verb, [&program, verb] {
    for (const double rate : flags.options.false_positive_rates) {
      if (std::isnan(rate)) throw usage_error("--fpr: nan is no rate");
    }
    int sources = 0;
    for (const std::string* source : {&flags.run, &flags.scores, &flags.signals, &flags.model}) {
      sources += source->empty() ? 0 : 1;
    }
    if (sources != 1) {
      throw usage_error(
          "audit membership needs a run directory or --scores FILE or --signals FILE or --model DIR, and one of them",
          "For example: discreet audit membership runs/demo");
    }
    if (flags.model.empty() != flags.data.empty()) {
      throw usage_error("audit membership --model DIR needs --data FILE, and --data a model",
                        "Lines with \"text\" and \"member\".");
    }
    if (!flags.scores.empty()) {
      cli::refuse_options(*verb, {"--attack", "--shadows", "--one-by-one", "--reference", "--neighbours", "--neighbour-share",
                                  "--neighbour-model", "--set", "--population", "--members"},
                          "with --scores: the scores are those of an attack already");
    } else {
      cli::refuse_options(*verb, {"--score"}, "without --scores");
    }
    if (!flags.signals.empty()) {
      cli::refuse_options(*verb, {"--shadows", "--one-by-one", "--reference", "--neighbours", "--neighbour-share", "--neighbour-model", "--members"},
                          "with --signals: nothing is trained or asked");
    }
    if (!flags.run.empty()) cli::refuse_options(*verb, {"--reference"}, "with a run: it is of --model");
    Json document;
    app::MembershipReportOptions report = flags.audit.report;
    report.statistics = flags.options;
    if (!flags.scores.empty()) {
      document = app::membership_of_scores(flags.scores,
                                           {.score = flags.score, .slices = flags.audit.slices, .report = report});
      if (!flags.out.empty()) core::write_document(flags.out, document);
    } else if (!flags.signals.empty()) {
      app::SignalAuditOptions asked = flags.audit;
      asked.report = report;
      if (asked.attacks == std::vector<std::string>{"all"}) asked.attacks.clear();
      document = app::membership_of_signals(flags.signals, asked);
      if (!flags.out.empty()) core::write_document(flags.out, document);
    } else {
      app::SignalAuditOptions asked = flags.audit;
      asked.report = report;
      Json request = app::to_request(asked);
      request["members"] = flags.most;
      request["neighbours"] = flags.neighbours;
      request["neighbour_share"] = flags.neighbour_share;
      if (!flags.neighbour_model.empty()) request["neighbour_model"] = flags.neighbour_model;
      if (!flags.out.empty()) request["out"] = flags.out;
      auto context = program.context();
      if (flags.model.empty()) {
        request["run"] = flags.run;
        request["shadows"] = flags.shadows;
        request["one_by_one"] = flags.one_by_one;
        document = app::call_operation("membership", request, context);
      } else {
        request["model"] = flags.model;
        request["data"] = flags.data;
        request["references"] = flags.references;
        document = app::call_operation("membership-model", request, context);
      }
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
