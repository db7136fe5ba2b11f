#include <fmt/format.h>

#include "discreet/app/ops/internal/pretrained_start.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/model.h"
#include "discreet/nn/pretrained/adapter.h"
#include "discreet/nn/pretrained/weights.h"

namespace discreet {
namespace app {
namespace {
namespace fs = std::filesystem;

/// What goes along as it is.
constexpr const char* kCompanions[] = {"tokenizer.json",   "tokenizer_config.json", "special_tokens_map.json",
                                       "added_tokens.json", "vocab.txt",            "vocab.json",
                                       "merges.txt",        "spiece.model",         "tokenizer.model",
                                       "sentencepiece.bpe.model", "generation_config.json"};

/// The head of the form that computes what the run's model does; the bare model where none does.
nn::PretrainedHead head_of_run(const Settings& settings) {
  const ModelOptions& m = settings.model;
  // What the library's classes do not have between the last layer and the head.
  const bool plain = !m.norm_inputs && m.context == 0 && m.tag_hidden.empty() && !m.tag_sentence;
  if (settings.task == "language-model") return nn::PretrainedHead::kNextToken;
  if (settings.task == "masked-lm") return nn::PretrainedHead::kMaskedTokens;
  if (settings.task == "text-classification" && plain && m.pooling.empty()) return nn::PretrainedHead::kSequence;
  if (settings.task == "tagging" && plain) return nn::PretrainedHead::kTokens;
  if (settings.task == "span-qa" && plain) return nn::PretrainedHead::kSpan;
  return nn::PretrainedHead::kNone;
}

formats::PretrainedConfig config_of(const RunModel& run, const nn::PretrainedSource& source,
                                    const nn::HeadForm& head) {
  formats::PretrainedConfig config = source.config;
  config.architectures = {head.class_name};
  config.dtype = "float32";
  if (head.head == nn::PretrainedHead::kSequence) config.labels = run.encoder.intents.names();
  if (head.head == nn::PretrainedHead::kTokens) config.labels = run.encoder.tags.names();
  return config;
}

void copy_companions(const RunModel& run, const fs::path& run_folder, const fs::path& out) {
  for (const char* name : kCompanions) {
    for (const fs::path& folder : {run_folder / "model", pretrained_folder(run.settings)}) {
      if (!fs::exists(folder / name) || fs::exists(out / name)) continue;
      fs::copy_file(folder / name, out / name);
    }
  }
}

Json export_run(const Json& request, core::OperationContext&) {
  const fs::path folder = request.at("run").get<std::string>(), out = request.at("out").get<std::string>();
  const RunModel run = open_run_model(folder);
  if (run.settings.model.kind != "pretrained") {
    throw usage_error(fmt::format("{}: a model of kind '{}' has no form in the Hugging Face layout",
                                  folder.string(), run.settings.model.kind),
                      "Runs with model.kind = \"pretrained\" can be exported; RUN/model holds the weights of others.");
  }
  if (fs::exists(out) && !fs::is_empty(out) && !request.value("force", false)) {
    throw usage_error(out.string() + ": is there already and not empty", "Choose another --out, or give --force.");
  }
  const nn::PretrainedSource source = nn::open_source(folder / "model");
  const nn::HeadForm head = nn::head_of(source.architecture, head_of_run(run.settings),
                                        formats::model_type_name(source.config.form));
  Json document = {{"schema", "discreet.model.export/1"}, {"run", folder.string()}, {"out", out.string()},
                   {"model_type", formats::model_type_name(source.config.form)},
                   {"architecture", head.class_name}};
  if (request.value("adapter", false)) {
    nn::write_adapter(out, *run.model, source, head,
                      request.value("base", run.settings.model.path));
    document["files"] = {"adapter_config.json", "adapter_model.safetensors"};
    return document;
  }
  fs::create_directories(out);
  Json files = {"config.json", "model.safetensors"};
  const nn::NamedTensors weights = nn::weights_for_file(*run.model, source, head);
  if (head.head == nn::PretrainedHead::kNone) {
    // The library's classes have no such model: heads go beside it, under their own names.
    const nn::NamedTensors heads = nn::weights_of_heads(*run.model, source);
    if (!heads.empty()) {
      nn::write_tensors(out / "heads.safetensors", heads);
      const Json labels = {{"intents", run.encoder.intents.names()},
                           {"slots", run.encoder.tags.names()},
                           {"pooling", run.settings.model.pooling}};
      core::write_file_atomically(out / "heads.json", labels.dump(2) + "\n");
      files.push_back("heads.json");
      files.push_back("heads.safetensors");
    }
  }
  core::write_file_atomically(out / "config.json",
                              formats::to_json(config_of(run, source, head)).dump(2) + "\n");
  nn::write_weights(out / "model.safetensors", weights);
  copy_companions(run, folder, out);
  document["files"] = files;
  return document;
}

}  // namespace
}  // namespace app

void register_operation_model_export(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "model-export",
                .summary = "Writes the model of a run in the Hugging Face layout, or its adapter in PEFT's",
                .make = core::Operation(&app::export_run)});
}

}  // namespace discreet
