#include "discreet/app/ops/internal/pretrained_start.h"


#include "discreet/app/data_sets.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/nn/model.h"
#include "discreet/nn/pretrained/adapter.h"
#include "discreet/nn/pretrained/architecture.h"
#include "discreet/nn/pretrained/sequence.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

constexpr const char* kAdapterFile = "adapter.json";

bool is_pretrained(const Settings& settings) { return settings.model.kind == "pretrained"; }

nn::PretrainedSource source_of(const fs::path& folder) {
  const formats::PretrainedConfig config = nn::read_source_config(folder);
  return nn::goes_from_text_to_text(config) ? nn::sequence_source(config) : nn::open_source(folder);
}

}  // namespace

fs::path pretrained_folder(const Settings& settings) {
  if (settings.model.path.empty()) return {};
  return resolve_data(settings.model.path, text::Split::kTrain).path;
}

void start_weights(const Settings& settings, nn::Model& model) {
  if (!is_pretrained(settings)) return;
  const fs::path folder = pretrained_folder(settings);
  if (auto* pairs = dynamic_cast<nn::EncoderDecoder*>(&model); pairs != nullptr) {
    nn::load_sequence_weights(*pairs, nn::read_source_config(folder), folder);
    return;
  }
  const nn::PretrainedSource source = nn::open_source(folder);
  nn::load_weights(model, source, folder,
                   {.fresh_heads = true, .keep = {"intent_head.*", "slot_head.*", "span_head.*"}});
  // Heads that came with the adapter go before those of the folder.
  if (settings.model.adapter.empty()) return;
  nn::put_adapter_heads(model, nn::read_adapter(settings.model.adapter, source));
}

void start_adapter(const Settings& settings, const fs::path& form, nn::Model& model) {
  if (!is_pretrained(settings) || settings.model.adapter.empty()) return;
  const fs::path layout = form / kAdapterFile;
  if (fs::exists(layout)) {
    nn::make_adapter_layers(model, core::parse_json(core::read_file(layout), layout.string()));
    return;
  }
  nn::put_adapter(model, nn::read_adapter(settings.model.adapter, source_of(form)));
}

void save_start(const fs::path& folder, const Settings& settings, const nn::Model& model) {
  if (!is_pretrained(settings) || settings.model.adapter.empty()) return;
  core::write_file_atomically(folder / kAdapterFile, nn::adapter_layout(model).dump(2) + "\n");
}

}  // namespace discreet::app
