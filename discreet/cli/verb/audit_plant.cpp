#include <fmt/format.h>

#include "discreet/app/canaries.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_audit_plant(cli::Program& program) {
  static app::PlantRequest request;
  CLI::App* verb = program.add_verb("audit plant", "Plants canaries into data, for audits to look for.",
                                    "Attacks that measure what a model gives away.");
  verb->add_option("--data", request.data, "Data as data.train names them; without it, the canaries' lines alone.");
  verb->add_option("--lines", request.lines, "So many examples of the data, drawn at random; 0: all.")
      ->check(CLI::Range(0, 1000000000))
      ->capture_default_str();
  verb->add_option("--out", request.out, "Where the data with canaries go: .jsonl, or .txt for language models.")
      ->required();
  verb->add_option("--canaries", request.canaries, "The canary file; OUT with .canaries.json unless told.");
  verb->add_option("--pattern", request.patterns,
                   "\"call {digit:4}\"; classes digit, colour, name, token, or {red|blue}; may repeat.");
  verb->add_option("--count", request.count, "Canaries of each pattern.")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  verb->add_option("--repetitions", request.repetitions, "Lines of each planted canary.")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  verb->add_option("--inclusion", request.inclusion,
                   "Chance that a canary is planted, by its own coin; .5 for one-run bounds on epsilon.")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  verb->add_option("--slot", request.slot, "Slot of the secret words; \"canary\" where the data have slots.");
  verb->add_option("--label", request.label, "Class of the lines; one of the data's unless told.");
  verb->add_option("--mislabelled", request.mislabelled, "Examples of --data that get another label.")
      ->check(CLI::Range(0, 100000000))
      ->capture_default_str();
  verb->add_option("--decoy", request.decoy, "Pattern of lines in place of canaries that are not planted.");
  verb->add_option("--seed", request.seed, "Of codes, coins and places.")->capture_default_str();
  verb->add_flag("--force", request.force, "Replace existing files.");
  program.on_run(verb, [&program] {
    const Json document = app::plant_canaries(request);
    if (program.global().json) {
      cli::print_document(document);
      return 0;
    }
    std::int64_t planted = 0;
    for (const Json& row : document["results"]) planted += row["planted"].get<bool>() ? 1 : 0;
    fmt::print("{}: {} examples and {} lines of canaries\n", document["file"].get<std::string>(),
               document["examples"].get<std::int64_t>(), document["lines"].get<std::int64_t>());
    fmt::print("{} canaries, {} of them planted; train on that file, then: discreet audit canary RUN --canaries FILE\n",
               document["results"].size(), planted);
    for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
    return 0;
  });
}

}  // namespace discreet
