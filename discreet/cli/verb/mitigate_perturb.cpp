#include <fmt/format.h>

#include "discreet/app/perturb_files.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"

namespace discreet {
namespace {

struct PerturbFlags {
  app::PerturbRequest request;
  std::string report;
};

void print_perturb(const Json& document) {
  if (document.contains("calibration")) {
    std::vector<std::vector<std::string>> rows;
    for (const Json& row : document["calibration"]) {
      std::vector<std::string> cells = {fmt::format("{:g}", row["epsilon"].get<double>())};
      if (row["share_kept"].is_null()) {
        cells.insert(cells.end(), {"n/a", "", row["share_kept_reason"].get<std::string>()});
      } else {
        const char* outcomes = row.contains("effective_outcomes") ? "effective_outcomes" : "distinct_outcomes";
        cells.insert(cells.end(), {fmt::format("{:.4f}", row["share_kept"].get<double>()),
                                   fmt::format("{:.1f}", row[outcomes].get<double>()),
                                   fmt::format("{:.3f}", row["mean_distance"].get<double>())});
      }
      rows.push_back(cells);
    }
    cli::print_table({"epsilon", "share kept", "outcomes", "mean distance"}, rows);
  }
  if (!document.contains("guarantee")) return;
  const auto replaced = document["replaced_words"].get<std::uint64_t>();
  const double seconds = document["processor_seconds"].get<double>();
  const std::string speed = seconds > 0.1 ? fmt::format(" ({:.0f} a second)", static_cast<double>(replaced) / seconds) : "";
  fmt::print("{} documents, {} words replaced{}, {} without a vector\n", document["documents"].get<std::uint64_t>(), replaced, speed,
             document["unknown_words"].get<std::uint64_t>());
  const Json& kept = document["results"][0]["value"];
  fmt::print("share kept: {}\n", kept.is_null() ? std::string("n/a") : fmt::format("{:.4f}", kept.get<double>()));
  fmt::print("{}\n", document["guarantee"]["statement"].get<std::string>());
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_mitigate_perturb(cli::Program& program) {
  static PerturbFlags flags;
  app::PerturbRequest& request = flags.request;
  CLI::App* verb = program.add_verb("mitigate perturb", "Replaces words by random words near them: metric differential privacy.",
                                    "Changes of data and models, with what they cost.");
  verb->add_option("input", request.input, "A .jsonl, .csv or .tsv file, or text; without it only --calibrate.");
  verb->add_option("--out", request.output, "Where the text goes.");
  verb->add_option("--vectors", request.vectors, "A file of word vectors (GloVe or word2vec text, also .gz).")->required();
  verb->add_option("--epsilon", request.epsilon, "Of each word, per unit of distance.");
  verb->add_option("--mechanism", request.mechanism, "`discreet list perturbation` names them.")->capture_default_str();
  verb->add_option("--set", request.set, "MECHANISM.OPTION=VALUE.");
  verb->add_option("--column", request.columns, "Columns of text.")->delimiter(',')->capture_default_str();
  verb->add_option("--limit", request.limit, "Words of the vectors' file.")->check(CLI::Range(2, 10000000))->capture_default_str();
  verb->add_option("--unknown", request.unknown, "Words without a vector: random, drop or keep.")
      ->check(CLI::IsMember({"random", "drop", "keep"}))
      ->capture_default_str();
  verb->add_option("--calibrate", request.calibrate, "Epsilons: prints what each keeps and how many words come out.")->delimiter(',');
  verb->add_option("--seed", request.seed, "Of the table's sample of words; noise cannot be seeded.")->capture_default_str();
  verb->add_option("--report", flags.report, "Write the document here.");
  program.on_run(verb, [&program] {
    flags.request.stop = program.stop();
    const Json document = app::perturb_file(flags.request);
    if (!flags.report.empty()) core::write_document(flags.report, document);
    if (program.global().json) cli::print_document(document);
    else print_perturb(document);
    return 0;
  });
}

}  // namespace discreet
