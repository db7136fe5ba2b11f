#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/association.h"
#include "discreet/app/intersectional.h"
#include "discreet/app/loader.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct AssociationFlags {
  std::string vectors, model, corpus, intersectional, word_lists, out, pooling, sampling = "without";
  app::AssociationQuestion question;
  std::int64_t layer = -1, window = 4;
  std::uint64_t draws = 1000, contexts = 1000, ceat_resamples = 200;
  double threshold = 0;
  bool sentences = false;
};

/// What a model is asked, beyond what vectors of a file are.
Json association_request(const AssociationFlags& flags) {
  const app::AssociationQuestion& question = flags.question;
  Json request = app::association_configuration(question);
  request["model"] = flags.model;
  request["word_lists"] = flags.word_lists;
  request["layer"] = flags.layer;
  if (!flags.pooling.empty()) request["pooling"] = flags.pooling;
  if (!flags.out.empty()) request["out"] = flags.out;
  if (flags.sentences) request["templates"] = false;
  if (flags.corpus.empty()) return request;
  request.update(Json{{"corpus", flags.corpus}, {"draws", flags.draws}, {"contexts", flags.contexts}, {"window", flags.window},
                      {"without_replacement", flags.sampling == "without"}, {"ceat_resamples", flags.ceat_resamples}});
  return request;
}

void print_intersectional(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& result : document["results"]) {
    std::string effects;
    for (const Json& effect : result["effect_sizes"]) {
      effects += (effects.empty() ? "" : " ") + (effect.is_number() ? fmt::format("{:.3f}", effect.get<double>()) : std::string("n/a"));
    }
    rows.push_back({result["word"].get<std::string>(), result["intersectional"].get<bool>() ? "yes" : "-",
                    result["emergent"].get<bool>() ? "yes" : "-", effects});
  }
  cli::print_table({"word", "intersectional", "emergent", "effect sizes"}, rows);
  fmt::print("\n");
  if (!document["lost"].empty()) fmt::print("- without a vector: {}\n", fmt::join(document["lost"].get<std::vector<std::string>>(), " "));
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

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
    if (result.contains("random_effects") && result["effect_size"].is_number()) {
      const Json& combined = result["random_effects"];
      fmt::print("- {}: {} draws; z {:.2f}, p {:.2g}: not a test\n", result["test"].get<std::string>(), result["draws"].get<std::uint64_t>(),
                 combined["z"].get<double>(), combined["p_two_sided"].get<double>());
    }
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
      "fairness association",
      "Association tests of word vectors (WEAT), of a model's words in context (CEAT) or of sentences (SEAT): do X go with A, and Y "
      "with B?",
      "Fairness of predictions, vectors and text.");
  auto* vectors = verb->add_option("--vectors", flags.vectors, "A file of word vectors, text or gzip (GloVe, word2vec); or");
  verb->add_option("--model", flags.model, "a language model or encoder, folder or run: with --corpus its words in context, else sentences.")
      ->excludes(vectors);
  auto* corpus = verb->add_option("--corpus", flags.corpus, "Text, one passage a line, in which a model's words are looked for (CEAT).");
  verb->add_option("--draws", flags.draws, "CEAT: how often one context per word is drawn.")
      ->check(CLI::Range(1, 10000000))->capture_default_str()->needs(corpus);
  verb->add_option("--contexts", flags.contexts, "CEAT: contexts kept of a word, a uniform sample.")
      ->check(CLI::Range(1, 10000000))->capture_default_str()->needs(corpus);
  verb->add_option("--window", flags.window, "CEAT: words kept on either side; 0: the whole line.")
      ->check(CLI::Range(0, 1000))->capture_default_str()->needs(corpus);
  verb->add_option("--sampling", flags.sampling,
                   "CEAT: without replacement where a word has enough contexts (the paper), or with (its authors' code).")
      ->check(CLI::IsMember({"without", "with"}))->capture_default_str()->needs(corpus);
  verb->add_option("--ceat-resamples", flags.ceat_resamples, "CEAT: of the bootstrap over words and contexts; 0: no interval.")
      ->check(CLI::Range(0, 100000))->capture_default_str()->needs(corpus);
  verb->add_option("--layer", flags.layer, "Of a model: 0 is the embedding, -1 the last.")->capture_default_str();
  verb->add_option("--pooling", flags.pooling, "Of a model: last, first or mean of a word's tokens (default last), of a sentence's (mean).")
      ->check(CLI::IsMember({"last", "first", "mean"}));
  verb->add_flag("--sentences", flags.sentences, "The lists hold sentences already: fill no templates.");
  verb->add_option("--intersectional", flags.intersectional,
                   "With --vectors: a JSON file {\"groups\": {name: [words]}, \"group\": name, \"constituents\": [{\"group\": [names], "
                   "\"other\": [names]}], \"words\": [candidates]}: which words go with an intersection of groups.")
      ->needs(vectors);
  verb->add_option("--threshold", flags.threshold, "Of --intersectional: of effect sizes.")->capture_default_str();
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
    if (flags.vectors.empty() == flags.model.empty()) {
      throw usage_error("fairness association needs --vectors or --model", "Name a file of word vectors, or a model.");
    }
    Json document;
    if (!flags.model.empty()) {
      auto context = program.context();
      document = app::call_operation("fairness-association", association_request(flags), context);
    } else {
      document = flags.intersectional.empty()
                     ? app::associations_of_vectors(flags.vectors, flags.question)
                     : app::intersectional_of_vectors(flags.vectors, flags.intersectional, flags.threshold, flags.question.lowercase);
      if (!flags.out.empty()) core::write_document(flags.out, document);
    }
    if (program.global().json) {
      cli::print_document(document);
    } else if (!flags.intersectional.empty()) {
      print_intersectional(document);
    } else {
      print_associations(document);
    }
    return 0;
  });
}

}  // namespace discreet
