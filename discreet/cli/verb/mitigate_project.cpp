#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/app/project_vectors.h"
#include "discreet/cli/internal/before_after.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct ProjectFlags {
  app::ProjectVectorsRequest vectors;
  std::string model, data, protected_column, label, text = "text", at, method;
  bool force = false;
  std::string report;
};

void print_projection(const Json& document) {
  const Json& projection = document["projection"];
  fmt::print("{}: {} of {} directions removed", projection["method"].get<std::string>(),
             projection["removed_directions"].get<std::uint64_t>(), projection["dimension"].get<std::uint64_t>());
  if (projection.contains("folded_into")) fmt::print(", folded into {}", projection["folded_into"].get<std::string>());
  fmt::print("\n");
  for (const Json& note : projection["notes"]) fmt::print("{}\n", note.get<std::string>());
  fmt::print("\n");
  cli::print_before_after(document);
}

Json project_model(const ProjectFlags& flags, cli::Program& program) {
  if (flags.data.empty() || flags.protected_column.empty() || flags.vectors.output.empty()) {
    throw usage_error("mitigate project --model needs --data, --protected and --out",
                      "Texts with a column of the protected attribute, and where the new model goes.");
  }
  auto context = program.context();
  return app::call_operation("project-model",
                             {{"model", flags.model}, {"data", flags.data}, {"protected", flags.protected_column},
                              {"label", flags.label}, {"text", flags.text}, {"at", flags.at}, {"method", flags.vectors.method},
                              {"set", flags.vectors.set}, {"out", flags.vectors.output.string()}, {"force", flags.force},
                              {"hidden", flags.vectors.hidden}, {"folds", flags.vectors.folds}, {"seed", flags.vectors.seed}},
                             context);
}

}  // namespace

void register_verb_mitigate_project(cli::Program& program) {
  static ProjectFlags flags;
  app::ProjectVectorsRequest& request = flags.vectors;
  CLI::App* verb = program.add_verb("mitigate project",
                                    "Removes a protected attribute from word vectors, or from what a model's head reads.",
                                    "Changes of data and models, with what they cost.");
  auto* vectors = verb->add_option("--vectors", request.vectors, "A file of word vectors (GloVe or word2vec text, also .gz).");
  verb->add_option("--model", flags.model, "A run, or a model's folder in the Hugging Face layout.")->excludes(vectors);
  verb->add_option("--out", request.output, "Where the new vectors or the new model go.");
  verb->add_option("--method", flags.method, "hard-debias (default for vectors), leace (for models), inlp, sentence-debias.");
  verb->add_option("--set", request.set, "METHOD.OPTION=VALUE.");
  verb->add_option("--pairs", request.pairs, "Vectors: pairs of words instead of the built-in gender words; may repeat.");
  verb->add_option("--word-lists", request.word_lists, "Vectors: JSON of word lists, with --classes.");
  verb->add_option("--classes", request.classes, "Vectors: lists that are the attribute's classes.")->delimiter(',');
  verb->add_option("--keep", request.keep, "hard-debias: words that name the attribute and stay, one a line.");
  verb->add_option("--equalize", request.equalize, "hard-debias: pairs to equalise; default: the pairs themselves.");
  verb->add_option("--limit", request.limit, "Vectors: words of the file.")->check(CLI::Range(2, 100000000))->capture_default_str();
  verb->add_option("--data", flags.data, "Model: a file of texts, or a name that `data list` knows.");
  verb->add_option("--protected", flags.protected_column, "Model: the column of the attribute.");
  verb->add_option("--label", flags.label, "Model: the column of right classes (of a run: its own).");
  verb->add_option("--text", flags.text, "Model: the column of text (of a run: its own).")->capture_default_str();
  verb->add_option("--at", flags.at, "Model: the dense layer whose input is projected; default: the head.");
  verb->add_option("--hidden", request.hidden, "Units of the non-linear probe.")->check(CLI::Range(1, 1024))->capture_default_str();
  verb->add_option("--folds", request.folds, "Of the probes.")->check(CLI::Range(2, 50))->capture_default_str();
  verb->add_option("--seed", request.seed, "Of folds and probes.")->capture_default_str();
  verb->add_flag("--force", flags.force, "Replace what is at --out.");
  verb->add_option("--report", flags.report, "Write the document here.");
  program.on_run(verb, [&program] {
    if (flags.model.empty() && flags.vectors.vectors.empty()) throw usage_error("mitigate project needs --vectors or --model");
    flags.vectors.method = !flags.method.empty() ? flags.method : flags.model.empty() ? "hard-debias" : "leace";
    flags.vectors.force = flags.force;
    const Json document = flags.model.empty() ? app::project_vectors(flags.vectors) : project_model(flags, program);
    if (!flags.report.empty()) core::write_document(flags.report, document);
    if (program.global().json) cli::print_document(document);
    else print_projection(document);
    return 0;
  });
}

}  // namespace discreet
