#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discreet/app/run_data.h"
#include "discreet/core/json.h"

namespace discreet::app {

/// What a model says of each example of a data set, in the data's order.
///
/// Shapes: M examples, N tokens, I intents. Losses are NaN where the example has no known label. What
/// the model has no head for is empty.
struct Scores {
  std::vector<double> loss;         ///< [M] intent loss + slot_weight x slot loss.
  std::vector<double> intent_loss;  ///< [M]
  std::vector<double> slot_loss;    ///< [M]
  std::vector<float> intent_probabilities;  ///< [M*I], row by row.
  std::vector<std::int64_t> intents;        ///< [M]
  std::vector<std::int64_t> tags;           ///< [N]
  std::vector<float> starts, ends;          ///< [N] of answers: logits of both ends at each row.
  std::vector<std::string> texts;  ///< [M] what a model of sequence to sequence writes for each.
  std::vector<std::int64_t> told, correct;  ///< [M] of masked language models: tokens, and those right.
};

/// Metrics of `data` under `scores`: intent_accuracy, macro_f1, micro_f1, calibration_error; slot_f1,
/// slot_precision, slot_recall by conlleval's rules; exact_match of whole frames; loss. Text
/// classification calls the first "accuracy", tagging the slots' "entity_f1" and so on. What has no
/// labels is left out.
/// A language model: loss, perplexity over all tokens, unknown_share, and bits_per_byte where it can be
/// said (see `bits_per_byte_reason`).
/// A text for a text: loss, perplexity over the target's tokens and, of `texts`, rouge_1, rouge_2, rouge_l
/// and bleu against all targets.
/// To find answers: exact_match, f1 as the SQuAD script has them, loss of the examples whose answer is
/// in reach. A masked language model: loss, perplexity and accuracy over the tokens that were hidden.
Json metrics_of(const std::string& task, const Encoder& encoder, const EncodedData& data,
                const Scores& scores);

/// Why a language model's bits per byte cannot be said on these data, or empty: words in hashed buckets
/// are not told apart, and unknown ones cannot be written out. Bytes are those of the normalised text:
/// words with a blank between them, characters as they are, and one byte for the end of a line.
std::string bits_per_byte_reason(const Encoder& encoder, const EncodedData& data);

}  // namespace discreet::app
