#include "discreet/app/internal/section.h"
#include "discreet/app/settings.h"

namespace discreet {
namespace app {

const core::Fields<DataOptions>& data_fields() {
  static const auto fields =
      core::Fields<DataOptions>("data")
          .add("train", &DataOptions::train,
               {.doc = "Training data: a file, a folder, `assistant` or `assistant:lines=…,seed=…` "
                       "(the built-in corpus), or a name known to `discreet data list`. Without "
                       "any data at all, train, dev and test are the built-in corpus."})
          .add("dev", &DataOptions::dev,
               {.doc = "Data for evaluation while training and for early stopping; named as train."})
          .add("test", &DataOptions::test,
               {.doc = "Data for the final evaluation; named as train."})
          .add("format", &DataOptions::format,
               {.choices = {"", "jsonl", "csv", "tsv", "conll", "labelled", "parallel", "text"},
                .doc = "How the files are written; empty: by their names. parallel: folders with "
                       "the files seq.in, seq.out and label. text: each line is an example."})
          .add("text", &DataOptions::text,
               {.doc = "Column of the text or of the list of words; empty: the first usual name "
                       "that the source has."})
          .add("label", &DataOptions::label,
               {.doc = "Column of the class or intent; empty: the first usual name."})
          .add("slots", &DataOptions::slots,
               {.doc = "Column of the BIO tags; empty: the first usual name."})
          .add("user", &DataOptions::user,
               {.doc = "Column that says who wrote the text; privacy.unit = \"user\" needs it."})
          .add("group", &DataOptions::group,
               {.doc = "Columns over whose values fairness metrics compare the model."})
          .add("tokenizer", &DataOptions::tokenizer,
               {.choices = {"word", "character"},
                .doc = "What a token is (`discreet list tokenizer`). Characters suit language models "
                       "alone: labels and slots belong to words."})
          .add("block", &DataOptions::block,
               {.min = 0, .max = 1 << 20, .unit = "tokens",
                .doc = "Of a language model: lines are put end to end and cut into examples of so many "
                       "tokens, each user's apart where the data name users; 0: each line is an "
                       "example."})
          .add("encoding", &DataOptions::encoding,
               {.choices = {"utf-8", "latin-1"}, .doc = "How the bytes of a file stand for characters."})
          .add("header", &DataOptions::header,
               {.doc = "CSV, TSV: the first row names the columns; without it they are 1, 2, …"})
          .add("quotes", &DataOptions::quotes,
               {.doc = "CSV, TSV: fields may be quoted (RFC 4180); without it '\"' is a character "
                       "like others."})
          .add("dev_public", &DataOptions::dev_public,
               {.doc = "data.dev holds nothing private. A private run with train.patience chooses its "
                       "step by looking at data.dev; its statement says that this rests on your word, "
                       "or, without it, that the choice is outside the guarantee."})
          .add("vocabulary", &DataOptions::vocabulary,
               {.doc = "auto: the words of model.vectors if given, else hashed buckets when a "
                       "privacy mechanism is on, else the words of the training text. hashed: "
                       "buckets. private: the words of the training text even in a private run; the "
                       "statement then carries a caveat. Anything else: a file, one word a line."})
          .add("buckets", &DataOptions::buckets,
               {.min = 2, .max = 1 << 26, .unit = "buckets",
                .doc = "Size of a hashed vocabulary; words share a bucket by chance.",
                .reference = "Weinberger et al. 2009, Feature Hashing"})
          .add("min_count", &DataOptions::min_count,
               {.min = 1, .unit = "occurrences",
                .doc = "A vocabulary from the training text keeps words seen at least this often."})
          .add("max_vocabulary", &DataOptions::max_vocabulary,
               {.min = 1, .unit = "words",
                .doc = "A vocabulary from the training text keeps at most so many words."})
          .add("lowercase", &DataOptions::lowercase,
               {.doc = "Case is folded before words are looked up."})
          .add("hold_out", &DataOptions::hold_out,
               {.min = 0, .max = 1, .below_max = true, .unit = "share of the training examples",
                .doc = "Random part of the training data that is kept back: the non-members of "
                       "membership attacks. Whole users where the unit is user."});
  return fields;
}

}  // namespace app

void register_section_data(core::Registry& registry) {
  app::add_section(registry, "data", "What is read, and which column means what.",
                   app::data_fields().info());
}

}  // namespace discreet
