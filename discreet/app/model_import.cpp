#include "discreet/app/model_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "discreet/core/error.h"
#include "discreet/formats/mapped_file.h"
#include "discreet/formats/model_import.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

Json write_import(const ModelImportOptions& options, const formats::ImportedModel& model) {
  formats::WeightWriterOptions writer;
  if (options.half) writer.dtype = formats::DType::kF16;
  formats::write_model_folder(options.out, model, writer);
  std::int64_t parameters = 0;
  for (const auto& weight : model.weights) {
    std::int64_t values = 1;
    for (const std::int64_t size : weight.shape) values *= size;
    parameters += values;
  }
  std::vector<std::string> files;
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(options.out)) {
    files.push_back(entry.path().filename().string());
    bytes += entry.file_size();
  }
  std::sort(files.begin(), files.end());
  return {{"schema", "discreet.model.import/1"},
          {"source", options.from},
          {"form", model.form},
          {"model_type", std::string(formats::model_type_name(model.config.form))},
          {"out", options.out},
          {"dtype", options.half ? "float16" : "float32"},
          {"tensors", model.weights.size()},
          {"parameters", parameters},
          {"bytes", bytes},
          {"files", files}};
}

}  // namespace

Json import_model(const ModelImportOptions& options) {
  if (fs::exists(options.out) && !options.force) {
    throw usage_error(fmt::format("{}: exists already", options.out),
                      "Name another folder, or replace it with --force.");
  }
  if (fs::is_directory(options.from) || !fs::exists(options.from)) {
    throw usage_error(fmt::format("{}: is no file", options.from),
                      "Name a .gguf file or a checkpoint of llama2.c. A folder of the Hugging Face layout needs no import: "
                      "--model and model.path take it as it is.");
  }
  const formats::MappedFile source(options.from);
  const auto bytes = source.bytes();
  if (bytes.size() >= 4 && std::memcmp(bytes.data(), "GGUF", 4) == 0) {
    if (!options.tokenizer.empty()) {
      throw usage_error("a GGUF file has its own tokenizer", "Leave --tokenizer out.");
    }
    const formats::GgufFile file(options.from, bytes);
    return write_import(options, formats::import_gguf(file));
  }
  if (options.tokenizer.empty()) {
    throw usage_error(fmt::format("{}: is no GGUF file", options.from),
                      "A checkpoint of llama2.c needs its tokenizer: --tokenizer FILE.");
  }
  const formats::MappedFile tokenizer(options.tokenizer);
  return write_import(
      options, formats::import_llama2c(options.from, bytes, options.tokenizer, tokenizer.bytes()));
}

}  // namespace discreet::app
