#include "discreet/app/ops/internal/model_signals.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "discreet/app/ops/run_model.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/model.h"
#include "discreet/nn/token_batches.h"

namespace discreet::app {
namespace {

constexpr std::int64_t kSignalTokens = 2048;                    // of a batch
constexpr std::int64_t kKeptLogits = std::int64_t{1} << 20;     // of one model on all examples
constexpr std::int64_t kLogitsAtOnce = std::int64_t{1} << 24;   // of a batch of a language model

/// Calls `work(batch, first example)` for runs of examples that fit in memory.
template <class Work>
void in_batches(const EncodedData& data, std::int64_t values_per_token, bool with_tags, const Work& work) {
  nn::EncodedExamples examples = to_examples(data);
  if (!with_tags) examples.tags.clear();
  const std::int64_t most_tokens = std::min(kSignalTokens, kLogitsAtOnce / values_per_token);
  for (std::int64_t begin = 0, end = 0; begin < data.size(); begin = end) {
    end = nn::batch_end(data.offsets, begin, most_tokens, 256);
    work(nn::collate(examples, nn::consecutive(begin, end)), begin);
  }
}

void add_logits(nn::Model& model, const EncodedData& data, ModelSignals& signals) {
  in_batches(data, 1, true, [&](const nn::PackedBatch& batch, std::int64_t) {
    const at::Tensor logits = model.forward(batch).intent_logits.to(at::kCPU, at::kFloat).contiguous();
    signals.logits.insert(signals.logits.end(), logits.const_data_ptr<float>(),
                          logits.const_data_ptr<float>() + logits.numel());
  });
}

void add_tokens(nn::Model& model, const EncodedData& data, std::int64_t vocabulary, ModelSignals& signals) {
  in_batches(data, vocabulary, false, [&](const nn::PackedBatch& batch, std::int64_t first) {
    const at::Tensor logits = model.forward(batch).emissions.to(at::kCPU, at::kFloat).contiguous();
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      const std::int64_t begin = batch.offsets[e], rows = batch.offsets[e + 1] - begin;
      append_token_signals(logits.const_data_ptr<float>() + begin * logits.size(1), rows, logits.size(1),
                           data.tags.data() + data.offsets[first + e], signals);
    }
  });
}

/// The mean over tokens turned back into the sum: of the whole sequence of tags.
void add_losses(nn::Model& model, const EncodedData& data, ModelSignals& signals) {
  const Scores scores = score(model, data);
  signals.loss = scores.loss;
  if (scores.slot_loss.empty() || data.tags.empty()) return;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto tagged = std::count_if(data.tags.begin() + data.offsets[i], data.tags.begin() + data.offsets[i + 1],
                                      [](std::int64_t tag) { return tag >= 0; });
    signals.loss[i] = scores.slot_loss[i] * static_cast<double>(tagged);
    if (!scores.intent_loss.empty()) signals.loss[i] += scores.intent_loss[i];
  }
}

}  // namespace

const char* name_of(SignalForm form) {
  switch (form) {
    case SignalForm::kLogits:
      return "logits";
    case SignalForm::kLoss:
      return "loss";
    case SignalForm::kTokens:
      return "tokens";
  }
  return "";
}

SignalForm signal_form(const Encoder& encoder, std::int64_t examples) {
  if (encoder.language.end >= 0) return SignalForm::kTokens;
  const bool classifies = encoder.intents.size() > 1 && encoder.tags.size() == 0;
  return classifies && examples * encoder.intents.size() <= kKeptLogits ? SignalForm::kLogits : SignalForm::kLoss;
}

void append_token_signals(const float* logits, std::int64_t rows, std::int64_t vocabulary,
                          const std::int64_t* targets, ModelSignals& signals) {
  double nats = 0;
  std::int64_t told = 0;
  for (std::int64_t n = 0; n < rows; ++n) {
    if (targets[n] < 0) continue;
    const float* row = logits + n * vocabulary;
    const double most = *std::max_element(row, row + vocabulary);
    double sum = 0, first = 0, second = 0;  // of exp(z), z exp(z), z^2 exp(z), z = logit - most
    for (std::int64_t v = 0; v < vocabulary; ++v) {
      const double z = row[v] - most, weight = std::exp(z);
      sum += weight;
      first += z * weight;
      second += z * z * weight;
    }
    const double mean = first / sum, scale = std::log(sum);
    signals.token_log_probs.push_back(std::min(0.0, row[targets[n]] - most - scale));
    signals.token_means.push_back(mean - scale);
    signals.token_deviations.push_back(std::sqrt(std::max(0.0, second / sum - mean * mean)));
    nats -= signals.token_log_probs.back();
    ++told;
  }
  signals.offsets.push_back(static_cast<std::int64_t>(signals.token_log_probs.size()));
  signals.loss.push_back(told > 0 ? nats / static_cast<double>(told) : std::numeric_limits<double>::quiet_NaN());
}

ModelSignals signals_of(nn::Model& model, const EncodedData& data, SignalForm form, std::int64_t vocabulary) {
  const at::NoGradGuard no_gradients;
  const bool was_training = model.is_training();
  model.eval();
  ModelSignals signals;
  if (form == SignalForm::kLogits) add_logits(model, data, signals);
  else if (form == SignalForm::kTokens) add_tokens(model, data, vocabulary, signals);
  else add_losses(model, data, signals);
  model.train(was_training);
  return signals;
}

}  // namespace discreet::app
