#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/app/ops/internal/text_writer.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace app {
namespace {

Json evaluate_run(const Json& request, core::OperationContext&) {
  const std::string path = request.at("run").get<std::string>();
  const RunModel run = open_run_model(path, request.value("device", "cpu"));
  std::string source = request.value("data", "");
  std::string split = "given";
  text::Split part = text::Split::kTest;
  if (source.empty() && !run.settings.data.test.empty()) {
    source = run.settings.data.test;
    split = "test";
  } else if (source.empty()) {
    source = run.settings.data.dev;
    split = "dev";
    part = text::Split::kDev;
  }
  if (source.empty()) {
    throw usage_error(path + ": the run names neither data.test nor data.dev", "Name data with --data.");
  }
  const EncodedData data = load_examples(run.settings, run.encoder, source, part);
  Scores scores = score(*run.model, data);
  if (run.encoder.task == "seq2seq") scores.texts = write_targets(run.model, run.encoder, data);
  const Json metrics = metrics_of(run.settings.task, run.encoder, data, scores);
  if (metrics.size() <= 1) {
    throw bad_data(source + ": there are no labels in it that task \"" + run.settings.task + "\" could use");
  }
  Json document = {{"schema", "discreet.eval/1"}, {"run", path},        {"data", source},
                   {"split", split},              {"metrics", metrics}, {"n", data.examples.size()}};
  document["caveats"] = Json::array();
  if (run.encoder.language.end >= 0) {
    const std::string reason = bits_per_byte_reason(run.encoder, data);
    if (!reason.empty()) document["caveats"].push_back(reason);
  }
  if (const std::string note = cut_note(data, "given"); !note.empty()) document["caveats"].push_back(note);
  const bool labelled = run.encoder.intents.size() > 0 || run.encoder.tags.size() > 0;
  std::ptrdiff_t unlabelled = 0;
  if (run.encoder.intents.size() > 0) {
    unlabelled = std::ranges::count_if(data.examples, [](const text::Example& example) { return example.label.empty(); });
    if (unlabelled > 0) {
      document["caveats"].push_back(fmt::format("{} of {} examples have no label and enter no figure of classes.", unlabelled, data.size()));
    }
  }
  const auto unknown = std::ranges::count_if(scores.loss, [](double loss) { return std::isnan(loss); }) - unlabelled;
  if (unknown > 0 && labelled) {
    document["caveats"].push_back(
        fmt::format("{} of {} examples have a label that training never saw: it counts as missed, and "
                    "the loss is that of the others.",
                    unknown, data.size()));
  }
  return document;
}

}  // namespace
}  // namespace app

void register_operation_eval(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "eval",
                .summary = "Metrics of a run's model on labelled data",
                .make = core::Operation(&app::evaluate_run)});
}

}  // namespace discreet
