#include <fmt/format.h>

#include "discreet/app/outcome_files.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"

namespace discreet {
namespace {

void print_reweigh(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& cell : document["weights"]) {
    rows.push_back({cell["group"].get<std::string>(), cell["label"].get<std::string>(),
                    cell["weight"].is_null() ? std::string("n/a") : fmt::format("{:.4f}", cell["weight"].get<double>())});
  }
  cli::print_table({"group", "label", "weight"}, rows);
  fmt::print("{} rows written to {}\n", document["n"].get<std::uint64_t>(), document["output"]["path"].get<std::string>());
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_mitigate_reweigh(cli::Program& program) {
  static app::ReweighRequest request;
  static std::string report;
  CLI::App* verb = program.add_verb("mitigate reweigh", "Weights under which label and group are independent, as a column for training.",
                                    "Changes of data and models, with what they cost.");
  verb->add_option("input", request.input, "A .jsonl, .csv or .tsv file.")->required();
  verb->add_option("--out", request.output, "Where the rows with their weights go.")->required();
  verb->add_option("--label", request.label, "Column of classes.")->capture_default_str();
  verb->add_option("--group", request.group, "Columns of groups; several: their intersections.")->delimiter(',')->required();
  verb->add_option("--column", request.column, "Name of the new column; a run takes it as mitigate.weight.")->capture_default_str();
  verb->add_option("--report", report, "Write the document here.");
  program.on_run(verb, [&program] {
    const Json document = app::reweigh_file(request);
    if (!report.empty()) core::write_document(report, document);
    if (program.global().json) cli::print_document(document);
    else print_reweigh(document);
    return 0;
  });
}

}  // namespace discreet
