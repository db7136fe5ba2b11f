#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_generate(cli::Program& program) {
  static std::string run, model, input, prompt, early_stopping, device = "cpu";
  static bool sample = false, greedy = false, stream = false;
  static std::int64_t max_new_tokens, min_new_tokens, top_k, no_repeat_ngram, beams, sequences;
  static std::uint64_t seed;
  static double temperature, top_p, min_p, typical_p, repetition_penalty, length_penalty, debias_decay, debias_floor;
  static std::vector<std::string> self_debias;
  CLI::App* verb = program.add_verb(
      "generate",
      "Writes texts: JSON lines {\"text\":…} or {\"input_ids\":[…]} in, JSON lines {\"text\":…,\"ids\":[…],"
      "\"log_prob\":…} out.");
  verb->add_option("run", run, "A run directory of task language-model or seq2seq.");
  verb->add_option("--model", model, "A model folder in the Hugging Face layout, instead of a run.");
  verb->add_option("--input", input, "A file of JSON lines; default: standard input.");
  verb->add_option("--prompt", prompt, "One prompt as text, instead of JSON lines.");
  verb->add_option("--max-new-tokens", max_new_tokens, "Tokens to write at most.");
  verb->add_option("--min-new-tokens", min_new_tokens, "Tokens before an end mark may come.");
  verb->add_flag("--sample", sample, "Draw tokens instead of taking the most likely.");
  verb->add_flag("--greedy", greedy, "Take the most likely token whatever the model's files say.")
      ->excludes("--sample");
  verb->add_option("--temperature", temperature, "Divides logits; above 0. Samples.");
  verb->add_option("--top-k", top_k, "Draw from the most likely K tokens. Samples.");
  verb->add_option("--top-p", top_p, "Draw from the fewest tokens of this probability. Samples.");
  verb->add_option("--min-p", min_p, "Draw from tokens with this share of the greatest probability. Samples.");
  verb->add_option("--typical-p", typical_p, "Locally typical sampling of this mass. Samples.");
  verb->add_option("--repetition-penalty", repetition_penalty, "Above 1: makes tokens rarer that were there.");
  verb->add_option("--no-repeat-ngram", no_repeat_ngram, "No run of so many tokens comes twice.");
  verb->add_option("--beams", beams, "Beam search with so many beams.");
  verb->add_option("--length-penalty", length_penalty, "A beam's score: log probability / tokens ^ this.");
  verb->add_option("--early-stopping", early_stopping, "When beams end: true, false or never.");
  verb->add_option("--num-sequences", sequences, "Texts per prompt.");
  verb->add_option("--seed", seed, "Of sampling; the same seed gives the same texts.");
  verb->add_option("--self-debias", self_debias,
                   "A text that asks for what is unwanted, put before the prompt of a second reading: what it makes likelier "
                   "becomes rarer. May repeat.");
  verb->add_option("--self-debias-decay", debias_decay, "How fast it becomes rarer; default 50.");
  verb->add_option("--self-debias-floor", debias_floor, "At least this share of its probability stays; default 0.01.");
  verb->add_option("--device", device, "Where the model runs: cpu (default), cuda, cuda:N or auto.");
  verb->add_flag("--stream", stream, "A line {\"id\":…,\"piece\":…} for each token as it is chosen.");
  program.on_run(verb, [&program, verb] {
    if (run.empty() == model.empty()) {
      throw usage_error("generate needs a run directory or --model", "Name one of the two.");
    }
    if (greedy) {
      cli::refuse_options(*verb, {"--temperature", "--top-k", "--top-p", "--min-p", "--typical-p"}, "with --greedy: nothing is drawn");
    }
    if (verb->count("--beams") == 0 && model.empty()) {  // a folder may ask for beams itself
      cli::refuse_options(*verb, {"--length-penalty", "--early-stopping"}, "without --beams");
    }
    if (verb->count("--self-debias") == 0) {
      cli::refuse_options(*verb, {"--self-debias-decay", "--self-debias-floor"}, "without --self-debias");
    }
    if (verb->count("--prompt") > 0) cli::refuse_options(*verb, {"--input"}, "with --prompt");
    if (verb->count("--min-new-tokens") > 0 && verb->count("--max-new-tokens") > 0 && min_new_tokens > max_new_tokens) {
      throw usage_error(fmt::format("--min-new-tokens {} is more than --max-new-tokens {}", min_new_tokens, max_new_tokens));
    }
    Json request = run.empty() ? Json{{"model", model}} : Json{{"run", run}};
    request["device"] = device;
    if (!input.empty()) request["input"] = input;
    const auto given = [&](const char* flag) { return verb->count(flag) > 0; };
    const auto set = [&](const char* flag, const char* name, const auto& value) {
      if (given(flag)) request[name] = value;
    };
    set("--prompt", "prompt", prompt);
    set("--max-new-tokens", "max_new_tokens", max_new_tokens);
    set("--min-new-tokens", "min_new_tokens", min_new_tokens);
    set("--temperature", "temperature", temperature);
    set("--top-k", "top_k", top_k);
    set("--top-p", "top_p", top_p);
    set("--min-p", "min_p", min_p);
    set("--typical-p", "typical_p", typical_p);
    set("--repetition-penalty", "repetition_penalty", repetition_penalty);
    set("--no-repeat-ngram", "no_repeat_ngram_size", no_repeat_ngram);
    set("--beams", "num_beams", beams);
    set("--length-penalty", "length_penalty", length_penalty);
    set("--early-stopping", "early_stopping", early_stopping);
    set("--num-sequences", "num_return_sequences", sequences);
    set("--seed", "seed", seed);
    set("--self-debias", "self_debias", self_debias);
    set("--self-debias-decay", "self_debias_decay", debias_decay);
    set("--self-debias-floor", "self_debias_floor", debias_floor);
    const bool shapes_sampling = given("--temperature") || given("--top-k") || given("--top-p") ||
                                 given("--min-p") || given("--typical-p");
    if (sample || (shapes_sampling && !greedy)) request["do_sample"] = true;
    if (greedy) request["do_sample"] = false;
    if (stream) request["stream"] = true;
    auto context = program.context();
    // Lines are the result, with --json and without.
    context.emit = cli::print_line;
    app::call_operation("generate", request, context);
    return 0;
  });
}

}  // namespace discreet
