#include "discreet/app/ops/internal/classifier.h"

#include <fmt/format.h>

#include "discreet/app/data_sets.h"
#include "discreet/app/subwords.h"
#include "discreet/core/error.h"
#include "discreet/core/run_dir.h"
#include "discreet/nn/pretrained/model.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

RunModel folder_model(const fs::path& folder) {
  const auto model = nn::open_pretrained(folder);
  if (model->head().head != nn::PretrainedHead::kSequence) {
    throw usage_error(folder.string() + ": " + model->head().class_name + " classifies no texts",
                      "Name a folder of a sequence classifier, or a run of task text-classification.");
  }
  if (model->source().config.labels.size() < 2) {
    throw usage_error(folder.string() + ": its head has one output, which is no class", "Name a classifier of two classes or more.");
  }
  const std::string& problem = model->source().config.problem_type;
  if (problem == "multi_label_classification" || problem == "regression") {
    throw usage_error(fmt::format("{}: a model of problem_type {} gives no one class", folder.string(), problem),
                      "Score its texts elsewhere, and give the scores to `fairness groups --input`.");
  }
  RunModel opened;
  opened.settings.task = "text-classification";
  opened.settings.model.kind = "pretrained";
  opened.settings.model.path = folder.string();
  opened.settings.data.tokenizer = "subword";
  opened.encoder.tokenizer = text::make_tokenizer("word", {.lowercase = false});
  opened.encoder.subwords = Subwords::load(folder);
  opened.encoder.intents = text::LabelSet(model->source().config.labels, false);
  opened.encoder.task = "text-classification";
  opened.encoder.lengths.longest = model->source().form.longest;
  opened.model = model;
  return opened;
}

}  // namespace

fs::path named_model(const fs::path& path) {
  if (core::RunDir::is_run(path) || fs::exists(path / "config.json")) return path;
  const fs::path beside = data_cache() / path;
  if (path.is_relative() && fs::exists(beside / "config.json")) return beside;
  throw usage_error(path.string() + ": is neither a run nor a folder of a model", "A run has config.toml, a model config.json.");
}

Classifier open_classifier(const fs::path& path) {
  if (core::RunDir::is_run(path)) return {open_run_model(path), core::describe_input("model", path / "model"), true};
  const fs::path folder = named_model(path);
  return {folder_model(folder), core::describe_input("model", folder), false};
}

void write_classifier_finding(const Json& request, const fs::path& path, bool of_run, Json& document) {
  if (!of_run) document["model"] = path.string();
  write_model_finding(request, of_run ? path : fs::path(), document);
}

}  // namespace discreet::app
