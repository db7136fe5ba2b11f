#include "discreet/app/loader.h"
#include "discreet/cli/internal/before_after.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"

namespace discreet {

void register_verb_mitigate_compare(cli::Program& program) {
  static std::string before, after, group, method = "training", report;
  static std::uint64_t seed = 0;
  CLI::App* verb = program.add_verb("mitigate compare", "Two runs before and after a mitigation: fairness, utility and leakage as pairs.",
                                    "Changes of data and models, with what they cost.");
  verb->add_option("before", before, "A run of a classifier without the mitigation.")->required();
  verb->add_option("after", after, "One with it; both answer about the first one's test data.")->required();
  verb->add_option("--group", group, "Column of groups.")->required();
  verb->add_option("--method", method, "Name of the mitigation, for the document.")->capture_default_str();
  verb->add_option("--seed", seed, "Of the intervals.")->capture_default_str();
  verb->add_option("--report", report, "Write the document here too; it goes into the second run's audits.");
  program.on_run(verb, [&program] {
    auto context = program.context();
    const Json document = app::call_operation(
        "compare-runs", {{"before", before}, {"after", after}, {"group", group}, {"method", method}, {"seed", seed}}, context);
    if (!report.empty()) core::write_document(report, document);
    if (program.global().json) cli::print_document(document);
    else cli::print_before_after(document);
    return 0;
  });
}

}  // namespace discreet
