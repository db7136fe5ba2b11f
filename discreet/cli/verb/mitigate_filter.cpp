#include <fmt/format.h>

#include "discreet/app/filter_files.h"
#include "discreet/app/loader.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct FilterFlags {
  app::FilterRequest request;
  app::FilterEvaluation evaluation;
  bool evaluate = false, no_patterns = false;
  std::string report;
};

void print_filter(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  if (document.contains("changed_documents")) {
    fmt::print("{} documents, {} with private details, {} dropped\n", document["documents"].get<std::uint64_t>(),
               document["changed_documents"].get<std::uint64_t>(), document["dropped_documents"].get<std::uint64_t>());
    for (const Json& kind : document["results"]) {
      rows.push_back({kind["kind"].get<std::string>(), fmt::format("{}", kind["count"].get<std::uint64_t>())});
    }
    if (!rows.empty()) cli::print_table({"kind", "found"}, rows);
  } else {
    for (const Json& result : document["results"]) {
      const bool known = result["value"].is_number();
      rows.push_back({result["metric"].get<std::string>(), result["kind"].get<std::string>(), result.value("shown", ""),
                      fmt::format("{}", result["n"].get<std::uint64_t>()),
                      known ? fmt::format("{:.3f} [{:.3f}, {:.3f}]", result["value"].get<double>(), result["ci"][0].get<double>(),
                                          result["ci"][1].get<double>())
                            : std::string("n/a")});
    }
    cli::print_table({"metric", "kind", "shown", "n", "value"}, rows);
  }
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

app::TagTexts tagger_of(const std::string& run, cli::Program& program) {
  return [run, &program](const std::vector<std::string>& texts, std::vector<std::vector<mitigate::Finding>>& findings) {
    auto context = program.context();
    const Json tagged = app::call_operation("tag-texts", {{"run", run}, {"texts", texts}}, context);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      for (const Json& entity : tagged["entities"][i]) {
        findings[i].push_back({entity["begin"].get<std::size_t>(), entity["end"].get<std::size_t>(), entity["type"].get<std::string>(), "tagger"});
      }
    }
  };
}

}  // namespace

void register_verb_mitigate_filter(cli::Program& program) {
  static FilterFlags flags;
  app::FilterRequest& request = flags.request;
  CLI::App* verb = program.add_verb("mitigate filter", "Finds names, e-mail addresses, numbers and addresses in texts; masks, replaces or drops them.",
                                    "Changes of data and models, with what they cost.");
  verb->add_option("input", request.input, "A .jsonl, .csv or .tsv file, or text; each also with .gz.");
  verb->add_option("--out", request.output, "Where the filtered text goes.");
  verb->add_option("--column", request.columns, "Columns of text.")->delimiter(',')->capture_default_str();
  verb->add_option("--action", request.action, "mask ([NAME]), replace (another of its form), drop (the words) or drop-document.")
      ->check(CLI::IsMember({"mask", "replace", "drop", "drop-document"}))
      ->capture_default_str();
  verb->add_option("--kinds", request.kinds, "What is looked for: names, emails (mentions and URLs too), numbers, addresses; also dates in digits.")
      ->delimiter(',')
      ->check(CLI::IsMember({"names", "emails", "numbers", "addresses", "dates"}))
      ->capture_default_str();
  verb->add_option("--names", request.names, "Files of given names, one a line, beside the built-in ones.");
  verb->add_option("--least-digits", request.least_digits, "Of a number that counts.")->check(CLI::Range(1, 20))->capture_default_str();
  verb->add_option("--tagger", request.tagger, "A run of task tagging that finds details too (recipes/private-details.toml).");
  verb->add_flag("--no-patterns", flags.no_patterns, "The tagger alone.");
  verb->add_option("--labelled", flags.evaluation.labelled,
                   "With --evaluate: data whose words have BIO tags (a data set's name, or a file), in place of planted details.");
  verb->add_option("--private-tags", flags.evaluation.private_tags, "With --labelled: types of tags that count as private; else all.")->delimiter(',');
  verb->add_flag("--evaluate", flags.evaluate, "Instead of filtering: recall and precision on planted details, held-back kinds among them.");
  verb->add_option("--lines", flags.evaluation.lines, "Messages of --evaluate.")->check(CLI::Range(10, 10000000))->capture_default_str();
  verb->add_option("--seed", flags.evaluation.seed, "Of --evaluate.")->capture_default_str();
  verb->add_option("--report", flags.report, "Write the document here.");
  program.on_run(verb, [&program] {
    if (flags.evaluate != flags.request.input.empty()) throw usage_error("mitigate filter needs an input, or --evaluate alone");
    if (!flags.evaluate && !flags.evaluation.labelled.empty()) throw usage_error("--labelled is what --evaluate measures on", "Give --evaluate too.");
    flags.request.patterns = !flags.no_patterns;
    flags.request.stop = program.stop();
    if (!flags.request.tagger.empty()) flags.request.tag = tagger_of(flags.request.tagger.string(), program);
    const Json document = flags.evaluate ? app::evaluate_filter(flags.request, flags.evaluation) : app::filter_file(flags.request);
    if (!flags.report.empty()) core::write_document(flags.report, document);
    if (program.global().json) cli::print_document(document);
    else print_filter(document);
    return 0;
  });
}

}  // namespace discreet
