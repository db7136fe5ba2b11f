#include <algorithm>

#include <fmt/format.h>

#include "discreet/app/ops/internal/lineage.h"
#include "discreet/app/ops/internal/pretrained_start.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/encoder_decoder.h"
#include "discreet/nn/model.h"
#include "discreet/nn/pretrained/adapter.h"
#include "discreet/nn/pretrained/model.h"
#include "discreet/nn/pretrained/sequence.h"
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
  const bool plain = !m.norm_inputs && !m.skip && m.context == 0 && m.tag_hidden.empty() && !m.tag_sentence &&
                     m.tag_layer == 0 && !m.tag_parts && !m.random_field;
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
  if (head.head == nn::PretrainedHead::kSequence) config.labels = run.encoder.intents.names();
  if (head.head == nn::PretrainedHead::kTokens) config.labels = run.encoder.tags.names();
  return config;
}

void copy_companions(const std::vector<fs::path>& from, const fs::path& out) {
  for (const char* name : kCompanions) {
    for (const fs::path& folder : from) {
      if (!fs::exists(folder / name) || fs::exists(out / name)) continue;
      fs::copy_file(folder / name, out / name);
    }
  }
}

formats::WeightWriterOptions writer_options(const Json& request) {
  formats::WeightWriterOptions options;
  if (request.value("half", false)) options.dtype = formats::DType::kF16;
  options.max_file_bytes = request.value("shard_bytes", options.max_file_bytes);
  return options;
}

/// Heads that the library's classes have no place for go beside the model, under their own names.
void write_heads(const RunModel& run, const nn::PretrainedSource& source, const fs::path& out) {
  const nn::NamedTensors heads = nn::weights_of_heads(*run.model, source);
  if (heads.empty()) return;
  nn::write_tensors(out / "heads.safetensors", heads);
  const Json labels = {{"intents", run.encoder.intents.names()},
                       {"slots", run.encoder.tags.names()},
                       {"pooling", run.settings.model.pooling}};
  core::write_file_atomically(out / "heads.json", labels.dump(2) + "\n");
}

/// What is written: the folder, or its adapter alone. Returns the class's name.
std::string write_run(const RunModel& run, const fs::path& folder, const Json& request,
                      const fs::path& out) {
  const auto options = writer_options(request);
  const bool adapter = request.value("adapter", false);
  const std::string base = request.value("base", run.settings.model.path);
  if (const auto* pairs = dynamic_cast<const nn::EncoderDecoder*>(run.model.get()); pairs != nullptr) {
    const nn::PretrainedSource source = nn::sequence_source(nn::read_source_config(folder / "model"));
    const nn::HeadForm& head = source.architecture.heads.front();
    if (adapter) {
      nn::write_adapter(out, *pairs, source, head, base);
    } else {
      nn::save_pretrained_sequence(out, *pairs, source.config, options);
    }
    return head.class_name;
  }
  const nn::PretrainedSource source = nn::open_source(folder / "model");
  const nn::HeadForm head = nn::head_of(source.architecture, head_of_run(run.settings),
                                        formats::model_type_name(source.config.form));
  if (adapter) {
    nn::write_adapter(out, *run.model, source, head, base);
    return head.class_name;
  }
  fs::create_directories(out);
  if (head.head == nn::PretrainedHead::kNone) write_heads(run, source, out);
  formats::PretrainedConfig config = config_of(run, source, head);
  config.dtype = nn::dtype_word(options.dtype);
  core::write_file_atomically(out / "config.json", formats::to_json(config).dump(2) + "\n");
  nn::write_weight_files(out, nn::weights_for_file(*run.model, source, head), options);
  return head.class_name;
}

/// A model of a folder, written again: checked, in float32 or float16, in one file or several.
std::string write_folder(const fs::path& folder, const Json& request, const fs::path& out) {
  if (request.value("adapter", false)) {
    throw usage_error("--adapter: " + folder.string() + " is a folder of a model, not a run");
  }
  const auto options = writer_options(request);
  const formats::PretrainedConfig config = nn::read_source_config(folder);
  if (nn::goes_from_text_to_text(config)) {
    const nn::PretrainedSequence opened = nn::open_pretrained_sequence(folder);
    nn::save_pretrained_sequence(out, *opened.model, opened.config, options);
    return nn::sequence_source(config).architecture.heads.front().class_name;
  }
  nn::LoadedWeights loaded{.wants_beside = true};
  const auto opened = nn::open_pretrained(folder, &loaded);
  nn::save_pretrained(out, *opened, options, loaded.beside);
  return opened->head().class_name;
}

Json files_of(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

Json export_model(const Json& request, core::OperationContext&) {
  const fs::path folder = request.at("run").get<std::string>(), out = request.at("out").get<std::string>();
  if (fs::exists(out) && fs::equivalent(folder, out)) {
    throw usage_error(out.string() + ": is the model itself", "Choose another --out.");
  }
  if (fs::exists(out) && !fs::is_empty(out) && !request.value("force", false)) {
    throw usage_error(out.string() + ": is there already and not empty", "Choose another --out, or give --force.");
  }
  const bool of_run = core::RunDir::is_run(folder);
  if (!of_run && !fs::exists(folder / "config.json")) {
    throw usage_error(folder.string() + ": is neither a run nor a folder of a model",
                      "A run has config.toml, a model config.json.");
  }
  std::string class_name, model_type;
  // Into an empty folder first, so that a failure leaves nothing half.
  core::write_folder_atomically(out, [&](const fs::path& inside) {
    if (!of_run) {
      class_name = write_folder(folder, request, inside);
      copy_companions({folder}, inside);
      if (fs::exists(folder / kOriginFile)) fs::copy_file(folder / kOriginFile, inside / kOriginFile);
      model_type = formats::model_type_name(nn::read_source_config(folder).form);
      return;
    }
    const RunModel run = open_run_model(folder);
    if (run.settings.model.kind != "pretrained") {
      throw usage_error(fmt::format("{}: a model of kind '{}' has no form in the Hugging Face layout",
                                    folder.string(), run.settings.model.kind),
                        "Runs with model.kind = \"pretrained\" can be exported; RUN/model holds the weights of others.");
    }
    class_name = write_run(run, folder, request, inside);
    write_origin(folder, inside);
    if (!request.value("adapter", false)) {
      copy_companions({folder / "model", pretrained_folder(run.settings)}, inside);
    }
    model_type = formats::model_type_name(nn::read_source_config(folder / "model").form);
  });
  return {{"schema", "discreet.model.export/1"},
          {of_run ? "run" : "model", folder.string()},
          {"out", out.string()},
          {"model_type", model_type},
          {"architecture", class_name},
          {"files", files_of(out)}};
}

}  // namespace
}  // namespace app

void register_operation_model_export(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "model-export",
                .summary = "Writes a model in the Hugging Face layout, or a run's adapter in PEFT's",
                .make = core::Operation(&app::export_model)});
}

}  // namespace discreet
