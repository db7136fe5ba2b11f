#include <unistd.h>

#include "discreet/app/tokenize.h"
#include "discreet/cli/program.h"

namespace discreet {

void register_verb_tokenize(cli::Program& program) {
  static app::TokenizeRequest request;
  static bool no_special = false;
  CLI::App* verb = program.add_verb(
      "tokenize", "Text to token ids and back: one JSON string a line in, one JSON array of ids a line out.");
  verb->add_option("--model", request.model,
                   "A model folder, or its tokenizer.json, vocab.txt, vocab.json, SentencePiece or llama2.c file.")
      ->required();
  verb->add_flag("--no-special", no_special,
                 "Add no special tokens; with --decode, leave them out of the text.");
  verb->add_flag("--tokens", request.tokens, "Objects instead of arrays, with each token's spelling.");
  verb->add_flag("--offsets", request.offsets,
                 "Objects instead of arrays, with [begin, end) of each token in code points.");
  verb->add_flag("--bytes", request.byte_offsets, "Offsets in bytes of UTF-8.");
  CLI::Option* pair = verb->add_flag("--pair", request.pair, "Lines are [text, text].");
  CLI::Option* words = verb->add_flag("--words", request.words, "Lines are [word, ...], each encoded for itself.");
  verb->add_flag("--decode", request.decode, "Lines are arrays of ids, texts come out.")->excludes(pair)->excludes(words);
  pair->excludes(words);
  program.on_run(verb, [&program] {
    request.special_tokens = !no_special;
    app::tokenize_lines(request, STDIN_FILENO, stdout, program.stop());
    return 0;
  });
}

}  // namespace discreet
