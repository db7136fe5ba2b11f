#include <fmt/format.h>

#include "discreet/app/correlate.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct CorrelateFlags {
  std::string table, out;
  std::vector<std::string> runs, neutral, repeat;
  app::CorrelateQuestion question;
};

std::pair<std::string, std::string> named_pair(const std::string& flag, const std::string& text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw usage_error(fmt::format("{}: '{}' is no pair", flag, text), "Write column=value.");
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

app::CorrelateQuestion correlate_question(const CorrelateFlags& flags) {
  app::CorrelateQuestion question = flags.question;
  for (const std::string& text : flags.neutral) {
    const auto [column, value] = named_pair("--neutral", text);
    std::size_t end = 0;
    try {
      question.neutral[column] = std::stod(value, &end);
    } catch (const std::exception&) {
      end = 0;
    }
    if (end != value.size()) throw usage_error("--neutral: '" + value + "' is no number", "For example --neutral ss=50.");
  }
  for (const std::string& text : flags.repeat) question.repeat.insert(named_pair("--repeat", text));
  return question;
}

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
  auto* runs = verb->add_option("runs", flags.runs, "Runs, one model each: what their audits/ hold of fairness; or");
  verb->add_option("--table", flags.table, "a .csv, .tsv or .jsonl file.")->excludes(runs);
  verb->add_option("--x", flags.question.x, "Columns; with --y. Without both, every column of numbers with every other.")->delimiter(',');
  verb->add_option("--y", flags.question.y, "Columns.")->delimiter(',');
  verb->add_option("--flip", flags.question.flip, "Columns in which less is more biased: their sign is turned.")->delimiter(',');
  verb->add_option("--neutral", flags.neutral, "Columns whose distance from a value counts, as ss=50,effect=0,ratio=1.")->delimiter(',');
  verb->add_option("--repeat", flags.repeat,
                   "Columns that repeat another with a new seed, as seat=seat_2: their reliability corrects r, and below .5 there is no verdict.")
      ->delimiter(',');
  verb->add_option("--family", flags.question.family, "Column of --table with each model's family: intervals resample families.");
  verb->add_option("--about", flags.question.about,
                   "A JSON file on columns, {\"ss\": {\"direction\": \"distance\", \"neutral\": 50, \"group\": \"gender\", \"notion\": …, "
                   "\"word_list\": …, \"data\": …}}: what is compared with what.");
  verb->add_option("--picture", flags.question.picture, "Write the matrix of Pearson's r here, an SVG.");
  verb->add_option("--resamples", flags.question.resamples, "Of the bootstrap over models or families; 0: none.")
      ->check(CLI::Range(0, 1000000))->capture_default_str();
  verb->add_option("--seed", flags.question.seed, "Of the bootstrap.")->capture_default_str();
  verb->add_option("--confidence", flags.question.confidence, "Of the intervals.")->check(CLI::Range(0.5, 0.9999))->capture_default_str();
  verb->add_option("--out", flags.out, "Write the document here.");
  program.on_run(verb, [&program] {
    if (flags.runs.empty() == flags.table.empty()) {
      throw usage_error("fairness correlate needs runs or --table", "Name run directories, or a table with one row per model.");
    }
    const app::CorrelateQuestion question = correlate_question(flags);
    const Json document = flags.table.empty() ? app::correlations_of_runs({flags.runs.begin(), flags.runs.end()}, question)
                                              : app::correlations_of_table(flags.table, question);
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
                      result.contains("pearson_corrected") ? fmt::format("{:.3f}", result["pearson_corrected"].get<double>()) : "-",
                      std::to_string(result["n"].get<int>()), result["verdict"].get<std::string>()});
    }
    cli::print_table({"x", "y", "pearson", "spearman", "kendall b", "p (Holm)", "corrected r", "n", "verdict"}, rows);
    fmt::print("\n");
    for (const Json& result : document["results"]) {
      for (const Json& what : result["misaligned"]) {
        fmt::print("- {} and {} are misaligned: {}\n", result["x"].get<std::string>(), result["y"].get<std::string>(), what.get<std::string>());
      }
    }
    for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
    return 0;
  });
}

}  // namespace discreet
