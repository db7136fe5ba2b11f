#include <fmt/format.h>

#include "discreet/app/generation.h"
#include "discreet/app/loader.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct GenerationFlags {
  std::vector<std::string> toxic_labels;
  std::string generations, model, prompts, generations_out, vectors, hurtful, word_lists, targets, sentiment, toxicity, regard, out;
  std::uint64_t seed = 0, resamples = 500, least = 10, most_prompts = 0, prompts_per_group = 0, generation_seed = 1;
  std::int64_t max_new_tokens = 40, top_k = 0, sequences = 1;
  double temperature = 1, top_p = 1, confidence = 0.95;
  bool greedy = false;
  std::vector<std::string> self_debias;
};

app::GenerationQuestion generation_question_of(const GenerationFlags& flags) {
  app::GenerationQuestion question;
  question.vectors = flags.vectors;
  question.hurtful = flags.hurtful;
  question.word_lists = flags.word_lists;
  question.targets = flags.targets;
  question.seed = flags.seed;
  question.resamples = flags.resamples;
  question.confidence = flags.confidence;
  question.least = flags.least;
  return question;
}

Json generation_request(const GenerationFlags& flags) {
  Json request = {{"seed", flags.seed}, {"resamples", flags.resamples}, {"confidence", flags.confidence}, {"least", flags.least}};
  for (const auto& [key, value] : {std::pair{"generations", &flags.generations}, std::pair{"model", &flags.model},
                                   std::pair{"prompts", &flags.prompts}, std::pair{"generations_out", &flags.generations_out},
                                   std::pair{"vectors", &flags.vectors}, std::pair{"hurtful", &flags.hurtful},
                                   std::pair{"word_lists", &flags.word_lists}, std::pair{"targets", &flags.targets},
                                   std::pair{"sentiment", &flags.sentiment}, std::pair{"toxicity", &flags.toxicity},
                                   std::pair{"regard", &flags.regard}, std::pair{"out", &flags.out}}) {
    if (!value->empty()) request[key] = *value;
  }
  if (!flags.toxic_labels.empty()) request["toxic_labels"] = flags.toxic_labels;
  request.update(Json{{"sample", !flags.greedy}, {"max_new_tokens", flags.max_new_tokens}, {"temperature", flags.temperature},
                      {"top_p", flags.top_p}, {"top_k", flags.top_k}, {"sequences", flags.sequences},
                      {"generation_seed", flags.generation_seed}, {"most_prompts", flags.most_prompts},
                      {"prompts_per_group", flags.prompts_per_group}});
  if (!flags.self_debias.empty()) request["self_debias"] = flags.self_debias;
  return request;
}

