#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "discreet/app/settings.h"
#include "discreet/core/document.h"
#include "discreet/text/corpus.h"
#include "discreet/text/example.h"
#include "discreet/text/label_set.h"
#include "discreet/text/tokenizer.h"
#include "discreet/text/vocabulary.h"

namespace discreet::app {

/// How a language model reads an example: the mark `end` stands before its first token, and where
/// examples are lines it must be predicted behind the last one.
struct LanguageRule {
  std::int64_t end = -1;   ///< Id behind those of the vocabulary; -1: the model predicts no next token.
  bool blocks = false;     ///< Examples are cut from a text and end anywhere.
  std::int64_t block = 0;  ///< Tokens of one, where subwords are cut; special ones counted.
};

/// Examples that are longer than this are cut at their end, or read in windows where the task is to
/// find answers.
struct LengthRule {
  std::int64_t longest = 0;   ///< Tokens, special ones counted; 0: no bound.
  std::int64_t stride = 64;   ///< Tokens that a window shares with the one before it.
  std::int64_t answer = 30;   ///< Tokens of the longest answer.
};

/// What a masked language model is to tell (nn/masked_model.h).
struct MaskChoice {
  double rate = 0.15;
  bool whole_words = false;
};

class Subwords;

/// Text to numbers and back: all that a saved model needs beside its weights.
struct Encoder {
  std::shared_ptr<const text::Tokenizer> tokenizer;
  text::Vocabulary vocabulary;
  text::LabelSet intents;  ///< Empty: the model has no intent head.
  text::LabelSet tags;     ///< Empty: the model has no slot head.
  bool characters = false;  ///< The model reads each word's characters (text/characters.h).
  LanguageRule language{};
  std::string task = "intent-slot";
  std::shared_ptr<const Subwords> subwords{};  ///< Null: tokens are those of `tokenizer`.
  LengthRule lengths{};
  MaskChoice masks{};
  std::int64_t decoder_start = -1;  ///< What a decoder reads first; -1: the task has none.
  bool nothing_answers = false;  ///< Training met questions without an answer.
};

/// Ids of the model's table of vectors: those of the vocabulary or of the subword tokenizer, and behind
/// them the one mark that a task without special tokens of its own needs (an end, a border, a mask).
std::int64_t table_entries(const Encoder& encoder);
/// Ids that texts are written in: those of the table without that mark.
std::int64_t vocabulary_size(const Encoder& encoder);
/// That mark, or the special token that a subword tokenizer has for it; -1 where the task needs none.
std::int64_t mark_id(const Encoder& encoder);
/// nn::MaskRule's columns: which ids are special, and which go on with a word. Empty: none.
std::vector<std::uint8_t> special_ids(const Encoder& encoder);
std::vector<std::uint8_t> continuing_ids(const Encoder& encoder);

/// A tag that says of a row: there is nothing to predict (a special token, a word's later pieces, a
/// question). A label that is not known is -1.
inline constexpr std::int64_t kNotTagged = -2;

/// Where a token stands in its example's text: bytes [begin, end). Special tokens: -1.
struct Place {
  std::int64_t begin = -1, end = -1;
};

/// A data set as read and as numbers, examples end to end.
///
/// Shapes: M examples, N tokens, C characters; offsets [M+1]; intents [M] or empty; tags [N] or empty;
/// characters [C] and character_offsets [N+1], or both empty. A label that the encoder does not know is
/// -1: it cannot be predicted, and no loss is defined on it. Under a language model `tags` are the tokens
/// that come next, and an example has one row per token to predict. To find answers, `tags` are those of
/// nn/span_model.h; a long text is several windows in evaluation, M of them, and `owners` names the
/// example of each; in training it is the window that holds the answer best.
struct EncodedData {
  std::vector<text::Example> examples;  ///< [M], tokenised; what a reader calls extra is dropped.
  std::vector<std::int64_t> tokens;
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int64_t> intents;
  std::vector<std::int64_t> tags;
  std::vector<std::int64_t> characters;
  std::vector<std::int64_t> character_offsets;
  std::vector<std::int64_t> token_types;  ///< [N] 0 or 1 by the text of a pair, or empty: all are 0.
  std::vector<std::int64_t> owners;       ///< [M] places in `examples`, rising; empty: one each.
  std::vector<Place> places;              ///< [N], where answers are to be found; else empty.
  std::int64_t cut_examples = 0;          ///< Examples that lost their ends to the longest length.
  std::int64_t cut_tokens = 0;            ///< What they lost.
  std::int64_t raw_bytes = 0;  ///< Of the text that subwords write, a line's end counted; else 0.
  std::int64_t size() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
};

/// Everything a run reads. What the configuration does not name is empty.
struct RunData {
  Encoder encoder;
  EncodedData train;     ///< Members: the training file without what was held out.
  EncodedData hold_out;  ///< Non-members: the part of the training file that was kept back.
  EncodedData dev;
  EncodedData test;
  std::vector<std::int64_t> hold_out_indices;  ///< Places in the training file, from 0, rising.
  std::vector<core::InputFile> inputs;
  bool has_user_column = false;
  std::vector<std::string> notes;  ///< What was cut, in words.
};

/// The configuration that an existing run began with (RUN/config.toml). Throws: kUsage if `run` is no run.
Settings load_run_settings(const std::filesystem::path& run);

/// Reads the data of a configuration and builds the encoder by its rules for vocabulary and labels.
/// Throws: kBadData naming file and line; kUsage for a configuration that the data does not fit (a
/// column that the task or the unit needs is missing).
RunData load_run_data(const Settings& settings);

/// The same for an existing run: its encoder comes from RUN/model, its held-out part from
/// RUN/holdout.json. Throws: kBadData also if the training data are not what they were.
RunData load_data_of_run(const std::filesystem::path& run);

/// Throws kBadData if one of `now` is not what a run's manifest says that it read.
void check_inputs(const Json& manifest, const std::vector<core::InputFile>& now);

/// Any data under an encoder: what `eval --data` and audits on other files need.
EncodedData load_examples(const Settings& settings, const Encoder& encoder, const std::string& source,
                          text::Split split);
enum class EncodeFor { kEvaluation, kTraining };
/// Throws: kBadData for a training example whose answer is not in its text.
EncodedData encode(const Encoder& encoder, std::vector<text::Example> examples,
                   EncodeFor purpose = EncodeFor::kEvaluation);
/// "12 of 500 examples were cut …", or empty if none was.
std::string cut_note(const EncodedData& data, const std::string& which);
/// The rows of example `i` that have a word's tag, in the order of its words: all rows, or with subwords
/// the first piece of each word; -1 for a word that was cut off.
std::vector<std::int64_t> word_rows(const Encoder& encoder, const EncodedData& data, std::int64_t i);

/// What an input of a run's manifest is now: files by their bytes; what is generated or known by name
/// by the examples that come out. Throws: kBadData if it cannot be read any more.
core::InputFile describe_source(const Settings& settings, const Encoder& encoder,
                                const core::InputFile& before);

/// The part of `data` at `indices`, in that order.
EncodedData select(const EncodedData& data, const std::vector<std::int64_t>& indices);

/// round(fraction * n) places of 0 .. n-1, rising, drawn without replacement; a function of the
/// arguments alone. With `users`, whole users are drawn until that many examples are reached.
std::vector<std::int64_t> draw_hold_out(const std::vector<text::Example>& examples, double fraction,
                                        std::uint64_t seed, bool whole_users);

/// The same for private training, where no example may decide what becomes of another: each (each user, if whole) is
/// held out with chance `fraction`, by a coin of its content and the seed alone. How many are is left to chance, and
/// equal examples share their fate.
std::vector<std::int64_t> draw_hold_out_by_content(const std::vector<text::Example>& examples, double fraction,
                                                   std::uint64_t seed, bool whole_users);

/// The vectors of model.vectors for the words of a vocabulary.
///
/// Shapes: V words, d dimensions; values [V*d], row by row. A word without a vector gets normal values
/// of the vectors' own spread, drawn from run.seed; the unknown word gets zeros. d = 0: no vectors.
struct VectorTable {
  std::int64_t dimensions = 0;
  std::vector<float> values;
};
VectorTable load_vectors(const Settings& settings, const text::Vocabulary& vocabulary);

/// Writes vocabulary, tokeniser and label sets into a model's folder, and reads them back.
/// Throws (load): kBadData naming the file.
void save_encoder(const std::filesystem::path& folder, const Encoder& encoder);
Encoder load_encoder(const std::filesystem::path& folder);

/// SHA-256 over words, labels, tags and users of `examples`, for sources that are not one file.
std::string content_sha256(const std::vector<text::Example>& examples);

}  // namespace discreet::app
