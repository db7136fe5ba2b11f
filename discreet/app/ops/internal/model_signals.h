#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discreet/app/run_data.h"

namespace discreet::nn {
class Model;
}  // namespace discreet::nn

namespace discreet::app {

/// What an attack takes of a model's answer to an example.
enum class SignalForm {
  kLogits,  ///< Of a classifier: one for each class.
  kLoss,    ///< Of the whole answer (intent and every tag), in nats; where texts are told, their mean by token.
  kTokens,  ///< Of a language model, for each token.
};

/// "logits", "loss", "tokens".
const char* name_of(SignalForm form);

/// Classes under kLogits stand end to end, tokens under kTokens as `offsets` says.
///
/// Shapes: M examples, K classes, T tokens.
struct ModelSignals {
  std::vector<float> logits;            ///< [M*K]
  std::vector<double> loss;  ///< [M] kLoss; kTokens: the mean; NaN where nothing is told.
  std::vector<std::int64_t> offsets{0};  ///< [M+1]
  std::vector<double> token_log_probs;  ///< [T]
  std::vector<double> token_means;      ///< [T] of the log-probability of a token drawn from the model there.
  std::vector<double> token_deviations; ///< [T]
};

/// Logits where the model gives intents alone and `values` examples times classes are not too many to
/// keep; tokens of a language model; else losses.
SignalForm signal_form(const Encoder& encoder, std::int64_t examples);

/// Runs the model over the data without gradients and without dropout. `vocabulary`: columns of a language
/// model's logits, for the size of batches. Under kTokens `data.tags` are the tokens that come next.
ModelSignals signals_of(nn::Model& model, const EncodedData& data, SignalForm form, std::int64_t vocabulary = 1);

/// Appends rows of next-token logits: for each row of `logits` [N, V] whose target is not negative the
/// log-probability of the target and mean and deviation of a drawn token's.
/// Ref: Zhang et al. 2024 (Min-K%++), equation 2.
void append_token_signals(const float* logits, std::int64_t rows, std::int64_t vocabulary,
                          const std::int64_t* targets, ModelSignals& signals);

}  // namespace discreet::app
