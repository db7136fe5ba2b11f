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
                       "any data at all, train, dev and test are the built-in corpus. `FILE?column=value` keeps "
                       "the rows that have this value there; several sources are joined by ` + `."})
          .add("dev", &DataOptions::dev,
               {.doc = "Data for evaluation while training and for early stopping; named as train."})
          .add("test", &DataOptions::test,
               {.doc = "Data for the final evaluation; named as train."})
          .add("format", &DataOptions::format,
                {.choices = {"", "jsonl", "csv", "tsv", "conll", "labelled", "parallel", "plays", "text",
                             "squad", "hatexplain", "coreference"},
                .doc = "How the files are written; empty: by their names. parallel: folders with "
                       "the files seq.in, seq.out and label. text: each line is an example. squad: the JSON "
                       "form of SQuAD, versions 1.1 and 2.0. hatexplain: posts with several annotators' labels. "
                       "coreference: GAP, WinoBias and Winogender, as one question to a classifier of texts."})
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
          .add("context", &DataOptions::context,
               {.doc = "span-qa: column of the text that holds the answers; empty: context."})
          .add("question", &DataOptions::question,
               {.doc = "span-qa: column of the question; empty: question."})
          .add("answers", &DataOptions::answers,
               {.doc = "span-qa: column of the answers: a string, an array of strings, or SQuAD's form with "
                       "the places where they begin; none of them: the text does not say. Empty: answers."})
          .add("source", &DataOptions::source,
               {.doc = "seq2seq: column of the text to go from; empty: source."})
          .add("target", &DataOptions::target,
               {.doc = "seq2seq: column of the text to come to; for evaluation examples of the same source "
                       "are one with several targets. Empty: target. frame: of utterances with a label and slots "
                       "(the built-in corpus) these, written out."})
          .add("coarse", &DataOptions::coarse,
               {.doc = "A label of two levels, as TREC's DESC:manner, is read up to its first colon."})
          .add("tokenizer", &DataOptions::tokenizer,
               {.choices = {"word", "character", "subword"},
                .doc = "What a token is (`discreet list tokenizer`). Characters suit language models "
                       "alone: labels and slots belong to words. subword: the pieces of the tokenizer "
                       "folder that data.vocabulary or model.path names; a tag stands on a word's first "
                       "piece."})
          .add("block", &DataOptions::block,
               {.min = 0, .max = 1 << 20, .unit = "tokens",
                .doc = "Of a language model: lines are put end to end and cut into examples of so many "
                       "tokens, each user's apart where the data name users; 0: each line is an "
                       "example."})
          .add("max_length", &DataOptions::max_length,
               {.min = 0, .max = 1 << 20, .unit = "tokens",
                .doc = "What is longer is cut at its end, special tokens counted, and said; span-qa reads "
                       "long texts in windows of this length instead. 0: subwords, as long as the model can "
                       "read; words, not at all; span-qa, 384."})
          .add("stride", &DataOptions::stride,
               {.min = 0, .max = 1 << 20, .unit = "tokens",
                .doc = "span-qa: tokens that a window shares with the one before it."})
          .add("max_answer", &DataOptions::max_answer,
               {.min = 1, .max = 1 << 20, .unit = "tokens",
                .doc = "span-qa: no answer is longer."})
          .add("mask_rate", &DataOptions::mask_rate,
               {.min = 0, .max = 1, .above_min = true, .unit = "share of the tokens",
                .doc = "masked-lm: how many are to be told; of these 80 % are masked, 10 % replaced by "
                       "another token and 10 % left, drawn anew in each pass.",
                .reference = "Devlin et al. 2019, section 3.1"})
          .add("whole_words", &DataOptions::whole_words,
               {.doc = "masked-lm: all pieces of a word are to be told, or none.",
                .reference = "Cui et al. 2019, arXiv 1906.08101"})
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
                       "statement then carries a caveat. Anything else: a file, one word a line; or, for "
                       "subwords, a folder with tokenizer.json or another tokenizer that is known."})
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
               {.doc = "Case is folded before words are looked up. Without it, words of model.vectors "
                       "that stand there in small letters alone are found all the same, and a model that "
                       "reads characters sees capitals."})
          .add("hold_out", &DataOptions::hold_out,
               {.min = 0, .max = 1, .below_max = true, .unit = "share of the training examples",
                .doc = "Random part of the training data that is kept back: the non-members of "
                       "membership attacks. Whole users where the unit is user. In private training a coin of each "
                       "one's own content decides, so that none moves another; how many are kept back is then left to chance."});
  return fields;
}

}  // namespace app

void register_section_data(core::Registry& registry) {
  app::add_section(registry, "data", "What is read, and which column means what.",
                   app::data_fields().info());
}

}  // namespace discreet
