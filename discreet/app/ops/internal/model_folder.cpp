#include "discreet/app/ops/internal/model_folder.h"

#include <fmt/format.h>

#include "discreet/app/ops/internal/pretrained_start.h"
#include "discreet/core/files.h"
#include "discreet/nn/pretrained/architecture.h"

namespace discreet::app {
namespace {

Json hugging_face_config(const Settings& settings, const Encoder& encoder) {
  Json config = {{"model_type", "discreet-" + settings.model.kind},
                 {"architectures", {"DiscreetModel"}},
                 {"vocab_size", vocabulary_size(encoder)},
                 {"task", settings.task}};
  Json id2label = Json::object(), label2id = Json::object();
  for (std::int64_t i = 0; i < encoder.intents.size(); ++i) {
    id2label[std::to_string(i)] = encoder.intents.name(i);
    label2id[encoder.intents.name(i)] = i;
  }
  if (encoder.intents.size() > 0) {
    config["id2label"] = id2label;
    config["label2id"] = label2id;
  }
  if (encoder.tags.size() > 0) config["slot_labels"] = encoder.tags.names();
  config["discreet"] = dump_settings(settings);
  if (settings.model.kind == "pretrained") {
    // What is needed to make the model again, and to write it in the layout that it came in.
    config["pretrained"] = formats::to_json(nn::read_source_config(pretrained_folder(settings)));
  }
  return config;
}

std::string readme(const Settings& settings, const Encoder& encoder, const ModelCard& card) {
  std::string text = "---\nlibrary_name: discreet\n---\n\n# Model card\n\n";
  text += fmt::format("A `{}` model for the task `{}`, {} trainable values, trained with `discreet train`.\n",
                      settings.model.kind, settings.task, card.trainable_values);
  text += fmt::format("\nTraining data: `{}`. {} {} in the vocabulary", settings.data.train,
                      vocabulary_size(encoder), encoder.subwords ? "pieces" : "words");
  if (encoder.intents.size() > 0) text += fmt::format(", {} classes", encoder.intents.size());
  if (encoder.tags.size() > 0) text += fmt::format(", {} slot tags", encoder.tags.size());
  text += ".\n\n## Privacy\n\n" + card.statement + "\n";
  if (card.metrics.empty()) return text;
  text += fmt::format("\n## Metrics on the {} data\n\n| metric | value |\n|---|---|\n", card.split);
  for (const auto& [name, value] : card.metrics.items()) {
    text += fmt::format("| {} | {:.4f} |\n", name, value.get<double>());
  }
  return text;
}

}  // namespace

void fill_model_folder(const std::filesystem::path& folder, const Settings& settings,
                       const Encoder& encoder, const ModelCard& card) {
  save_encoder(folder, encoder);
  core::write_file_atomically(folder / "config.json",
                              hugging_face_config(settings, encoder).dump(2) + "\n");
  core::write_file_atomically(folder / "README.md", readme(settings, encoder, card));
}

}  // namespace discreet::app
