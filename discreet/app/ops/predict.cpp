#include <cmath>
#include <fstream>
#include <iostream>

#include <fmt/format.h>

#include "discreet/app/ops/run_model.h"
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
};

PredictLine parse_line(const std::string& line, const std::string& origin, const Encoder& encoder) {
  const Json request = core::parse_json(line, origin);
  PredictLine parsed;
  if (request.contains("words") && request["words"].is_array()) {
    for (const Json& word : request["words"]) {
      if (!word.is_string()) throw bad_data(origin + ": \"words\" holds something else than strings");
      parsed.example.words.push_back(encoder.tokenizer->normalize(word.get<std::string>()));
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

Json answer(const PredictLine& line, const Encoder& encoder, const Scores& scores, std::size_t row,
            std::span<const std::int64_t> tags) {
  Json result = Json::object();
  if (encoder.language.end >= 0) {
    return {{"tokens", line.example.words.size()},
            {"loss", scores.loss[row]},
            {"perplexity", std::exp(scores.loss[row])}};
  }
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
  std::vector<std::string> names;
  for (const std::int64_t tag : tags) names.push_back(encoder.tags.name(tag));
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
  std::vector<text::Example> examples;
  for (const PredictLine& line : lines) examples.push_back(line.example);
  const EncodedData data = encode(run.encoder, std::move(examples));
  const Scores scores = score(*run.model, data);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::span<const std::int64_t> tags(scores.tags);
    if (!tags.empty()) {
      tags = tags.subspan(data.offsets[i], data.offsets[i + 1] - data.offsets[i]);
    }
    context.emit(answer(lines[i], run.encoder, scores, i, tags));
  }
  lines.clear();
}

Json predict(const Json& request, core::OperationContext& context) {
  const RunModel run = open_run_model(request.at("run").get<std::string>());
  const std::string input = request.value("input", "");
  std::ifstream file;
  if (!input.empty()) {
    file.open(input);
    if (!file) throw bad_data(input + ": cannot be read", "Check --input.");
  }
  std::istream& in = input.empty() ? std::cin : file;
  std::vector<PredictLine> lines;
  std::string line;
  std::int64_t number = 0;
  while (!context.stopping() && std::getline(in, line)) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string origin = fmt::format("{}:{}", input.empty() ? "standard input" : input, number);
    lines.push_back(parse_line(line, origin, run.encoder));
    // A person at a terminal or a program at a pipe waits for each answer.
    if (lines.size() == kLinesPerBatch || in.rdbuf()->in_avail() <= 0) emit_batch(lines, run, context);
  }
  if (!lines.empty()) emit_batch(lines, run, context);
  return {{"schema", "discreet.predict/1"}, {"n", number}};
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
