#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/association.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct AssociationFlags {
  std::string vectors, word_lists, out;
  app::AssociationQuestion question;
};

std::string association_cell(const Json& result, const char* key, const char* format) {
  return result[key].is_number() ? fmt::format(fmt::runtime(format), result[key].get<double>()) : "n/a";
}

void print_associations(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& result : document["results"]) {
    std::string interval;
    if (result["ci"].is_object()) {
      interval = fmt::format("[{:.3f}, {:.3f}]", result["ci"]["effect_size"][0].get<double>(),
                             result["ci"]["effect_size"][1].get<double>());
    }
    const Json& sets = result["sets"];
    const auto found = [&](const char* set) { return sets[set]["found"].get<int>(); };
    rows.push_back({result["test"].get<std::string>(), association_cell(result, "effect_size", "{:.4f}"), interval,
                    association_cell(result, "statistic", "{:.4f}"), association_cell(result, "p_value", "{:.3g}"),
                    result["method"].is_string() ? result["method"].get<std::string>() : "-",
                    fmt::format("{} {} {} {}", found("X"), found("Y"), found("A"), found("B")),
                    std::to_string(result["lost"].size())});
  }
  cli::print_table({"test", "effect size", "interval", "statistic", "p", "method", "words X Y A B", "lost"}, rows);
  fmt::print("\n");
  for (const Json& result : document["results"]) {
    if (result.contains("effect_size_reason")) {
      fmt::print("- {}: {}\n", result["test"].get<std::string>(), result["effect_size_reason"].get<std::string>());
    }
    if (!result["lost"].empty()) {
      fmt::print("- {}: without a vector: {}\n", result["test"].get<std::string>(),
                 fmt::join(result["lost"].get<std::vector<std::string>>(), " "));
    }
  }
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_fairness_association(cli::Program& program) {
  static AssociationFlags flags;
  auto& question = flags.question;
  CLI::App* verb = program.add_verb(
      "fairness association", "Association tests of word vectors (WEAT): do X go with A, and Y with B?",
      "Fairness of predictions, vectors and text.");
  verb->add_option("--vectors", flags.vectors, "A file of word vectors, text or gzip (GloVe, word2vec).")->required();
  verb->add_option("--test", question.tests, "Built-in tests: weat1 … weat10, several with commas.")->delimiter(',');
  verb->add_option("--word-lists", flags.word_lists, "A JSON file {\"name\": [words], …} with your own lists.");
  verb->add_option("--targets", question.targets, "Its lists X,Y.")->delimiter(',');
  verb->add_option("--attributes", question.attributes, "Its lists A,B.")->delimiter(',');
  verb->add_flag("--lowercase", question.lowercase, "Look words up in lower case.");
  verb->add_option("--limit", question.permutation.limit, "Count all partitions up to so many; else draw some.")
      ->capture_default_str();
  verb->add_option("--samples", question.permutation.samples, "Random partitions beyond that.")
      ->check(CLI::Range(1, 100000000))->capture_default_str();
  verb->add_option("--resamples", question.resamples, "Of the bootstrap over words; 0: no interval.")
      ->check(CLI::Range(0, 1000000))->capture_default_str();
  verb->add_option("--confidence", question.confidence, "Of the interval.")
      ->check(CLI::Range(0.5, 0.9999))->capture_default_str();
  verb->add_option("--seed", question.permutation.seed, "Of partitions and bootstrap.")->capture_default_str();
  verb->add_option("--out", flags.out, "Write the document here.");
  program.on_run(verb, [&program] {
    flags.question.word_lists = flags.word_lists;
    const Json document = app::associations_of_vectors(flags.vectors, flags.question);
    if (!flags.out.empty()) core::write_document(flags.out, document);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_associations(document);
    }
    return 0;
  });
}

}  // namespace discreet
