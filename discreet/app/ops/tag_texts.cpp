#include <memory>

#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/stats/chunks.h"
#include "discreet/text/tokenizer.h"

namespace discreet {
namespace app {
namespace {

/// Request: run (of a task with tags), texts. Returns {"entities": [[{"begin", "end", "type"}, …], …]} in bytes of each
/// text. The run of the last call stays open: a stream of texts comes in many calls.
Json tag_given_texts(const Json& request, core::OperationContext&) {
  static std::string opened_path;
  static std::unique_ptr<RunModel> opened;
  const auto path = request.at("run").get<std::string>();
  if (!opened || opened_path != path) {
    opened = std::make_unique<RunModel>(open_run_model(path));
    opened_path = path;
    if (opened->encoder.tags.size() == 0) {
      throw usage_error(path + ": the run's task has no tags", "Train a tagger: recipes/private-details.toml.");
    }
  }
  const RunModel& run = *opened;
  Json entities = Json::array();
  std::vector<text::Example> examples;
  std::vector<std::vector<text::Token>> tokens;
  std::vector<std::size_t> places;
  for (const Json& text : request.at("texts")) {
    entities.push_back(Json::array());
    std::vector<text::Token> words = run.encoder.tokenizer->tokenize(text.get<std::string>());
    if (words.empty()) continue;
    text::Example example;
    for (const text::Token& word : words) example.words.push_back(word.text);
    example.text = text.get<std::string>();
    places.push_back(entities.size() - 1);
    examples.push_back(std::move(example));
    tokens.push_back(std::move(words));
  }
  if (examples.empty()) return {{"entities", entities}};
  const EncodedData data = encode(run.encoder, std::move(examples));
  const Scores scores = score(*run.model, data);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::vector<std::string> tags;
    for (const std::int64_t row : word_rows(run.encoder, data, static_cast<std::int64_t>(i))) {
      tags.push_back(row < 0 ? "O" : run.encoder.tags.name(scores.tags[row]));
    }
    for (const stats::Chunk& chunk : stats::chunks(tags)) {
      entities[places[i]].push_back({{"begin", tokens[i][chunk.first].begin}, {"end", tokens[i][chunk.last].end}, {"type", chunk.type}});
    }
  }
  return {{"entities", entities}};
}

}  // namespace
}  // namespace app

void register_operation_tag_texts(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "tag-texts",
                .summary = "Where a run's tagger finds entities in raw texts",
                .make = core::Operation(&app::tag_given_texts)});
}

}  // namespace discreet
