#include <fmt/format.h>

#include "discreet/app/swap_files.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"

namespace discreet {
namespace {

struct SwapFlags {
  app::SwapRequest request;
  bool no_built_in = false;
  bool no_pronouns = false;
  std::string report;
};

void print_swap(const Json& document) {
  fmt::print("{} documents, {} changed, {} written to {}\n", document["documents"].get<std::uint64_t>(),
             document["changed_documents"].get<std::uint64_t>(), document["written_documents"].get<std::uint64_t>(),
             document["output"]["path"].get<std::string>());
  fmt::print("{} of {} words changed\n\n", document["changed_words"].get<std::uint64_t>(), document["words"].get<std::uint64_t>());
  std::vector<std::vector<std::string>> rows;
  for (const auto& [from, partners] : document["pronouns"].items()) {
    for (const auto& [to, count] : partners.items()) {
      if (count != 0) rows.push_back({from, to, fmt::format("{}", count.get<std::uint64_t>())});
    }
  }
  for (const char* list : {"results", "names"}) {
    std::size_t shown = 0;
    for (const Json& pair : document[list]) {
      if (++shown > 10) break;
      rows.push_back({pair["first"].get<std::string>() + " / " + pair["second"].get<std::string>(), "each other",
                      fmt::format("{}", pair["to_second"].get<std::uint64_t>() + pair["to_first"].get<std::uint64_t>())});
    }
  }
  if (!rows.empty()) cli::print_table({"word", "to", "times"}, rows);
  const Json& left = document["untouched"];
  fmt::print("\nleft: {} surnames, {} names that are words too, {} in addresses, {} forms for both (\"s/he\")\n",
             left["surnames"].get<std::uint64_t>(), left["names_or_words"].get<std::uint64_t>(), left["in_addresses"].get<std::uint64_t>(),
             left["of_both"].get<std::uint64_t>());
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_mitigate_swap(cli::Program& program) {
  static SwapFlags flags;
  app::SwapRequest& request = flags.request;
  CLI::App* verb = program.add_verb("mitigate swap", "Counterfactual text: exchanges gendered words, pronouns and names.",
                                    "Changes of data and models, with what they cost.");
  verb->add_option("input", request.input, "A .jsonl, .csv or .tsv file, or text; each also with .gz.")->required();
  verb->add_option("--out", request.output, "Where the exchanged text goes.")->required();
  verb->add_option("--column", request.columns, "Columns of text.")->delimiter(',')->capture_default_str();
  verb->add_option("--mode", request.mode, "swap, augment (original and copy) or substitute (a share of the documents).")
      ->check(CLI::IsMember({"swap", "augment", "substitute"}))
      ->capture_default_str();
  verb->add_option("--share", request.share, "Of documents, with substitute.")->check(CLI::Range(0.0, 1.0))->capture_default_str();
  verb->add_option("--seed", request.seed, "Of substitute.")->capture_default_str();
  verb->add_option("--pairs", request.pairs, "Own pairs of words: .json, two words a line, or A.txt:B.txt; may repeat.");
  verb->add_option("--one-way", request.one_way, "Words that change in one direction; same forms.");
  verb->add_option("--names", request.names, "Own pairs of names instead of the built-in ones; same forms.");
  verb->add_flag("--no-built-in", flags.no_built_in, "Only the lists given.");
  verb->add_flag("--no-pronouns", flags.no_pronouns, "Leave he, she and their forms.");
  verb->add_option("--on-conflict", request.on_conflict, "A word with two partners: error, or the first counts.")
      ->check(CLI::IsMember({"error", "first"}))
      ->capture_default_str();
  verb->add_option("--report", flags.report, "Write the document here.");
  program.on_run(verb, [&program] {
    flags.request.built_in = !flags.no_built_in;
    flags.request.pronouns = !flags.no_pronouns;
    flags.request.stop = program.stop();
    const Json document = app::swap_file(flags.request);
    if (!flags.report.empty()) core::write_document(flags.report, document);
    if (program.global().json) cli::print_document(document);
    else print_swap(document);
    return 0;
  });
}

}  // namespace discreet
