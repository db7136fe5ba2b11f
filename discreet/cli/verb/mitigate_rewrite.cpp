#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/app/rewrite_files.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

void print_rewrite(const Json& document) {
  const Json& kept = document["results"][0]["value"];
  fmt::print("{} texts rewritten, share of words kept: {}\n", document["documents"].get<std::uint64_t>(),
             kept.is_null() ? std::string("n/a") : fmt::format("{:.4f}", kept.get<double>()));
  fmt::print("{}\n", document["guarantee"]["statement"].get<std::string>());
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_mitigate_rewrite(cli::Program& program) {
  static app::RewriteRequest request;
  static std::string report;
  CLI::App* verb = program.add_verb("mitigate rewrite", "Texts written again from a bounded and noisy vector: differential privacy of each text.",
                                    "Changes of data and models, with what they cost.");
  verb->add_option("input", request.input, "A .jsonl, .csv or .tsv file, or text.")->required();
  verb->add_option("--out", request.output, "Where the rewritten text goes.")->required();
  verb->add_option("--model", request.model, "An auto-encoder of `mitigate train-rewriter`.")->required();
  verb->add_option("--column", request.columns, "Columns of text.")->delimiter(',')->capture_default_str();
  verb->add_option("--epsilon", request.epsilon, "Of each text.")->required();
  verb->add_option("--delta", request.delta, "Of each text, mechanism gaussian.");
  verb->add_option("--mechanism", request.mechanism,
                   "gaussian, laplace (models with L1 clipping), laplace-l2, or as-published (ADePT as printed: no guarantee).")
      ->check(CLI::IsMember({"gaussian", "laplace", "laplace-l2", "as-published"}))
      ->capture_default_str();
  verb->add_option("--report", report, "Write the document here.");
  program.on_run(verb, [&program] {
    request.rewrite = [&program](const std::vector<std::string>& texts) {
      auto context = program.context();
      return app::call_operation("rewrite-texts",
                                 {{"model", request.model.string()}, {"texts", texts}, {"mechanism", request.mechanism},
                                  {"epsilon", request.epsilon}, {"delta", request.delta}},
                                 context);
    };
    request.stop = program.stop();
    const Json document = app::rewrite_file(request);
    if (!report.empty()) core::write_document(report, document);
    if (program.global().json) cli::print_document(document);
    else print_rewrite(document);
    return 0;
  });
}

}  // namespace discreet
