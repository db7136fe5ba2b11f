#include <fmt/format.h>

#include "discreet/app/likelihood.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"

namespace discreet {
namespace {

struct LikelihoodFlags {
  std::string benchmark, data, scores, out;
  int round_to = -1;
};

void print_likelihoods(const Json& document) {
  const bool pairs = document["configuration"]["benchmark"] == "crows-pairs";
  const std::vector<std::string> keys = pairs ? std::vector<std::string>{"score", "stereo", "antistereo"}
                                              : std::vector<std::string>{"ss", "lms", "icat"};
  std::vector<std::string> header = {"split", "bias type"};
  header.insert(header.end(), keys.begin(), keys.end());
  header.insert(header.end(), {"examples", "ties"});
  std::vector<std::vector<std::string>> rows;
  for (const Json& result : document["results"]) {
    std::vector<std::string> row = {result["split"].get<std::string>(), result["bias_type"].get<std::string>()};
    for (const auto& key : keys) {
      row.push_back(result[key].is_number() ? fmt::format("{:.2f}", result[key].get<double>()) : "n/a");
    }
    row.push_back(std::to_string(result["examples"].get<int>()));
    row.push_back(std::to_string(result["ties"].get<int>()));
    rows.push_back(row);
  }
  cli::print_table(header, rows);
  fmt::print("\n");
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_fairness_likelihood(cli::Program& program) {
  static LikelihoodFlags flags;
  CLI::App* verb = program.add_verb("fairness likelihood",
                                    "Which of paired sentences a language model finds likelier: StereoSet, CrowS-Pairs.",
                                    "Fairness of predictions, vectors and text.");
  verb->add_option("--benchmark", flags.benchmark, "Which one.")->check(CLI::IsMember({"stereoset", "crows-pairs"}))->required();
  verb->add_option("--data", flags.data, "The benchmark's file.")->required();
  verb->add_option("--scores", flags.scores, "A model's scores of its sentences.")->required();
  verb->add_option("--round", flags.round_to, "crows-pairs: round scores to so many decimals first; the published code takes 3.")
      ->check(CLI::Range(0, 15));
  verb->add_option("--out", flags.out, "Write the document here.");
  program.on_run(verb, [&program] {
    const Json document = flags.benchmark == "stereoset" ? app::stereoset_of_scores(flags.data, flags.scores)
                                                         : app::crows_pairs_of_scores(flags.data, flags.scores, flags.round_to);
    if (!flags.out.empty()) core::write_document(flags.out, document);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_likelihoods(document);
    }
    return 0;
  });
}

}  // namespace discreet
