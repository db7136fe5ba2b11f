// BART and T5 of the Hugging Face layout: logits, ids and what is written back, against transformers'
// (tools/golden/models.py; tiny/bart of DISCREET_DATA).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/json.h"
#include "discreet/formats/safetensors.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/pretrained/sequence.h"
#include "discreet/nn/sequence_decoder.h"
#include "tests/core/temporary_folder.h"
#include "tests/nn/support.h"

namespace discreet::nn::test {
namespace {
namespace fs = std::filesystem;

std::vector<std::int64_t> golden_integers(const formats::SafetensorsFile& file, const std::string& name) {
  const formats::TensorView& view = file.at(name);
  const auto* values = reinterpret_cast<const std::int64_t*>(view.bytes.data());
  std::vector<std::int64_t> out(view.bytes.size() / sizeof(std::int64_t));
  std::memcpy(out.data(), values, view.bytes.size());
  return out;
}

std::vector<float> golden_floats(const formats::SafetensorsFile& file, const std::string& name) {
  const formats::TensorView& view = file.at(name);
  std::vector<float> out(view.bytes.size() / sizeof(float));
  std::memcpy(out.data(), view.bytes.data(), view.bytes.size());
  return out;
}

std::vector<std::vector<std::int64_t>> written_ids(EncoderDecoder& model,
                                                   const formats::PretrainedConfig& config,
                                                   const std::vector<std::int64_t>& source,
                                                   text::GenerationOptions options) {
  SequenceDecoder decoder(std::shared_ptr<EncoderDecoder>(&model, [](EncoderDecoder*) {}));
  decoder.read(std::vector<std::vector<std::int64_t>>{source});
  options.end = config.eos_token_ids;
  const std::vector<std::vector<std::int64_t>> begin{{config.decoder_start_token_id.value()}};
  std::vector<std::vector<std::int64_t>> out;
  const auto texts = text::generate(decoder, begin, options);
  for (const text::GeneratedText& text : texts.front()) {
    out.push_back(begin[0]);
    out.back().insert(out.back().end(), text.ids.begin(), text.ids.end());
  }
  return out;
}

void check_sequence_folder(const fs::path& folder) {
  SCOPED_TRACE(folder.string());
  const PretrainedSequence opened = open_pretrained_sequence(folder);
  const formats::SafetensorsFile io(folder / "io.safetensors");
  const Json expected =
      core::parse_json(core::read_file(folder / "expected.json"), (folder / "expected.json").string());
  const auto shape = io.at("logits").shape;
  const std::int64_t rows = shape[0], length = shape[1], entries = shape[2];
  const auto ids = golden_integers(io, "input_ids"), mask = golden_integers(io, "attention_mask");
  const auto inputs = golden_integers(io, "decoder_input_ids");
  const auto logits = golden_floats(io, "logits");
  const std::int64_t width = static_cast<std::int64_t>(ids.size()) / rows;
  std::vector<std::vector<std::int64_t>> sources(static_cast<std::size_t>(rows));
  EncodedExamples data;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = r * width; i < (r + 1) * width; ++i) {
      if (mask[static_cast<std::size_t>(i)] == 1) sources[r].push_back(ids[static_cast<std::size_t>(i)]);
    }
    const std::vector<std::int64_t> input(inputs.begin() + r * length, inputs.begin() + (r + 1) * length);
    append_pair(data, sources[r], input, std::vector<std::int64_t>(input.size(), -1));
  }
  const at::NoGradGuard no_grad;
  const Streams streams = split_streams(collate_all(data));
  const Memory memory = opened.model->remember(opened.model->encode(streams.source), streams.source);
  const at::Tensor got = opened.model->decoded(
      streams.target, memory, AttentionSpans::between(streams.target.offsets, memory.offsets));
  ASSERT_EQ(got.size(0), rows * length);
  ASSERT_EQ(got.size(1), entries);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    ASSERT_NEAR(got.const_data_ptr<float>()[i], logits[i], 1e-4 + 1e-4 * std::abs(logits[i])) << i;
  }

  const auto source = expected.contains("prompt_ids")
                          ? expected.at("prompt_ids").get<std::vector<std::int64_t>>()
                          : sources[0];
  const auto written = [&](const char* name, text::GenerationOptions options) {
    if (!expected.contains(name)) return;
    auto wanted = expected.at(name).get<std::vector<std::int64_t>>();
    options.max_new_tokens = 10;
    auto ids_got = written_ids(*opened.model, opened.config, source, options).front();
    EXPECT_EQ(ids_got, wanted) << name;
  };
  written("greedy_ids", {});
  written("greedy_repetition_penalty_1.3_ids", {.repetition_penalty = 1.3});
  written("beam3_ids", {.beams = 3});

  // Written and read again it is the same model, and the file has the tensors that it was read from.
  const core::TemporaryFolder copy;
  save_pretrained_sequence(copy / "model", *opened.model, opened.config);
  const PretrainedSequence again = open_pretrained_sequence(copy / "model");
  const auto before = opened.model->named_parameters(), after = again.model->named_parameters();
  ASSERT_EQ(before.size(), after.size());
  for (const auto& item : before) EXPECT_TRUE(item.value().equal(after[item.key()])) << item.key();
  const formats::SafetensorsFile from(folder / "model.safetensors"), to(copy / "model" / "model.safetensors");
  for (const std::string& name : from.names()) {
    if (!to.contains(name)) {
      EXPECT_TRUE(name.ends_with("embed_tokens.weight") || name == "lm_head.weight") << name;
      continue;
    }
    EXPECT_EQ(to.at(name).shape, from.at(name).shape) << name;
  }
}

TEST(SequenceModelsGolden, EqualTransformersOnTheRandomModels) {
  const fs::path models = fs::path(__FILE__).parent_path().parent_path() / "golden/models";
  for (const char* name : {"t5", "t5_gated", "bart_scaled"}) check_sequence_folder(models / name);
}

TEST(SequenceModels, TablesOfAStacksOwnAreRefusedByName) {
  const fs::path from = fs::path(DISCREET_SOURCE_DIR) / "tests/golden/models/bart_scaled";
  const core::TemporaryFolder temporary;
  const fs::path folder = temporary / "bart";
  fs::copy(from, folder, fs::copy_options::recursive);
  NamedTensors tensors = read_tensors(from / "model.safetensors");
  at::Tensor shared;
  for (const auto& [name, tensor] : tensors) {
    if (name == "model.shared.weight") shared = tensor;
  }
  ASSERT_TRUE(shared.defined());
  std::erase_if(tensors, [](const auto& item) { return item.first.find("embed_tokens") != std::string::npos; });
  tensors.emplace_back("model.encoder.embed_tokens.weight", shared.clone());
  tensors.emplace_back("model.decoder.embed_tokens.weight", shared.clone());
  write_tensors(folder / "model.safetensors", tensors);
  EXPECT_NO_THROW(open_pretrained_sequence(folder));
  tensors.back().second[3][0] += 1;
  write_tensors(folder / "model.safetensors", tensors);
  try {
    open_pretrained_sequence(folder);
    FAIL() << "was opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    EXPECT_NE(std::string(error.what()).find("'model.decoder.embed_tokens.weight' differs"), std::string::npos) << error.what();
  }
}

TEST(SequenceModelsGolden, EqualTransformersOnTinyBart) {
  const char* data = std::getenv("DISCREET_DATA");
  if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA is not set";
  check_sequence_folder(fs::path(data) / "golden/tiny/bart");
}

}  // namespace
}  // namespace discreet::nn::test
