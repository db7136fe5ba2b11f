#include "discreet/app/explain.h"

#include <fmt/format.h>

#include "discreet/cli/program.h"
#include "discreet/core/error.h"

namespace discreet {

void register_verb_explain(cli::Program& program) {
  static std::string name;
  static bool all = false, markdown = false;
  CLI::App* verb = program.add_verb(
      "explain", "Explains a key of the configuration, or anything that `list` names.");
  verb->add_option("name", name, "For example train.batch_size, privacy, prv or accountant/prv.");
  verb->add_flag("--all", all, "Everything: what docs/reference.md holds.");
  verb->add_flag("--markdown", markdown, "As a page.");
  program.on_run(verb, [&program] {
    if (all == !name.empty()) {
      throw usage_error(all ? "explain takes a name or --all, not both" : "explain needs a name",
                        "For example: discreet explain train.batch_size");
    }
    const Json results = all ? app::explain_all() : app::explain(name);
    if (program.global().json) {
      cli::print_document({{"schema", "discreet.explain/1"}, {"results", results}});
    } else {
      fmt::print("{}", markdown ? app::explanation_as_markdown(results)
                                : app::explanation_as_text(results));
    }
    return 0;
  });
}

}  // namespace discreet
