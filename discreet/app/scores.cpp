#include "discreet/app/scores.h"
#include "discreet/app/span_answers.h"
#include "discreet/app/subwords.h"
#include "discreet/app/text_metrics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "discreet/stats/chunks.h"
#include "discreet/stats/classification.h"
#include "discreet/stats/squad.h"

namespace discreet::app {
namespace {

/// Gold labels that training never saw get classes of their own behind the known ones: they can only
/// be missed.
class ClassIds {
 public:
  explicit ClassIds(const text::LabelSet& known) : known_(known) {}
  std::int64_t id(const std::string& name) {
    if (const std::int64_t id = known_.find(name); id >= 0) return id;
    return known_.size() + static_cast<std::int64_t>(
                               unseen_.try_emplace(name, unseen_.size()).first->second);
  }
  std::size_t size() const { return static_cast<std::size_t>(known_.size()) + unseen_.size(); }

 private:
  const text::LabelSet& known_;
  std::map<std::string, std::size_t> unseen_;
};

void set_if(Json& metrics, const std::string& name, std::optional<double> value) {
  if (value) metrics[name] = *value;
}

void add_intent_metrics(const Encoder& encoder, const EncodedData& data, const Scores& scores,
                        const std::string& accuracy_name, Json& metrics) {
  ClassIds ids(encoder.intents);
  std::vector<std::int64_t> gold, predictions;
  std::vector<double> confidences;
  std::vector<std::uint8_t> correct;
  const auto classes = static_cast<std::size_t>(encoder.intents.size());
  for (std::int64_t i = 0; i < data.size(); ++i) {
    if (data.examples[i].label.empty()) continue;  // nothing is known of it
    gold.push_back(ids.id(data.examples[i].label));
    const std::int64_t predicted = scores.intents[i];
    predictions.push_back(predicted);
    confidences.push_back(std::min(1.0F, scores.intent_probabilities[i * classes + predicted]));
    correct.push_back(gold.back() == predicted ? 1 : 0);
  }
  stats::ConfusionMatrix confusion(ids.size());
  confusion.add(gold, predictions);
  const auto result = stats::classification_scores(confusion);
  set_if(metrics, accuracy_name, result.accuracy);
  set_if(metrics, "macro_f1", result.macro_f1);
  set_if(metrics, "micro_f1", result.micro_f1);
  set_if(metrics, "calibration_error", stats::calibration(confidences, correct).expected_error);
}

/// Absent where no example has a label that the model knows.
std::optional<double> mean_loss(const std::vector<double>& losses) {
  double sum = 0;
  std::int64_t n = 0;
  for (const double loss : losses) {
    if (std::isnan(loss)) continue;
    sum += loss;
    ++n;
  }
  if (n == 0) return std::nullopt;
  return sum / static_cast<double>(n);
}

std::int64_t unknown_tokens(const Encoder& encoder, const EncodedData& data) {
  if (encoder.subwords) {
    const std::int64_t unknown = encoder.subwords->unknown();
    return unknown < 0 ? 0 : std::count(data.tags.begin(), data.tags.end(), unknown);
  }
  if (encoder.vocabulary.kind() == text::VocabularyKind::kHashed) return 0;
  return std::count(data.tags.begin(), data.tags.end(), text::Vocabulary::kUnknown);
}

/// Bytes of the text that the tokens write: blanks between words, and the end of a line.
double written_bytes(const Encoder& encoder, const EncodedData& data) {
  if (encoder.subwords) return static_cast<double>(data.raw_bytes);
  const bool words = encoder.tokenizer->config().at("tokenizer") != "character";
  double bytes = 0;
  for (std::size_t e = 0; e < data.examples.size(); ++e) {
    const text::Example& example = data.examples[e];
    // A line that was cut wrote as many words as it has rows, less the one of its end.
    const std::int64_t rows = data.offsets[e + 1] - data.offsets[e] - (encoder.language.blocks ? 0 : 1);
    const std::size_t written = std::min(example.words.size(), static_cast<std::size_t>(std::max<std::int64_t>(0, rows)));
    for (std::size_t i = 0; i < written; ++i) {
      bytes += static_cast<double>(example.words[i].size());
      const bool breaks = example.words[i] == "\n" ||
                          (i + 1 < example.words.size() && example.words[i + 1] == "\n");
      const bool last = i + 1 == example.words.size() && !encoder.language.blocks;
      if (words && !breaks && !last) bytes += 1;
    }
    if (!encoder.language.blocks) bytes += 1;
  }
  return bytes;
}

Json language_metrics(const Encoder& encoder, const EncodedData& data, const Scores& scores) {
  Json metrics = Json::object();
  set_if(metrics, "loss", mean_loss(scores.loss));
  double nats = 0;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto tokens = static_cast<double>(data.offsets[i + 1] - data.offsets[i]);
    if (tokens > 0) nats += scores.loss[i] * tokens;
  }
  const auto tokens = static_cast<double>(data.tags.size());
  if (tokens == 0) return metrics;
  metrics["perplexity"] = std::exp(nats / tokens);
  metrics["unknown_share"] = static_cast<double>(unknown_tokens(encoder, data)) / tokens;
  if (bits_per_byte_reason(encoder, data).empty()) {
    metrics["bits_per_byte"] = nats / std::log(2.0) / written_bytes(encoder, data);
  }
  return metrics;
}

Json masked_metrics(const Scores& scores) {
  Json metrics = Json::object();
  set_if(metrics, "loss", mean_loss(scores.loss));
  double nats = 0, told = 0, correct = 0;
  for (std::size_t i = 0; i < scores.told.size(); ++i) {
    nats += scores.told[i] > 0 ? scores.loss[i] * static_cast<double>(scores.told[i]) : 0;
    told += static_cast<double>(scores.told[i]);
    correct += static_cast<double>(scores.correct[i]);
  }
  if (told == 0) return metrics;
  metrics["perplexity"] = std::exp(nats / told);
  metrics["accuracy"] = correct / told;
  return metrics;
}

/// Perplexity over what the decoder is to tell, the end of each text included.
Json pair_metrics(const EncodedData& data, const Scores& scores) {
  Json metrics = Json::object();
  set_if(metrics, "loss", mean_loss(scores.loss));
  double nats = 0, tokens = 0;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    if (std::isnan(scores.loss[i])) continue;
    const auto told = static_cast<double>(std::count_if(data.tags.begin() + data.offsets[i],
                                                        data.tags.begin() + data.offsets[i + 1],
                                                        [](std::int64_t tag) { return tag >= 0; }));
    nats += scores.loss[i] * told;
    tokens += told;
  }
  if (tokens > 0) metrics["perplexity"] = std::exp(nats / tokens);
  if (scores.texts.empty()) return metrics;
  std::vector<std::vector<std::string>> references;
  for (const text::Example& example : data.examples) references.push_back(example.answers);
  metrics.update(text_metrics(scores.texts, references));
  return metrics;
}

