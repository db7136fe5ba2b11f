#include <fmt/format.h>

#include "discreet/app/vocabulary_training.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_tokenizer_train(cli::Program& program) {
  static app::VocabularyRequest request;
  static std::string type = "wordpiece", out;
  static bool cased = false;
  CLI::App* verb = program.add_verb("tokenizer train", "Learns a WordPiece or byte-level BPE vocabulary from text.",
                                    "Vocabularies of subword tokenisers.");
  verb->add_option("--type", type, "What to learn.")->check(CLI::IsMember({"wordpiece", "bpe"}))->capture_default_str();
  verb->add_option("--vocabulary-size", request.options.size, "Tokens at most, special ones and characters among them.")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  verb->add_option("--input", request.inputs, "Plain text files, a text a line.")->required();
  verb->add_option("--out", out, "The folder to write.")->required();
  verb->add_option("--min-frequency", request.options.min_frequency, "Pairs seen less often are not merged.")->capture_default_str();
  verb->add_option("--limit-alphabet", request.options.limit_alphabet, "wordpiece: characters kept; 0: all.")->capture_default_str();
  verb->add_flag("--cased", cased, "wordpiece: keep case and accents.");
  verb->add_flag("--prefix-space", request.options.prefix_space, "bpe: texts begin with a space.");
  verb->add_option("--special", request.options.special_tokens, "More special tokens; for bpe, instead of <|endoftext|>.");
  verb->add_flag("--force", request.force, "Replace a folder that is there.");
  program.on_run(verb, [&program] {
    request.options.kind = type == "bpe" ? text::SubwordKind::kByteLevelBpe : text::SubwordKind::kWordPiece;
    request.options.lowercase = !cased;
    request.out = out;
    core::OperationContext context = program.context();
    const Json document = app::train_vocabulary(request, context);
    if (program.global().json) {
      cli::print_document(document);
      return 0;
    }
    const Json& result = document["results"][0];
    fmt::print("{}: {} tokens of {} words ({} distinct)\n", result["folder"].get<std::string>(), result["tokens"].get<std::int64_t>(),
               result["words"].get<std::int64_t>(), result["distinct_words"].get<std::int64_t>());
    for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
    return 0;
  });
}

}  // namespace discreet
