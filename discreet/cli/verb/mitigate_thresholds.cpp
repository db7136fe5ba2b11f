#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/app/outcome_files.h"
#include "discreet/cli/internal/before_after.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/run_dir.h"

namespace discreet {
namespace {

struct ThresholdFlags {
  app::ThresholdRequest request;
  std::string run, report;
};

void print_rules(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& rule : document["rules"]) {
    for (const Json& part : rule["parts"]) {
      const Json& threshold = part["threshold"];
      if (part["probability"].get<double>() < 5e-5) continue;  // shown as 0.0000
      rows.push_back({rule["group"].get<std::string>(),
                      threshold.is_number() ? fmt::format("{:.6g}", threshold.get<double>()) : threshold.get<std::string>(),
                      fmt::format("{:.4f}", part["probability"].get<double>())});
    }
  }
  cli::print_table({"group", "score at least", "with probability"}, rows);
  fmt::print("cost {:.4f}, without the constraint {:.4f}\n\n", document["cost"].get<double>(),
             document["unconstrained_cost"].get<double>());
  cli::print_before_after(document);
}

app::OutcomeRows rows_of(const Json& rows) {
  return {rows["label"].get<std::vector<std::string>>(), rows["group"].get<std::vector<std::string>>(),
          rows["score"].get<std::vector<double>>()};
}

/// Of a run: thresholds from its development data, figures from its test data.
Json thresholds_of_run(ThresholdFlags& flags, cli::Program& program) {
  auto context = program.context();
  const Json scores = app::call_operation(
      "run-scores", {{"run", flags.run}, {"group", flags.request.group}, {"positive", flags.request.positive}}, context);
  flags.request.positive = scores["positive"].get<std::string>();
  const bool same = scores["evaluate"].is_null();
  const Json document =
      app::choose_group_thresholds(flags.request, rows_of(scores["fit"]), rows_of(scores[same ? "fit" : "evaluate"]), same);
  core::RunDir::open(flags.run).write_audit(document);
  return document;
}

}  // namespace

void register_verb_mitigate_thresholds(cli::Program& program) {
  static ThresholdFlags flags;
  app::ThresholdRequest& request = flags.request;
  CLI::App* verb = program.add_verb("mitigate thresholds", "Thresholds for each group under which rates are equal, at the least cost.",
                                    "Changes of data and models, with what they cost.");
  auto* input = verb->add_option("input", request.input, "A .jsonl, .csv or .tsv file of predictions that thresholds are chosen on.");
  verb->add_option("--run", flags.run, "Instead: a run of a classifier; its dev data, measured on its test data.")->excludes(input);
  verb->add_option("--evaluate", request.evaluate, "A file of the same columns that figures are of.");
  verb->add_option("--out", request.output, "Predictions under the rule, as JSON lines.");
  verb->add_option("--label", request.label, "Column of right classes.")->capture_default_str();
  verb->add_option("--score", request.score, "Column of scores, higher is more positive.")->capture_default_str();
  verb->add_option("--group", request.group, "Columns of groups; several: their intersections.")->delimiter(',')->required();
  verb->add_option("--positive", request.positive, "The positive class; default: 1 or true.");
  verb->add_option("--constraint", request.constraint, "What is made equal.")
      ->check(CLI::IsMember({"demographic-parity", "equal-opportunity", "equalized-odds"}))
      ->capture_default_str();
  verb->add_option("--threshold", request.threshold, "Of the predictions before.")->capture_default_str();
  verb->add_option("--false-positive-cost", request.false_positive_cost)->capture_default_str();
  verb->add_option("--false-negative-cost", request.false_negative_cost)->capture_default_str();
  verb->add_option("--resamples", request.resamples, "Of the intervals.")->check(CLI::Range(0, 1000000))->capture_default_str();
  verb->add_option("--seed", request.seed, "Of draws and resamples.")->capture_default_str();
  verb->add_option("--report", flags.report, "Write the document here.");
  program.on_run(verb, [&program] {
    if (flags.run.empty() && flags.request.input.empty()) throw usage_error("mitigate thresholds needs a file or --run");
    const Json document = flags.run.empty() ? app::threshold_file(flags.request) : thresholds_of_run(flags, program);
    if (!flags.report.empty()) core::write_document(flags.report, document);
    if (program.global().json) cli::print_document(document);
    else print_rules(document);
    return 0;
  });
}

}  // namespace discreet
