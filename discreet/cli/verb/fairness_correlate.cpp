#include <fmt/format.h>

#include "discreet/app/correlate.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"

namespace discreet {
namespace {

struct CorrelateFlags {
  std::string table, out;
  app::CorrelateQuestion question;
};

std::string correlation_cell(const Json& result, const char* key) {
  if (!result[key].is_number()) return "n/a";
  std::string text = fmt::format("{:.3f}", result[key].get<double>());
  if (result["ci"].contains(key)) {
    text += fmt::format(" [{:.2f}, {:.2f}]", result["ci"][key][0].get<double>(), result["ci"][key][1].get<double>());
  }
  return text;
}

}  // namespace

void register_verb_fairness_correlate(cli::Program& program) {
  static CorrelateFlags flags;
  CLI::App* verb = program.add_verb("fairness correlate", "How metrics go together over models: a table with one row per model.",
                                    "Fairness of predictions, vectors and text.");
  verb->add_option("--table", flags.table, "A .csv, .tsv or .jsonl file.")->required();
  verb->add_option("--x", flags.question.x, "Columns; with --y. Without both, every column of numbers with every other.")->delimiter(',');
  verb->add_option("--y", flags.question.y, "Columns.")->delimiter(',');
  verb->add_option("--flip", flags.question.flip, "Columns whose sign is turned, so that larger is more biased everywhere.")->delimiter(',');
  verb->add_option("--confidence", flags.question.confidence, "Of the intervals.")->check(CLI::Range(0.5, 0.9999))->capture_default_str();
  verb->add_option("--out", flags.out, "Write the document here.");
  program.on_run(verb, [&program] {
    const Json document = app::correlations_of_table(flags.table, flags.question);
    if (!flags.out.empty()) core::write_document(flags.out, document);
    if (program.global().json) {
      cli::print_document(document);
      return 0;
    }
    std::vector<std::vector<std::string>> rows;
    for (const Json& result : document["results"]) {
      const Json& p = result["p"];
      rows.push_back({result["x"].get<std::string>(), result["y"].get<std::string>(), correlation_cell(result, "pearson"),
                      correlation_cell(result, "spearman"), correlation_cell(result, "kendall_b"),
                      p.contains("pearson_holm") ? fmt::format("{:.3g}", p["pearson_holm"].get<double>()) : "-",
                      std::to_string(result["n"].get<int>())});
    }
    cli::print_table({"x", "y", "pearson", "spearman", "kendall b", "p (Holm)", "n"}, rows);
    fmt::print("\n");
    for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
    return 0;
  });
}

}  // namespace discreet
