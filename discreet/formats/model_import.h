#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/formats/generation_config.h"
#include "discreet/formats/gguf.h"
#include "discreet/formats/pretrained_config.h"
#include "discreet/formats/weight_folder.h"

namespace discreet::formats {

/// A model of another format, as a folder of the Hugging Face layout will hold it. The weights are
/// read from the source when they are written: it must live as long.
struct ImportedModel {
  std::string form;  ///< "gguf" or "llama2.c"
  PretrainedConfig config;
  GenerationConfig generation;
  std::vector<WeightToWrite> weights;  ///< Under transformers' names.
  Json tokenizer;                      ///< tokenizer.json
  Json tokenizer_config;               ///< tokenizer_config.json
};

/// Architectures llama (rotary rows put back into transformers' order) and gpt2, with a tokenizer
/// of the kinds gpt2 (byte-level BPE) and llama (SentencePiece BPE). What a file asks for and we
/// lack is refused with the name of its key or tensor: another architecture, a key of the
/// architecture that is not known, experts, other rotary scalings, another splitting rule
/// (tokenizer.ggml.pre). Throws: kBadData naming the file.
ImportedModel import_gguf(const GgufFile& file);

/// llama2.c's first form: a checkpoint in float32 and its tokenizer.bin. `checkpoint` must outlive
/// the result. Throws: kBadData naming the file: sizes that do not fit the file's, later versions.
ImportedModel import_llama2c(const std::string& checkpoint_name,
                             std::span<const std::byte> checkpoint,
                             const std::string& tokenizer_name,
                             std::span<const std::byte> tokenizer);

/// config.json, generation_config.json, the weights, tokenizer.json and tokenizer_config.json; the
/// folder appears whole or not at all. Throws: kRuntime; kBadData as write_weights.
void write_model_folder(const std::filesystem::path& folder, const ImportedModel& model,
                        const WeightWriterOptions& options = {});

}  // namespace discreet::formats