Json answer_metrics(const Encoder& encoder, const EncodedData& data, const Scores& scores) {
  Json metrics = Json::object();
  stats::AnswerScorer scorer;
  const auto best = best_answers(encoder, data, scores, 1);
  for (std::size_t i = 0; i < best.size(); ++i) {
    scorer.add(best[i].front().text, data.examples[i].answers);
  }
  set_if(metrics, "exact_match", scorer.exact_match());
  set_if(metrics, "f1", scorer.f1());
  set_if(metrics, "loss", mean_loss(scores.loss));
  return metrics;
}

}  // namespace

std::string bits_per_byte_reason(const Encoder& encoder, const EncodedData& data) {
  if (!encoder.subwords && encoder.vocabulary.kind() == text::VocabularyKind::kHashed) {
    return "bits_per_byte is left out: words share hashed buckets, so that the model does not say which "
           "of them comes next.";
  }
  const std::int64_t unknown = unknown_tokens(encoder, data);
  if (unknown == 0) return {};
  return fmt::format("bits_per_byte is left out: {} of {} tokens are unknown to the vocabulary.", unknown,
                     data.tags.size());
}

Json metrics_of(const std::string& task, const Encoder& encoder, const EncodedData& data,
                const Scores& scores) {
  Json metrics = Json::object();
  if (data.size() == 0) return metrics;
  if (encoder.language.end >= 0) return language_metrics(encoder, data, scores);
  if (task == "masked-lm") return masked_metrics(scores);
  if (task == "span-qa") return answer_metrics(encoder, data, scores);
  if (task == "seq2seq") return pair_metrics(data, scores);
  const bool has_intents = encoder.intents.size() > 0 &&
                           std::ranges::any_of(data.examples, [](const text::Example& example) { return !example.label.empty(); });
  const bool has_tags = encoder.tags.size() > 0;
  const bool joint = task == "intent-slot";
  if (has_intents) {
    add_intent_metrics(encoder, data, scores, joint ? "intent_accuracy" : "accuracy", metrics);
  }
  if (has_tags) {
    const std::string name = joint ? "slot" : "entity";
    stats::ChunkScorer scorer;
    std::int64_t exact = 0, frames = 0;
    for (std::int64_t i = 0; i < data.size(); ++i) {
      const auto& gold = data.examples[i].tags;
      if (gold.empty()) continue;
      std::vector<std::string> predicted;
      for (const std::int64_t row : word_rows(encoder, data, i)) {
        predicted.push_back(row < 0 ? "O" : encoder.tags.name(scores.tags[row]));
      }
      scorer.add(gold, predicted);
      const bool intent_right = !has_intents || data.intents[i] == scores.intents[i];
      exact += stats::exact_match(intent_right, gold, predicted) ? 1 : 0;
      ++frames;
    }
    const auto total = scorer.total().scores();
    set_if(metrics, name + "_f1", total.f1);
    set_if(metrics, name + "_precision", total.precision);
    set_if(metrics, name + "_recall", total.recall);
    if (frames > 0) {
      metrics["exact_match"] = static_cast<double>(exact) / static_cast<double>(frames);
    }
  }
  set_if(metrics, "loss", mean_loss(scores.loss));
  return metrics;
}

}  // namespace discreet::app
