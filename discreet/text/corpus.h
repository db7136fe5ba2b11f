#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "discreet/core/fields.h"
#include "discreet/text/reader.h"

namespace discreet::text {

/// Which part of a data set.
enum class Split { kTrain, kDev, kTest };

std::string to_string(Split split);

/// Knobs of the built-in corpus `assistant` (docs/corpus.md says what each one plants).
struct CorpusOptions {
  std::int64_t lines = 13000;
  std::uint64_t seed = 1;
  Split split = Split::kTrain;      ///< Another split is another stream of the same grammar.
  double ambiguity = 0.12;          ///< Share of lines with two commands, of which one counts.
  double label_noise = 0.02;        ///< Share of lines whose intent is replaced by another.
  double slot_noise = 0.0;          ///< Share of slot values whose slot is replaced by another.
  double typos = 0.02;              ///< Chance of a typing error, for each word of a slot value.
  double disfluencies = 0.05;       ///< Chance of a hesitation or a repeated word, for each line.
  std::int64_t devices = 650;       ///< Devices, each with one to three users.
  double activity_exponent = 1.1;   ///< Zipf exponent of the devices' activity; 0: all alike.
  std::int64_t periods = 4;         ///< Periods over which topics drift.
  double drift = 0.5;               ///< 0: none; at 1 a topic's odds swing by e^2 either way.
  double gender_skew = 0.8;         ///< Chance that a pronoun agrees with the profession's lean.
  double dialect_share = 0.15;      ///< Share of lines from devices that speak the hill dialect.
  double dialect_gap = 0.35;        ///< Chance that the hill dialect respells an ordinary word.
  std::int64_t secrets = 0;         ///< Planted "call 4 0 9 2" lines, in the training split only.
  std::int64_t secret_repeats = 1;  ///< How often each secret stands in the corpus.
  std::int64_t secret_digits = 4;
  bool counterfactuals = false;  ///< Adds the line with every gendered word swapped.
};

const core::Fields<CorpusOptions>& corpus_fields();

/// Names of the intents and slots of the grammar: public, whatever was drawn.
std::vector<std::string> corpus_intent_names();
std::vector<std::string> corpus_slot_names();

/// Parses "assistant" or "assistant:lines=13000,seed=1,split=test". Throws: kUsage naming the key.
CorpusOptions parse_corpus_spec(const std::string& spec);
/// True if `name` is "assistant" or begins with "assistant:".
bool is_corpus_spec(const std::string& name);

/// A reader over the generator: the same examples as the file that `data generate` writes.
std::unique_ptr<Reader> make_corpus_reader(const CorpusOptions& options);

}  // namespace discreet::text
