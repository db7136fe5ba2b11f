#include <cmath>

#include "discreet/app/internal/request_lines.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/app/span_answers.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/stats/chunks.h"

namespace discreet {
namespace app {
namespace {

constexpr std::size_t kLinesPerBatch = 64;

/// A request line with where each token stands in its text, if it came as text.
struct PredictLine {
  text::Example example;
  std::vector<text::Token> places;
  Json id;  ///< Of a question, given back with its answer; null if it had none.
};

/// {"question", "context"} and, if the caller wants it back, "id".
PredictLine parse_question(const Json& request, const std::string& origin) {
  PredictLine parsed;
  for (const auto& [key, member] : {std::pair{"question", &parsed.example.question},
                                    {"context", &parsed.example.text}}) {
    if (!request.is_object() || !request.contains(key) || !request[key].is_string()) {
      throw bad_data(origin + ": expected {\"question\":\"…\",\"context\":\"…\"}");
    }
    *member = request[key].get<std::string>();
  }
  parsed.id = request.value("id", Json());
  return parsed;
}

PredictLine parse_line(const std::string& line, const std::string& origin, const Encoder& encoder) {
  const Json request = core::parse_json(line, origin);
  if (encoder.task == "span-qa") return parse_question(request, origin);
  PredictLine parsed;
  if (request.contains("words") && request["words"].is_array()) {
    for (const Json& word : request["words"]) {
      if (!word.is_string()) throw bad_data(origin + ": \"words\" holds something else than strings");
      parsed.example.words.push_back(encoder.tokenizer->normalize(word.get<std::string>()));
    }
    // What a model of subwords reads is the text; the tagger reads words.
    if (encoder.task == "language-model" || encoder.task == "masked-lm") {
      for (const Json& word : request["words"]) parsed.example.text += (parsed.example.text.empty() ? "" : " ") + word.get<std::string>();
    }
  } else if (request.contains("text") && request["text"].is_string()) {
    parsed.example.text = request["text"].get<std::string>();
    parsed.places = encoder.tokenizer->tokenize(parsed.example.text);
    for (const text::Token& token : parsed.places) parsed.example.words.push_back(token.text);
  } else {
    throw bad_data(origin + ": expected {\"text\":\"…\"} or {\"words\":[…]}");
  }
  return parsed;
}

constexpr std::size_t kAnswers = 5;

/// The best answer, and what else it could be.
Json span_answer(const PredictLine& line, const std::vector<SpanAnswer>& best) {
  const auto described = [](const SpanAnswer& answer) {
    Json found = {{"answer", answer.text}, {"score", answer.score}, {"probability", answer.probability}};
    if (answer.begin >= 0) {
      found["begin"] = answer.begin;
      found["end"] = answer.end;
    }
    return found;
  };
  Json result = described(best.front());
  if (!line.id.is_null()) result["id"] = line.id;
  result["question"] = line.example.question;
  result["n_best"] = Json::array();
  for (const SpanAnswer& answer : best) result["n_best"].push_back(described(answer));
  return result;
}

bool reads_text_alone(const Encoder& encoder) { return encoder.task == "masked-lm" || encoder.language.end >= 0; }

/// How likely a language model finds one line, by all rows that it became: a long one may be several blocks, an
/// empty one none.
Json likelihood_of(const Encoder& encoder, const EncodedData& data, const Scores& scores) {
  const bool masked = encoder.task == "masked-lm";
  std::int64_t tokens = 0, correct = 0;
  double nats = 0;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const std::int64_t own = masked ? scores.told[i] : data.offsets[i + 1] - data.offsets[i];
    if (own > 0) nats += scores.loss[i] * static_cast<double>(own);
    tokens += own;
    if (masked) correct += scores.correct[i];
  }
  Json result = Json::object();
  result[masked ? "told" : "tokens"] = tokens;
  if (masked) result["correct"] = correct;
  result["loss"] = tokens > 0 ? Json(nats / static_cast<double>(tokens)) : Json();
  result["perplexity"] = tokens > 0 ? Json(std::exp(nats / static_cast<double>(tokens))) : Json();
  return result;
}

Json answer(const PredictLine& line, const Encoder& encoder, const Scores& scores, std::size_t row,
            std::span<const std::string> tags) {
  Json result = Json::object();
  if (!scores.intents.empty()) {
    result["intent"] = encoder.intents.name(scores.intents[row]);
    const auto classes = static_cast<std::size_t>(encoder.intents.size());
    Json probabilities = Json::object();
    for (std::size_t c = 0; c < classes; ++c) {
      probabilities[encoder.intents.name(static_cast<std::int64_t>(c))] =
          scores.intent_probabilities[row * classes + c];
    }
    result["probabilities"] = probabilities;
  }
  if (encoder.tags.size() == 0) return result;
  const std::vector<std::string> names(tags.begin(), tags.end());
  result["words"] = line.example.words;
  result["slots"] = names;
  result["entities"] = Json::array();
  for (const stats::Chunk& chunk : stats::chunks(names)) {
    Json entity = {{"type", chunk.type}, {"first", chunk.first}, {"last", chunk.last}};
    if (line.places.empty()) {
      std::string value;
      for (std::size_t i = chunk.first; i <= chunk.last; ++i) {
        value += (i > chunk.first ? " " : "") + line.example.words[i];
      }
      entity["text"] = value;
    } else {
      const std::size_t begin = line.places[chunk.first].begin, end = line.places[chunk.last].end;
      entity["text"] = line.example.text.substr(begin, end - begin);
      entity["begin"] = begin;
      entity["end"] = end;
    }
    result["entities"].push_back(entity);
  }
  return result;
}

void emit_batch(std::vector<PredictLine>& lines, const RunModel& run, core::OperationContext& context) {
  if (reads_text_alone(run.encoder)) {
    for (const PredictLine& line : lines) {
      const EncodedData data = encode(run.encoder, {line.example});
      context.emit(likelihood_of(run.encoder, data, data.size() > 0 ? score(*run.model, data) : Scores{}));
    }
    lines.clear();
    return;
  }
  std::vector<text::Example> examples;
  for (const PredictLine& line : lines) examples.push_back(line.example);
  const EncodedData data = encode(run.encoder, std::move(examples));
  const Scores scores = score(*run.model, data);
  if (run.encoder.task == "span-qa") {
    const auto best = best_answers(run.encoder, data, scores, kAnswers);
    for (std::size_t i = 0; i < lines.size(); ++i) context.emit(span_answer(lines[i], best[i]));
    lines.clear();
    return;
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto n = static_cast<std::int64_t>(i);
    std::vector<std::string> tags;
    for (const std::int64_t word : scores.tags.empty() ? std::vector<std::int64_t>()
                                                      : word_rows(run.encoder, data, n)) {
      tags.push_back(word < 0 ? "O" : run.encoder.tags.name(scores.tags[word]));
    }
    context.emit(answer(lines[i], run.encoder, scores, i, tags));
  }
  lines.clear();
}

/// A text for a text: the most likely tokens, by the operation that has more choices.
Json predict_texts(const Json& request, core::OperationContext& context) {
  core::OperationContext told = context;
  told.emit = [&](const Json& line) {
    context.emit({{"text", line.at("text")}, {"log_prob", line.at("log_prob")}});
  };
  const auto generate = core::registry().make<core::Operation>("operation", "generate");
  const Json done = generate(
      {{"run", request.at("run")}, {"input", request.value("input", "")}, {"device", request.value("device", "cpu")}}, told);
  return {{"schema", "discreet.predict/1"}, {"n", done.at("n")}};
}

Json predict(const Json& request, core::OperationContext& context) {
  const RunModel run = open_run_model(request.at("run").get<std::string>(), request.value("device", "cpu"));
  if (run.encoder.task == "seq2seq") return predict_texts(request, context);
  internal::RequestLines input(request);
  std::vector<PredictLine> lines;
  std::string line;
  while (input.next(line, context)) {
    lines.push_back(parse_line(line, input.origin(), run.encoder));
    if (lines.size() == kLinesPerBatch || input.awaited()) emit_batch(lines, run, context);
  }
  if (!lines.empty()) emit_batch(lines, run, context);
  return {{"schema", "discreet.predict/1"}, {"n", input.count()}};
}

}  // namespace
}  // namespace app

void register_operation_predict(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "predict",
                .summary = "Intents and slots of JSON lines, or how likely a language model finds them",
                .make = core::Operation(&app::predict)});
}

}  // namespace discreet
