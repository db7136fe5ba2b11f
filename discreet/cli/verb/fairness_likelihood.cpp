#include <fmt/format.h>

#include "discreet/app/likelihood.h"
#include "discreet/app/loader.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct LikelihoodFlags {
  std::string benchmark, data, scores, model, scores_out, rule, intersentence = "auto", out;
  int round_to = -1;
  bool chain = false;
  std::uint64_t seed = 0;
};

std::vector<std::string> likelihood_keys(const std::string& benchmark) {
  if (benchmark == "stereoset") return {"ss", "lms", "icat"};
  if (benchmark == "ilps") return {"lpbs", "mean_absolute_lpbs", "share_above"};
  if (benchmark == "bbq") return {"accuracy", "bias_score"};
  return {"score", "stereo", "antistereo"};
}

/// Of the figure whose bias is in question.
std::string likelihood_interval(const Json& result, const std::string& key, bool percent) {
  const Json ci = result.value("ci", Json());
  if (!ci.is_object() || !ci.contains(key)) return "-";
  return fmt::format(fmt::runtime(percent ? "[{:.2f}, {:.2f}]" : "[{:.4f}, {:.4f}]"), ci[key][0].get<double>(), ci[key][1].get<double>());
}

void print_likelihoods(const Json& document) {
  const std::string benchmark = document["configuration"]["benchmark"].get<std::string>();
  const bool percent = benchmark != "ilps" && benchmark != "bbq";
  const std::vector<std::string> keys = likelihood_keys(benchmark);
  std::vector<std::string> header = {"split", "bias type"};
  header.insert(header.end(), keys.begin(), keys.end());
  const std::string main = benchmark == "bbq" ? "bias_score" : keys.front();
  header.insert(header.end(), {"interval of " + main, "examples", "ties"});
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> reasons;
  for (const Json& result : document["results"]) {
    if (result["split"] == "template") continue;  // in the document; here their means
    std::string name = result["bias_type"].get<std::string>();
    if (result.contains("group")) name += ", " + result["group"].get<std::string>();
    std::vector<std::string> row = {result["split"].get<std::string>(), name};
    for (const auto& key : keys) {
      row.push_back(result[key].is_number() ? fmt::format(fmt::runtime(percent ? "{:.2f}" : "{:.4f}"), result[key].get<double>()) : "n/a");
      if (result[key].is_number() || !result.contains(key + "_reason")) continue;
      const std::string reason = result["split"].get<std::string>() + ": " + result[key + "_reason"].get<std::string>();
      if (reasons.empty() || reasons.back() != reason) reasons.push_back(reason);
    }
    row.push_back(likelihood_interval(result, main, percent));
    row.push_back(std::to_string(result["examples"].get<int>()));
    row.push_back(std::to_string(result["ties"].get<int>()));
    rows.push_back(row);
  }
  cli::print_table(header, rows);
  fmt::print("\n");
  for (const std::string& reason : reasons) fmt::print("- {}\n", reason);
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

Json likelihood_of_file(const LikelihoodFlags& flags) {
  if (flags.benchmark == "stereoset") return app::stereoset_of_scores(flags.data, flags.scores);
  if (flags.benchmark == "bbq") return app::bbq_of_scores(flags.data, flags.scores);
  if (flags.benchmark == "ilps") {
    throw usage_error("ilps takes no file of scores", "Name a masked model with --model.");
  }
  Json document = app::crows_pairs_of_scores(flags.data, flags.scores, flags.round_to);
  document["configuration"]["benchmark"] = flags.benchmark;
  return document;
}

}  // namespace

void register_verb_fairness_likelihood(cli::Program& program) {
  static LikelihoodFlags flags;
  CLI::App* verb = program.add_verb(
      "fairness likelihood",
      "Which of paired sentences a language model finds likelier: StereoSet, CrowS-Pairs, AUL, AULA, log probability bias, BBQ.",
      "Fairness of predictions, vectors and text.");
  verb->add_option("--benchmark", flags.benchmark, "Which one.")
      ->check(CLI::IsMember({"stereoset", "crows-pairs", "aul", "aula", "ilps", "bbq"}))->required();
  verb->add_option("--data", flags.data, "The benchmark's file; for aul and aula that of CrowS-Pairs, for ilps templates or BEC-Pro.")->required();
  auto* scores = verb->add_option("--scores", flags.scores, "A file of scores of its sentences; or");
  verb->add_option("--model", flags.model, "a masked or causal model that scores them: a folder of the Hugging Face layout, or a run.")
      ->excludes(scores);
  verb->add_option("--scores-out", flags.scores_out, "Write the model's scores here, in the form that --scores reads.");
  verb->add_option("--rule", flags.rule,
                   "crows-pairs: shared (masked models, published), all, sentence (causal models), sentence-mean; bbq: mean, sum.");
  verb->add_option("--intersentence", flags.intersentence,
                   "stereoset, following sentences: next-sentence (published for BERT), perplexity-ratio (causal), pseudo-likelihood (masked).")
      ->check(CLI::IsMember({"auto", "next-sentence", "perplexity-ratio", "pseudo-likelihood"}))->capture_default_str();
  verb->add_flag("--chain", flags.chain, "ilps: targets of several tokens by a chain over masks; else they have no score.");
  verb->add_option("--seed", flags.seed, "ilps: of the bootstrap over templates.")->capture_default_str();
  verb->add_option("--round", flags.round_to, "crows-pairs: round scores to so many decimals first; the published code takes 3.")
      ->check(CLI::Range(0, 15));
  verb->add_option("--out", flags.out, "Write the document here.");
  program.on_run(verb, [&program] {
    if (flags.scores.empty() == flags.model.empty()) {
      throw usage_error("fairness likelihood needs --scores or --model", "Name a file of scores, or a model that makes them.");
    }
    Json document;
    if (!flags.scores.empty()) {
      document = likelihood_of_file(flags);
      if (!flags.out.empty()) core::write_document(flags.out, document);
    } else {
      Json request = {{"benchmark", flags.benchmark}, {"data", flags.data}, {"model", flags.model},
                      {"rule", flags.rule}, {"intersentence", flags.intersentence}, {"chain", flags.chain},
                      {"round_to", flags.round_to}, {"seed", flags.seed}};
      if (!flags.scores_out.empty()) request["scores_out"] = flags.scores_out;
      if (!flags.out.empty()) request["out"] = flags.out;
      auto context = program.context();
      document = app::call_operation("fairness-likelihood", request, context);
    }
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_likelihoods(document);
    }
    return 0;
  });
}

}  // namespace discreet
