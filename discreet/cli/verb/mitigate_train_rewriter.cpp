#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/cli/program.h"

namespace discreet {
namespace {

struct RewriterFlags {
  std::string data, out, text, norm = "l2";
  std::int64_t embedding = 64, hidden = 128, context = 32, longest = 32, epochs = 10, batch_size = 32, most_words = 10000, least_count = 2,
               limit = 100000, threads = 0;
  double clip = 1, learning_rate = 3e-3, word_dropout = 0.3, noise = 0;
  std::uint64_t seed = 1;
  bool force = false;
};

}  // namespace

void register_verb_mitigate_train_rewriter(cli::Program& program) {
  static RewriterFlags f;
  CLI::App* verb = program.add_verb("mitigate train-rewriter", "Trains an auto-encoder that `mitigate rewrite` uses, on public texts.",
                                    "Changes of data and models, with what they cost.");
  verb->add_option("data", f.data, "A file of texts, or a name that `data list` knows.")->required();
  verb->add_option("--out", f.out, "Folder of the auto-encoder.")->required();
  verb->add_option("--text", f.text, "Column of text; default: the usual ones.");
  verb->add_option("--norm", f.norm, "What is clipped: l2, or l1 for mechanism laplace.")->check(CLI::IsMember({"l1", "l2"}))->capture_default_str();
  verb->add_option("--clip", f.clip, "Norm of a context vector at most.")->check(CLI::PositiveNumber)->capture_default_str();
  verb->add_option("--context", f.context, "Values of a context vector.")->check(CLI::Range(1, 4096))->capture_default_str();
  verb->add_option("--embedding", f.embedding)->check(CLI::Range(1, 4096))->capture_default_str();
  verb->add_option("--hidden", f.hidden)->check(CLI::Range(1, 8192))->capture_default_str();
  verb->add_option("--longest", f.longest, "Words of a text; longer ones are cut.")->check(CLI::Range(1, 4096))->capture_default_str();
  verb->add_option("--epochs", f.epochs)->check(CLI::Range(1, 100000))->capture_default_str();
  verb->add_option("--batch-size", f.batch_size)->check(CLI::Range(1, 65536))->capture_default_str();
  verb->add_option("--learning-rate", f.learning_rate)->check(CLI::PositiveNumber)->capture_default_str();
  verb->add_option("--word-dropout", f.word_dropout, "Share of words that the writer does not see in training.")
      ->check(CLI::Range(0.0, 1.0))->capture_default_str();
  verb->add_option("--noise", f.noise, "Deviation of noise on each context value in training, so that the writer learns to read noisy ones.")
      ->check(CLI::NonNegativeNumber)->capture_default_str();
  verb->add_option("--most-words", f.most_words, "Of the vocabulary.")->check(CLI::Range(1, 10000000))->capture_default_str();
  verb->add_option("--least-count", f.least_count, "Of a word of the vocabulary.")->check(CLI::Range(1, 1000000))->capture_default_str();
  verb->add_option("--limit", f.limit, "Texts at most.")->check(CLI::Range(1, 100000000))->capture_default_str();
  verb->add_option("--threads", f.threads)->check(CLI::Range(0, 1024));
  verb->add_option("--seed", f.seed)->capture_default_str();
  verb->add_flag("--force", f.force, "Replace what is at --out.");
  program.on_run(verb, [&program] {
    auto context = program.context();
    const Json document = app::call_operation(
        "train-rewriter",
        {{"data", f.data}, {"out", f.out}, {"text", f.text}, {"norm", f.norm}, {"clip", f.clip}, {"context", f.context},
         {"embedding", f.embedding}, {"hidden", f.hidden}, {"longest", f.longest}, {"epochs", f.epochs}, {"batch_size", f.batch_size},
         {"learning_rate", f.learning_rate}, {"word_dropout", f.word_dropout}, {"noise", f.noise}, {"most_words", f.most_words},
         {"least_count", f.least_count}, {"limit", f.limit}, {"threads", f.threads}, {"seed", f.seed}, {"force", f.force}},
        context);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      fmt::print("{}: {} words, loss {:.3f} a word\n", document["out"].get<std::string>(), document["vocabulary"].get<std::int64_t>(),
                 document["results"][0]["value"].get<double>());
      for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
    }
    return 0;
  });
}

}  // namespace discreet
