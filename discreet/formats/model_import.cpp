#include "discreet/formats/model_import.h"

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"

namespace discreet::formats {
namespace {
namespace fs = std::filesystem;

void write_json_file(const fs::path& file, const Json& json, int indent) {
  std::string text;
  try {
    text = json.dump(indent) + "\n";
  } catch (const Json::exception&) {
    throw bad_data(fmt::format("{}: a text of the model is not UTF-8", file.filename().string()));
  }
  core::write_file_atomically(file, text);
}

}  // namespace

void write_model_folder(const fs::path& folder, const ImportedModel& model,
                        const WeightWriterOptions& options) {
  core::write_folder_atomically(folder, [&](const fs::path& inside) {
    PretrainedConfig config = model.config;
    config.dtype = options.dtype == DType::kF16    ? "float16"
                   : options.dtype == DType::kBF16 ? "bfloat16"
                                                   : "float32";
    // Small files first: what is wrong with the model's texts shows before gigabytes are written.
    write_json_file(inside / "config.json", to_json(config), 2);
    write_json_file(inside / "generation_config.json", to_json(model.generation), 2);
    write_json_file(inside / "tokenizer.json", model.tokenizer, -1);
    write_json_file(inside / "tokenizer_config.json", model.tokenizer_config, 2);
    write_weights(inside, model.weights, options);
  });
}

}  // namespace discreet::formats