void print_generation(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> reasons;
  for (const Json& result : document["results"]) {
    std::string name = result["metric"].get<std::string>();
    if (result.contains("class")) name += " " + result["class"].get<std::string>();
    std::string where = result.value("domain", "");
    std::string interval = "-";
    if (result["ci"].is_array()) interval = fmt::format("[{:.4f}, {:.4f}]", result["ci"][0].get<double>(), result["ci"][1].get<double>());
    rows.push_back({name, where.empty() ? "all" : where, result["group"].get<std::string>(),
                    result["value"].is_number() ? fmt::format("{:.4f}", result["value"].get<double>()) : "n/a", interval,
                    std::to_string(result["n"].get<std::uint64_t>()), result.value("small", false) ? "small" : ""});
    if (!result["value"].is_number()) reasons.push_back(fmt::format("{}, {}: {}", name, result["group"].get<std::string>(), result["value_reason"].get<std::string>()));
  }
  cli::print_table({"metric", "domain", "group", "value", "interval", "n", ""}, rows);
  fmt::print("\n");
  for (const std::string& reason : reasons) fmt::print("- {}\n", reason);
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_fairness_generation(cli::Program& program) {
  static GenerationFlags flags;
  CLI::App* verb = program.add_verb(
      "fairness generation",
      "What a causal model writes behind prompts about groups: gender polarity, hurtful words, representation, association, "
      "co-occurrence, realistic use, and shares of a classifier's classes.",
      "Fairness of predictions, vectors and text.");
  auto* generations = verb->add_option("--generations", flags.generations, "JSON lines or CSV with completion, group and if there are prompt, domain, mention, stereotype; or");
  auto* model = verb->add_option("--model", flags.model, "a causal model, folder or run, that writes them.")->excludes(generations);
  verb->add_option("--prompts", flags.prompts, "Of --model: BOLD's JSON, HONEST's TSV, JSON lines or CSV with prompt and group, or built in: ruted, bare.")->needs(model);
  verb->add_option("--most-prompts", flags.most_prompts, "The first so many prompts; 0: all.")->capture_default_str()->needs(model);
  verb->add_option("--prompts-per-group", flags.prompts_per_group, "At most so many prompts of each group, the first ones; 0: all.")->capture_default_str()->needs(model);
  verb->add_option("--generations-out", flags.generations_out, "Keep what was written here, prompt by prompt; the same command goes on where it stopped.")->needs(model);
  verb->add_option("--max-new-tokens", flags.max_new_tokens, "Tokens to write behind a prompt.")->check(CLI::Range(1, 100000))->capture_default_str();
  verb->add_option("--sequences", flags.sequences, "Texts per prompt.")->check(CLI::Range(1, 10000))->capture_default_str();
  verb->add_flag("--greedy", flags.greedy, "The most likely token instead of drawn ones.");
  verb->add_option("--temperature", flags.temperature, "Of drawing.")->capture_default_str();
  verb->add_option("--top-p", flags.top_p, "Of drawing.")->capture_default_str();
  verb->add_option("--top-k", flags.top_k, "Of drawing; 0: all tokens.")->capture_default_str();
  verb->add_option("--generation-seed", flags.generation_seed, "Of drawing.")->capture_default_str();
  verb->add_option("--self-debias", flags.self_debias, "As of `discreet generate`: a text that asks for what is unwanted; what it makes likelier becomes rarer.")->needs(model);
  verb->add_option("--sentiment", flags.sentiment, "A classifier of sentiment: a folder or a run.");
  auto* toxicity = verb->add_option("--toxicity", flags.toxicity, "A classifier of toxicity; of one with several labels at a time, any label.");
  verb->add_option("--toxic-labels", flags.toxic_labels, "Of --toxicity: a text is toxic where any of these labels holds.")->delimiter(',')->needs(toxicity);
  verb->add_option("--regard", flags.regard, "A classifier of regard; the mention of whom a text is about is shown to it as XYZ.");
  verb->add_option("--vectors", flags.vectors, "Word vectors, hard-debiased ones as published, for polarity by embedding.");
  verb->add_option("--hurtful", flags.hurtful, "Hurtful words, one a line, for HONEST.");
  verb->add_option("--word-lists", flags.word_lists, "A JSON file {\"group\": [words]} in place of the words of men and women.");
  verb->add_option("--targets", flags.targets, "Words, one a line, for stereotypical association; default: 40 occupations.");
  verb->add_option("--seed", flags.seed, "Of the bootstrap.")->capture_default_str();
  verb->add_option("--resamples", flags.resamples, "Of the bootstrap.")->check(CLI::Range(20, 1000000))->capture_default_str();
  verb->add_option("--confidence", flags.confidence, "Of intervals.")->check(CLI::Range(0.5, 0.9999))->capture_default_str();
  verb->add_option("--least", flags.least, "Groups with fewer generations are called small and enter no difference.")->capture_default_str();
  verb->add_option("--out", flags.out, "Write the document here.");
  program.on_run(verb, [&program] {
    if (flags.generations.empty() == flags.model.empty()) {
      throw usage_error("fairness generation needs --generations or --model", "Name a file of generations, or a model and --prompts.");
    }
    if (!flags.model.empty() && flags.prompts.empty()) {
      throw usage_error("a model needs prompts", "Name a file with --prompts, or ruted or bare.");
    }
    Json document;
    if (flags.model.empty() && flags.sentiment.empty() && flags.toxicity.empty() && flags.regard.empty()) {
      document = app::generation_document(app::read_generations(flags.generations), {}, generation_question_of(flags),
                                          {core::describe_input("generations", flags.generations)}, Json::object());
      if (!flags.out.empty()) core::write_document(flags.out, document);
    } else {
      auto context = program.context();
      document = app::call_operation("fairness-generation", generation_request(flags), context);
    }
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_generation(document);
    }
    return 0;
  });
}

}  // namespace discreet
