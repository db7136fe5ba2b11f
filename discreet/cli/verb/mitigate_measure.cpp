#include <fmt/format.h>

#include "discreet/app/measure_texts.h"
#include "discreet/cli/internal/before_after.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"

namespace discreet {

void register_verb_mitigate_measure(cli::Program& program) {
  static app::MeasureRequest request;
  static std::string report;
  CLI::App* verb = program.add_verb("mitigate measure", "What changed texts are still good for, and what attacks still learn from them.",
                                    "Changes of data and models, with what they cost.");
  verb->add_option("--original", request.original, "Texts as they were written (.jsonl, .csv or .tsv; else lines of text).")->required();
  verb->add_option("--changed", request.changed, "The same rows in the same order, as perturb, rewrite or filter wrote them.")->required();
  verb->add_option("--others", request.others, "Other rows of the same source: the classifier's test, and the attacks' non-members.")->required();
  verb->add_option("--text", request.text, "Column of text.")->capture_default_str();
  verb->add_option("--label", request.label, "Column of classes (label, if there is one); without classes no classifier is measured.");
  verb->add_option("--method", request.method, "What was done, for the document.")->capture_default_str();
  verb->add_option("--limit", request.limit, "Rows of each file.")->check(CLI::Range(4, 1000000))->capture_default_str();
  verb->add_option("--seed", request.seed, "Of the classifiers.")->capture_default_str();
  verb->add_option("--report", report, "Write the document here.");
  program.on_run(verb, [&program] {
    const Json document = app::measure_texts(request);
    if (!report.empty()) core::write_document(report, document);
    if (program.global().json) cli::print_document(document);
    else cli::print_before_after(document);
    return 0;
  });
}

}  // namespace discreet
